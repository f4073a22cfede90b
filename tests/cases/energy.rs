//! What is scattered comes from what is radiated: the power through closed surfaces, along whole paths and in maps, and
//! nothing within closed buildings.

use crate::support::build::{self, Numbers, add_cuboid, add_panel, backend, checked, radios, scene_of};
use raylobe::constants::SPEED_OF_LIGHT;
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::math::frame::rotation_of;
use raylobe::math::random::fibonacci_direction;
use raylobe::math::{C64, Vec3};
use raylobe::path::SolverOptions;
use raylobe::path::scatter::ScatterOptions;
use raylobe::progress::Silent;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::{LobeDescription, MaterialDescription, PatternDescription, SceneDescription};
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::Target;
use raylobe::solve::solve;
use std::f64::consts::PI;

const CARRIER: f64 = 28e9;

/// How a surface that reflects everything scatters.
struct Finish {
    name: &'static str,
    scattering: f64,
    pattern: PatternDescription,
    lobe: Option<LobeDescription>,
    /// Whether all of it is scattered, so that nothing may be missing.
    is_white: bool,
}

fn finishes() -> Vec<Finish> {
    let vmf = |kappa, reciprocal| LobeDescription::VonMisesFisher {
        kappa: Some(kappa),
        normal_noise_deg: None,
        normal_noise: None,
        reciprocal,
    };
    let power = |alpha, reciprocal| LobeDescription::CosinePower {
        alpha: Some(alpha),
        normal_noise_deg: None,
        normal_noise: None,
        reciprocal,
    };
    let back = |reciprocal| PatternDescription::Backscattering { alpha_r: 6.5, alpha_i: 4.0, lambda: 0.6, reciprocal };
    let lambertian = PatternDescription::Lambertian {};
    let of = |name, scattering, pattern: &PatternDescription, lobe: Option<LobeDescription>, is_white| Finish {
        name,
        scattering,
        pattern: pattern.clone(),
        lobe,
        is_white,
    };
    vec![
        of("Lambertian", 1.0, &lambertian, None, true),
        of("backscattering, partly", 0.6, &back(false), None, true),
        of("backscattering, reciprocal", 0.8, &back(true), None, false),
        of("lobe", 0.0, &lambertian, Some(vmf(60.0, false)), true),
        of("lobe, reciprocal", 0.0, &lambertian, Some(power(40.0, true)), false),
        of("lobe and Lambertian", 0.7, &lambertian, Some(power(200.0, false)), true),
        of("lobe and backscattering", 0.5, &back(false), Some(vmf(1e3, false)), true),
    ]
}

/// A plate, or two that face each other under an angle, all about the origin.
fn plates(finish: &Finish, count: usize) -> SceneDescription {
    let material = MaterialDescription {
        scattering: Some(finish.scattering),
        pattern: Some(finish.pattern.clone()),
        lobe: finish.lobe.clone(),
        ..build::metal()
    };
    let mut scene = scene_of(&[material]);
    add_panel(&mut scene, "first", "metal", [-1.0, -1.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0]);
    if count == 2 {
        add_panel(&mut scene, "second", "metal", [1.1, -1.0, 0.1], [0.6, 0.0, 1.5], [0.0, 2.0, 0.0]);
    }
    scene
}

const SOURCE: [f64; 3] = [-0.2, 0.1, 0.9];

fn options(finish: &Finish, max_depth: u32, rays: u64) -> SolverOptions {
    let (diffuse, lobe) = (finish.scattering > 0.0, finish.lobe.is_some());
    let scatter = ScatterOptions { diffuse, lobe, rays, ..ScatterOptions::default() };
    SolverOptions { scatter, ..build::by_default(max_depth) }
}

/// Mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt())
}

/// Power through a sphere about everything, of what is radiated, by the paths to so many receivers on it: an isotropic
/// antenna takes lambda^2/(4 pi) of the power per area across the direction of arrival.
fn through_sphere(scene: &SceneDescription, options: &SolverOptions, receivers: u64, seed: u64) -> f64 {
    const RADIUS_M: f64 = 4.0;
    let mut n = Numbers::new(seed as u32);
    let turn = rotation_of([0, 1, 2].map(|_| n.between(-3.0, 3.0)));
    let outward: Vec<Vec3> = (0..receivers).map(|i| turn * fibonacci_direction(i, receivers)).collect();
    let positions: Vec<[f64; 3]> = outward.iter().map(|n| (n * RADIUS_M).into()).collect();
    let radios = radios(Polarization::VH, &[SOURCE], &positions);
    let options = SolverOptions { seed, ..options.clone() };
    let solution = solve(backend(), &checked(scene), &radios, &[CARRIER], &options, &Silent).expect("it can be solved");
    let area = 4.0 * PI * RADIUS_M * RADIUS_M / receivers as f64;
    let aperture = (SPEED_OF_LIGHT / CARRIER).powi(2) / (4.0 * PI);
    let mut sum = 0.0;
    // One transmitter: a link for each receiver.
    for (link, outward) in outward.iter().enumerate() {
        for path in solution.paths.of_link(link) {
            let power: f64 = solution.channel.of_path(path, 0).iter().map(C64::norm_sqr).sum();
            sum += power / 2.0 * solution.paths.arrival[path].dot(outward);
        }
    }
    sum * area / aperture
}

