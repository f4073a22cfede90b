//! Gradients of Sionna RT 2.2.0 by materials and positions, path by path; those by vertices and poses are wrong there, and
//! closed forms stand for them (`gradients.rs`).

use crate::gradient_files::{Gradients, gradients};
use crate::support::build::{self, backend, checked};
use crate::support::worse;
use raylobe::channel::ChannelBar;
use raylobe::geometry::Geometry;
use raylobe::path::adjoint::{PermittivityBar, SceneBar, Wanted, adjoint};
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{Interaction, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::solve::{Engine, Samples};

/// The peer works in f32: its own derivatives and differences are this far apart, relative [-].
const RELATIVE: f64 = 2e-3;
/// Sums over other samples of the same surface: relative derivatives differ by this.
const SAMPLED: f64 = 0.02;

fn solved(truth: &Gradients, scene: &Scene, diffuse: bool) -> Samples {
    let scatter = ScatterOptions { diffuse, rays: 100_000, ..ScatterOptions::default() };
    let options = SolverOptions { scatter, ..build::exhaustive(truth.max_depth) };
    let carriers = [truth.frequency];
    let mut engine = Engine::new(backend(), scene, &truth.radios, &carriers, &options, &Silent).expect("it is valid");
    engine.samples(0..truth.radios.receivers.len()).expect("it can be solved")
}

/// The bars of the scene from those of some paths' power and delay.
fn pulled(
    truth: &Gradients,
    scene: &Scene,
    samples: &Samples,
    paths: &[usize],
    bars: [f64; 2],
    wanted: Wanted,
) -> SceneBar {
    let mut all = ChannelBar::zeros(&samples.channel);
    for path in paths {
        let range = samples.channel.a_offsets[*path] as usize..samples.channel.a_offsets[*path + 1] as usize;
        for place in range {
            all.a[place] = samples.channel.a[place] * (2.0 * bars[0]);
        }
        all.tau[*path] = bars[1];
    }
    let geometry = Geometry::new(scene);
    adjoint(&geometry, &truth.radios, &samples.paths, &samples.channel, &all, wanted).expect("these have derivatives")
}

fn value(scene: &Scene, bar: &SceneBar, name: &str) -> f64 {
    let words: Vec<&str> = name.split('.').collect();
    if words[1] == "position" {
        let axis = ["x", "y", "z"].iter().position(|axis| *axis == words[2]).expect("an axis");
        let place: usize = words[0][2..].parse().expect("a number");
        let radios = if words[0].starts_with("tx") { &bar.transmitters } else { &bar.receivers };
        return radios[place].position[axis];
    }
    let is_it = |name: &str| name.trim_start_matches("mat-").trim_start_matches("itu_") == words[0];
    let material = scene.materials.iter().position(|material| is_it(&material.name));
    let Some(material) = material else { return 0.0 };
    let bar = &bar.materials[material];
    let PermittivityBar::Constant { relative_permittivity, conductivity } = bar.permittivity else {
        panic!("constant")
    };
    match words[1] {
        "relative_permittivity" => relative_permittivity,
        "conductivity" => conductivity,
        "thickness" => bar.thickness,
        "scattering_coefficient" => bar.scattering,
        "xpd_coefficient" => bar.xpd,
        other => panic!("{other}"),
    }
}

#[test]
fn the_peers_gradients_of_reflections_are_met() {
    for tag in ["canyon_spec_d3", "reflector_spec_custom", "reflector_spec_tr38901"] {
        let Some(truth) = gradients(tag) else { return };
        let scene = checked(&truth.scene);
        let samples = solved(&truth, &scene, false);
        let mut worst = 0.0;
        for (row, (rx, kinds, power, tau)) in truth.rows.iter().enumerate() {
            let apart = |path: &usize| (samples.channel.tau[*path] / tau.expect("a delay") - 1.0).abs();
            let same_depth = |path: &usize| samples.paths.vertices_of(*path).len() == kinds.len();
            let candidates = samples.paths.of_link(*rx).filter(same_depth);
            let path = candidates.min_by(|a, b| apart(a).total_cmp(&apart(b))).expect("the peer's path is there");
            assert!(apart(&path) < 1e-5, "{tag} row {row}");
            for (which, bars) in [[1.0, 0.0], [0.0, 1.0]].into_iter().enumerate() {
                let found = pulled(&truth, &scene, &samples, &[path], bars, Wanted::all());
                // Relative to the gradient by the whole position, or to the value itself for 1 of the parameter.
                let size = |name: &str| {
                    let family = name.rsplit_once('.').expect("a parameter").0;
                    let all =
                        truth.by.iter().filter(|(other, _)| name.contains("position") && other.starts_with(family));
                    all.map(|(_, values)| values[row][which].powi(2)).sum::<f64>().sqrt()
                };
                for (name, values) in &truth.by {
                    let (expected, found) = (values[row][which], value(&scene, &found, name));
                    let scale = expected.abs().max(size(name)).max(1e-4 * [*power, 1e-9][which]);
                    let error = (found - expected).abs() / scale;
                    worst = worse(worst, error);
                    assert!(error < RELATIVE, "{tag} row {row} {which} by {name}: {found:e}, the peer {expected:e}");
                }
            }
        }
        println!("{tag}: within {worst:.1e} of the peer");
    }
}

#[test]
fn the_peers_gradients_of_diffuse_scattering_are_met() {
    let Some(truth) = gradients("reflector_diffuse") else { return };
    let scene = checked(&truth.scene);
    let samples = solved(&truth, &scene, true);
    for (row, (_, kinds, power, _)) in truth.rows.iter().enumerate() {
        let kind = |path: usize| -> Vec<u64> {
            samples.paths.vertices_of(path).map(|vertex| samples.paths.interaction[vertex] as u64).collect()
        };
        let paths: Vec<usize> = (0..samples.paths.len()).filter(|path| kind(*path) == *kinds).collect();
        let powers = |path: &usize| samples.channel.of_path(*path, 0).iter().map(|a| a.norm_sqr()).sum::<f64>();
        let own: f64 = paths.iter().map(powers).sum();
        let is_diffuse = kinds.contains(&(Interaction::Diffuse as u64));
        assert_eq!(paths.len() > 1, is_diffuse);
        let found = pulled(&truth, &scene, &samples, &paths, [1.0, 0.0], Wanted::materials());
        for (name, values) in &truth.by {
            let (expected, found) = (values[row][0] / power, value(&scene, &found, name) / own);
            let bound = if is_diffuse { SAMPLED } else { RELATIVE };
            assert!(
                (found - expected).abs() < bound * expected.abs() + 1e-6,
                "{kinds:?} by {name}: {found} {expected}"
            );
            println!("{kinds:?} by {name}: {found:.6}, the peer {expected:.6}");
        }
    }
}
