//! Diffuse scattering along whole paths and in maps (theory.md, "Diffuse scattering", "Radio maps").

use crate::support::build::{self, add_panel, backend, checked, scene_of};
use crate::support::{city, full, large_truth};
use raylobe::io::scene_file;
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::math::frame::rotation_of;
use raylobe::math::{C64, Vec3};
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{Interaction, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::{MaterialDescription, PatternDescription, SceneDescription};
use raylobe::scene::radio::Radios;
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::{Sampled, Target};
use raylobe::solve::{Solution, solve};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

fn options(max_depth: u32, rays: u64) -> SolverOptions {
    let scatter = ScatterOptions { diffuse: true, rays, ..ScatterOptions::default() };
    SolverOptions { scatter, ..build::by_default(max_depth) }
}

/// What happens along a path, a letter a vertex: R or D.
fn kind(solution: &Solution, path: usize) -> String {
    let letter = |kind: &Interaction| match kind {
        Interaction::Reflection => 'R',
        Interaction::Diffuse => 'D',
        Interaction::Lobe => 'L',
    };
    solution.paths.interaction[solution.paths.vertices_of(path)].iter().map(letter).collect()
}

/// Power of each kind of path `[receiver]`.
fn powers(solution: &Solution) -> Vec<BTreeMap<String, f64>> {
    let mut powers = vec![BTreeMap::new(); solution.paths.receivers];
    for link in 0..solution.paths.links() {
        for path in solution.paths.of_link(link) {
            let power: f64 = solution.channel.of_path(path, 0).iter().map(C64::norm_sqr).sum();
            *powers[link / solution.paths.transmitters].entry(kind(solution, path)).or_insert(0.0) += power;
        }
    }
    powers
}

#[test]
fn a_street_scatters_as_much_as_the_peers() {
    let Some(file) = large_truth("simple_street_canyon/diffuse_d3.json") else { return };
    let Some(scene) = city("simple_street_canyon") else { return };
    let truth: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("it is there")).expect("JSON");
    let mut scene = scene_file::read(&scene).expect("the peer's scene can be read");
    for material in &mut scene.materials {
        (material.scattering, material.xpd, material.thickness_m) = (Some(0.4), Some(0.1), Some(0.1));
    }
    let position = |value: &Value| [0, 1, 2].map(|i| value["position"][i].as_f64().expect("a coordinate"));
    let receivers: Vec<[f64; 3]> = truth["rx"].as_array().expect("receivers").iter().map(position).collect();
    let mut radios = build::radios(Polarization::VH, &[position(&truth["tx"][0])], &receivers);
    radios.transmitters[0].orientation = [0.1, 0.3, 0.0];
    let solution =
        solve(backend(), &checked(&scene), &radios, &[3.5e9], &options(2, 200_000), &Silent).expect("it can be solved");
    let found = powers(&solution);
    for depth in 1..=2 {
        let (mut ours, mut theirs) = (0.0, 0.0);
        for (receiver, found) in found.iter().enumerate() {
            // The peer's paths end with the diffuse point: none is reflected after it.
            let own: f64 =
                found.iter().filter(|(kind, _)| kind.len() == depth && kind.ends_with('D')).map(|x| x.1).sum();
            let number = |value: &Value| value.as_f64().unwrap_or(f64::from(u8::from(value == &Value::Bool(true))));
            let row = |row: &&Value| [0, 1, 2].map(|i| number(&row[i])) == [receiver as f64, depth as f64, 1.0];
            let rows = truth["power_by_rx_depth_diffuse"].as_array().expect("rows");
            let peer = rows.iter().find(row).expect("a row")[3].as_f64().expect("a power");
            // Points near the receiver make much of it, and neither has many there.
            assert!((own / peer - 1.0).abs() < 0.12, "receiver {receiver}, depth {depth}: {own:e}, the peer {peer:e}");
            (ours, theirs) = (ours + own, theirs + peer);
        }
        assert!((ours / theirs - 1.0).abs() < 0.04, "depth {depth}: {ours:e}, the peer {theirs:e}");
    }
}

/// Ground and two walls that scatter.
fn court() -> SceneDescription {
    let rough = MaterialDescription {
        scattering: Some(0.6),
        xpd: Some(0.2),
        pattern: Some(PatternDescription::Directive { alpha: 3.5, reciprocal: false }),
        ..build::material("rough", 5.0, 0.1, 0.2)
    };
    let mut scene = scene_of(&[rough]);
    add_panel(&mut scene, "ground", "rough", [-15.0, -15.0, 0.0], [30.0, 0.0, 0.0], [0.0, 30.0, 0.0]);
    add_panel(&mut scene, "left", "rough", [-15.0, -12.0, 0.0], [30.0, 2.0, 0.0], [0.0, 0.0, 11.0]);
    add_panel(&mut scene, "right", "rough", [-15.0, 13.0, 0.0], [30.0, 0.0, 0.0], [0.0, 2.0, 12.0]);
    scene
}

fn radios() -> Radios {
    build::radios(Polarization::VH, &[[-8.0, 1.0, 7.0]], &[[0.0; 3]])
}

fn sheet(cell: f64) -> Sheet {
    Sheet::about(&Vec3::new(2.0, 1.0, 3.0), [9.0, 9.0], [cell, cell], &rotation_of([0.0; 3]))
}

fn sampled(cell: f64, options: &SolverOptions, rays: u64) -> Sampled {
    let (scene, mut radios) = (checked(&court()), radios());
    radios.transmitters[0].weights = Some(vec![C64::ONE, C64::ZERO]);
    let target = Target { rays, max_rays: rays, relative_error: None };
    let survey = Survey {
        layout: Layout::Sheet(sheet(cell), Ground::Plane),
        points: 1,
        mean: Mean::Points,
        noise: 1e-12,
        target,
    };
    let carriers = [28e9];
    let mut engine =
        MapEngine::new(backend(), &scene, &survey, &radios, &carriers, options, &Silent).expect("a sound scene");
    engine.sampled(0, 0, &target).expect("it can be sampled")
}