#[test]
fn paths_carry_no_more_through_a_sphere_than_is_radiated() {
    /// Share of the plates' rims that so few rays and receivers meet or miss.
    const RIM: f64 = 0.006;
    for (i, finish) in finishes().into_iter().enumerate() {
        // Of those that differ little, one after another gets more reflections.
        let cases = if i % 2 == 0 { vec![(1, 1), (2, 3)] } else { vec![(1, 1)] };
        for (count, depth) in cases {
            let (scene, options) = (plates(&finish, count), options(&finish, depth, 4000));
            let found: Vec<f64> = (1..=3).map(|seed| through_sphere(&scene, &options, 400, seed)).collect();
            let (mean, error) = mean(&found);
            println!("{}, plates {count}: {mean:.4} +- {error:.4} of what is radiated", finish.name);
            assert!(mean <= 1.0 + 3.0 * error + RIM, "{}, {count}: {mean} +- {error}", finish.name);
            // One plate, all white, all paths known: nothing may be missing.
            if finish.is_white && count == 1 {
                assert!(mean >= 1.0 - 3.0 * error - RIM, "{}: {mean} +- {error}", finish.name);
            }
        }
    }
}

/// Power through a cube about everything, of what is radiated, by six maps: bounds from below and above, since a map does not
/// tell directions, which are those from somewhere within the scene; and the standard error.
fn through_cube(scene: &SceneDescription, options: &SolverOptions, rays: u64) -> ([f64; 2], f64) {
    const HALF_M: f64 = 60.0;
    const CELL_M: f64 = 5.0;
    let (scene, mut radios) = (checked(scene), radios(Polarization::VH, &[SOURCE], &[[0.0; 3]]));
    radios.transmitters[0].weights = None;
    let target = Target { rays, max_rays: rays, relative_error: None };
    let (low, high) = scene.bounds().expect("it has surfaces");
    let inner = [0, 1, 2].map(|axis| [low[axis].min(SOURCE[axis]), high[axis].max(SOURCE[axis])]);
    let aperture = (SPEED_OF_LIGHT / CARRIER).powi(2) / (4.0 * PI);
    let (mut bounds, mut variance) = ([0.0; 2], 0.0);
    for rotation in [
        [0.0, 0.0, 0.0],
        [0.0, PI, 0.0],
        [0.0, PI / 2.0, 0.0],
        [0.0, -PI / 2.0, 0.0],
        [0.0, 0.0, PI / 2.0],
        [0.0, 0.0, -PI / 2.0],
    ] {
        let rotation = rotation_of(rotation);
        let outward = rotation * Vec3::z();
        let sheet = Sheet::about(&(outward * HALF_M), [2.0 * HALF_M; 2], [CELL_M; 2], &rotation);
        let survey = Survey {
            layout: Layout::Sheet(sheet.clone(), Ground::Plane),
            points: 2,
            mean: Mean::Points,
            noise: 1e-12,
            target,
        };
        let mut engine =
            MapEngine::new(backend(), &scene, &survey, &radios, &[CARRIER], options, &Silent).expect("a sound scene");
        let exact = engine.tile(0..sheet.len()).expect("a tile");
        let sampled = engine.sampled(0, 0, &target).expect("it can be sampled");
        for cell in 0..sheet.len() {
            let centre = sheet.at((cell % sheet.cells[0]) as f64 + 0.5, (cell / sheet.cells[0]) as f64 + 0.5);
            let corners = (0..8).map(|i| Vec3::from([0, 1, 2].map(|axis| inner[axis][i >> axis & 1])));
            let cosines: Vec<f64> = corners.map(|from| (centre - from).normalize().dot(&outward)).collect();
            // Within a cell directions turn as well.
            let spread = CELL_M / HALF_M / 4.0;
            let least = cosines.iter().copied().fold(1.0, f64::min) * (1.0 - spread);
            let most = (cosines.iter().copied().fold(0.0, f64::max) * (1.0 + spread)).min(1.0);
            let gain = exact.sums[cell].mean(4) + sampled.moments[cell][0];
            let scale = CELL_M * CELL_M / aperture;
            bounds = [bounds[0] + gain * least * scale, bounds[1] + gain * most * scale];
            variance += sampled.variance[cell] * (least * scale).powi(2);
        }
    }
    (bounds, variance.sqrt())
}

#[test]
fn maps_show_no_more_through_a_cube_than_is_radiated() {
    for finish in finishes() {
        for (count, depth) in [(1, 1), (2, 3)] {
            let ([least, most], error) = through_cube(&plates(&finish, count), &options(&finish, depth, 1), 32_000);
            println!("{}, plates {count}: {least:.4} to {most:.4}, +- {error:.4}", finish.name);
            assert!(least <= 1.0 + 3.0 * error, "{}, {count}: {least} +- {error}", finish.name);
            if finish.is_white && count == 1 {
                assert!(most >= 1.0 - 3.0 * error, "{}: {most} +- {error}", finish.name);
            }
        }
    }
}