#[test]
fn the_sampled_part_of_a_map_is_the_sum_over_scattered_paths() {
    let (scene, mut radios) = (checked(&court()), radios());
    radios.antennas.push(build::isotropic(Polarization::V));
    radios.transmitters[0].antenna = 1;
    let sheet = sheet(0.9);
    radios.receivers = (0..sheet.len())
        .map(|cell| build::radio("rx", sheet.at((cell % 10) as f64 + 0.5, (cell / 10) as f64 + 0.5).into()))
        .collect();
    for (depth, rays) in [(1, 60_000), (2, 10_000)] {
        let solution =
            solve(backend(), &scene, &radios, &[28e9], &options(depth, rays), &Silent).expect("it can be solved");
        let scattered = |powers: &BTreeMap<String, f64>| -> f64 {
            powers.iter().filter(|(kind, _)| kind.contains('D')).map(|(_, power)| power).sum()
        };
        let expected: Vec<f64> = powers(&solution).iter().map(scattered).collect();
        let map = sampled(0.9, &options(depth, rays), 4_000_000);
        let sums: [f64; 2] = [expected.iter().sum(), map.moments.iter().map(|moments| moments[0]).sum()];
        assert!((sums[1] / sums[0] - 1.0).abs() < 0.01, "depth {depth}: paths {:e}, map {:e}", sums[0], sums[1]);
        for (cell, expected) in expected.iter().enumerate() {
            let (found, error) = (map.moments[cell][0], map.variance[cell].sqrt());
            let bound = 5.0 * error + 0.04 * expected;
            assert!(
                (found - expected).abs() < bound,
                "depth {depth}, cell {cell}: {found:e} +- {error:e}, {expected:e}"
            );
        }
    }
}

#[test]
fn standard_errors_of_sampled_cells_are_honest() {
    // What is reflected after it was scattered may graze the sheet: its tail is long, and rare rays are missed more often
    // than a normal distribution has it.
    covers(1, 0.925..=0.975);
    covers(2, 0.88..=0.975);
}

/// Fails unless as many of the 95 % intervals of small samples hold the value of a large one.
fn covers(depth: u32, shares: RangeInclusive<f64>) {
    let rays = if full() { 64_000_000 } else { 8_000_000 };
    let truth = sampled(1.5, &options(depth, 1), rays);
    let (mut covered, mut all) = (0, 0);
    for seed in 1..=8 {
        let options = SolverOptions { seed: 100 + seed, ..options(depth, 1) };
        let map = sampled(1.5, &options, 256_000);
        for cell in 0..map.moments.len() {
            // The reference has an error of its own.
            let error = (map.variance[cell] + truth.variance[cell]).sqrt();
            covered += u32::from((map.moments[cell][0] - truth.moments[cell][0]).abs() <= 1.96 * error);
            all += 1;
        }
    }
    let share = f64::from(covered) / f64::from(all);
    println!("depth {depth}: {all} intervals of 95 %, of which {share:.4} hold the truth");
    assert!(shares.contains(&share), "{share}");
}

#[test]
fn cells_that_few_rays_reach_do_not_pretend_to_know() {
    for depth in [1, 2] {
        let truth = sampled(0.5, &options(depth, 1), 2_000_000);
        for rays in [320, 3200, 12_800] {
            // Cells that no ray has reached, and those that some have: all, and those whose interval holds the truth.
            let mut counts = [[0; 2]; 2];
            for seed in 1..=4 {
                let map = sampled(0.5, &SolverOptions { seed: 100 + seed, ..options(depth, 1) }, rays);
                for cell in 0..map.moments.len() {
                    let (mean, error) = (map.moments[cell][0], (map.variance[cell] + truth.variance[cell]).sqrt());
                    let count = &mut counts[usize::from(mean > 0.0)];
                    count[0] += 1;
                    count[1] += u32::from((mean - truth.moments[cell][0]).abs() <= 1.96 * error);
                }
            }
            println!(
                "depth {depth}, {rays} rays: of [all, held] {:?} without a hit, {:?} with some",
                counts[0], counts[1]
            );
            for [all, held] in counts {
                assert!(all > 0 && f64::from(held) >= 0.93 * f64::from(all), "depth {depth}, {rays} rays: {counts:?}");
            }
        }
    }
}

#[test]
fn sampling_goes_on_until_the_error_that_was_asked_for() {
    let (scene, radios) = (checked(&court()), radios());
    let target = Target { rays: 32_000, max_rays: 10_000_000, relative_error: Some(0.05) };
    let survey = Survey {
        layout: Layout::Sheet(sheet(1.5), Ground::Plane),
        points: 1,
        mean: Mean::Points,
        noise: 1e-12,
        target,
    };
    let options = options(1, 1);
    let mut engine =
        MapEngine::new(backend(), &scene, &survey, &radios, &[28e9], &options, &Silent).expect("a sound scene");
    let map = engine.sampled(0, 0, &target).expect("it can be sampled");
    let wide = (0..map.moments.len()).filter(|cell| map.variance[*cell].sqrt() > 0.05 * map.moments[*cell][0]).count();
    assert!(wide * 20 <= map.moments.len() && map.rays > 32_000 && map.rays <= 10_000_000, "{wide} {}", map.rays);
    let again = engine.sampled(0, 0, &target).expect("it can be sampled");
    assert_eq!(map.moments, again.moments);
}