/// Closed blocks on a ground that is large, so that f32 is coarse; each by itself, wall to wall, one on another.
fn town() -> (SceneDescription, Vec<[[f64; 3]; 2]>) {
    let rough = MaterialDescription {
        scattering: Some(0.6),
        pattern: Some(PatternDescription::Directive { alpha: 3.0, reciprocal: false }),
        ..build::material("rough", 5.0, 0.1, 0.2)
    };
    let lobe = MaterialDescription {
        name: "glossy".into(),
        lobe: Some(LobeDescription::von_mises_fisher(300.0)),
        ..rough.clone()
    };
    let mut scene = scene_of(&[rough, lobe]);
    add_panel(&mut scene, "ground", "rough", [-600.0, -600.0, 0.0], [1200.0, 0.0, 0.0], [0.0, 1200.0, 0.0]);
    let blocks = vec![
        [[300.0, 200.0, 0.0], [312.0, 211.0, 9.3]],
        [[312.0, 200.0, 0.0], [320.0, 208.0, 6.1]],
        [[300.0, 200.0, 9.3], [306.0, 206.0, 14.0]],
        [[300.0, 222.7, 0.0], [318.0, 229.0, 11.0]],
        [[285.0, 203.3, 0.0], [293.1, 226.0, 8.0]],
    ];
    for (i, [low, high]) in blocks.iter().enumerate() {
        let material = if i % 2 == 0 { "rough" } else { "glossy" };
        add_cuboid(&mut scene, &format!("block{i}"), material, *low, *high);
    }
    (scene, blocks)
}

#[test]
fn nothing_sampled_gets_into_closed_blocks() {
    let (scene, blocks) = town();
    let scene = checked(&scene);
    let radios = radios(Polarization::V, &[[297.0, 216.0, 5.0]], &[[0.0; 3]]);
    let target = Target { rays: 2_000_000, max_rays: 2_000_000, relative_error: None };
    let scatter = ScatterOptions { diffuse: true, lobe: true, ..ScatterOptions::default() };
    let options = SolverOptions { scatter, ..build::by_default(3) };
    let layout = Layout::Sheet(
        Sheet::about(&Vec3::new(303.0, 215.0, 1.3), [40.0, 34.0], [1.0, 1.0], &rotation_of([0.0; 3])),
        Ground::Plane,
    );
    let survey = Survey { layout, points: 1, mean: Mean::Points, noise: 1e-12, target };
    let mut engine =
        MapEngine::new(backend(), &scene, &survey, &radios, &[CARRIER], &options, &Silent).expect("a sound scene");
    let exact = engine.tile(0..engine.grid().len()).expect("a tile");
    let sampled = engine.sampled(0, 0, &target).expect("it can be sampled");
    let is_inside = |cell: &usize| {
        let c = &exact.centres[*cell];
        // The whole cell.
        blocks.iter().any(|[low, high]| (0..2).all(|axis| c[axis] - 0.5 >= low[axis] && c[axis] + 0.5 <= high[axis]))
    };
    let inside: Vec<usize> = (0..exact.centres.len()).filter(is_inside).collect();
    let lit = sampled.moments.iter().filter(|moments| moments[0] > 0.0).count();
    assert!(inside.len() > 300 && lit > 500, "{} {lit}", inside.len());
    let leaks: Vec<(Vec3, f64)> = inside
        .iter()
        .map(|cell| (exact.centres[*cell], sampled.moments[*cell][0] + exact.sums[*cell].gain))
        .filter(|(_, gain)| *gain != 0.0)
        .collect();
    let brightest = sampled.moments.iter().map(|moments| moments[0]).fold(0.0, f64::max);
    let worst = leaks.iter().map(|(_, gain)| gain / brightest).fold(0.0, f64::max);
    assert!(
        leaks.is_empty(),
        "{} of {} cells, up to {worst:e} of the brightest: {:?}",
        leaks.len(),
        inside.len(),
        &leaks[..leaks.len().min(5)]
    );
}

#[test]
fn no_scattered_path_gets_into_closed_blocks() {
    let (scene, blocks) = town();
    let within = |[low, high]: &[[f64; 3]; 2]| [0, 1, 2].map(|axis| low[axis] + 0.4 * (high[axis] - low[axis]));
    let inside: Vec<[f64; 3]> = blocks.iter().map(within).collect();
    let radios = radios(Polarization::V, &[[297.0, 216.0, 5.0]], &inside);
    let scatter = ScatterOptions { diffuse: true, lobe: true, rays: 150_000, ..ScatterOptions::default() };
    let options = SolverOptions { scatter, ..build::by_default(3) };
    let solution =
        solve(backend(), &checked(&scene), &radios, &[CARRIER], &options, &Silent).expect("it can be solved");
    assert!(solution.paths.is_empty(), "{:?}", solution.paths.vertex);
}
