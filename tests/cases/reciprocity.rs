//! Swapping transmitter and receiver changes nothing along whole paths, where patterns are reciprocal: diffuse scattering
//! of surfaces that reflect every angle alike, reciprocal lobes of any material, reflections before and after.

use crate::support::build::{self, add_panel, radios, scene_of, solved};
use raylobe::math::C64;
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{Interaction, SolverOptions};
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::{
    Direction, LobeDescription, MaterialDescription, PatternDescription, SceneDescription,
};
use raylobe::solve::Solution;
use std::collections::BTreeMap;

const ENDS: [[f64; 3]; 2] = [[-4.0, -3.0, 2.5], [5.0, 4.0, 6.0]];

/// Ground and two walls that are not at right angles.
fn yard(material: &MaterialDescription) -> SceneDescription {
    let mut scene = scene_of(std::slice::from_ref(material));
    let name = &material.name;
    add_panel(&mut scene, "ground", name, [-12.0, -12.0, 0.0], [24.0, 0.0, 0.0], [0.0, 24.0, 0.0]);
    add_panel(&mut scene, "left", name, [-9.0, -11.0, 0.0], [1.0, 22.0, 0.0], [-1.0, 0.0, 11.0]);
    add_panel(&mut scene, "right", name, [-10.0, 9.0, 0.0], [21.0, 2.0, 0.0], [0.0, 1.0, 12.0]);
    scene
}

/// What happens along a path, a letter a vertex.
fn kind(solution: &Solution, path: usize) -> String {
    let letter = |kind: &Interaction| match kind {
        Interaction::Reflection => 'R',
        Interaction::Diffuse => 'D',
        Interaction::Lobe => 'L',
    };
    solution.paths.interaction[solution.paths.vertices_of(path)].iter().map(letter).collect()
}

/// Power of each kind of path, of the four pairs of ports `[transmit port, receive port]`, from one end to the other.
fn powers(scene: &SceneDescription, [from, to]: [[f64; 3]; 2], options: &SolverOptions) -> BTreeMap<String, [f64; 4]> {
    let solution = solved(scene, &radios(Polarization::VH, &[from], &[to]), &[28e9], options);
    let mut powers = BTreeMap::new();
    for path in 0..solution.paths.len() {
        let a: Vec<f64> = solution.channel.of_path(path, 0).iter().map(C64::norm_sqr).collect();
        let sums = powers.entry(kind(&solution, path)).or_insert([0.0; 4]);
        for (port, sum) in sums.iter_mut().enumerate() {
            *sum += a[2 * (port % 2) + port / 2];
        }
    }
    powers
}

/// The kinds of paths both ways, each with the largest difference of a pair of ports over the sum of all: a path one way is
/// the same path backwards the other way.
fn compared(scene: &SceneDescription, options: &SolverOptions) -> Vec<(String, f64)> {
    let there = powers(scene, ENDS, options);
    let back = powers(scene, [ENDS[1], ENDS[0]], options);
    assert_eq!(there.len(), back.len(), "{there:?} {back:?}");
    let error = |(kind, there): (&String, &[f64; 4])| {
        let back = back[&kind.chars().rev().collect::<String>()];
        let sum: f64 = there.iter().sum();
        // The port that sent is the one that receives.
        let pairs = [(0, 0), (1, 2), (2, 1), (3, 3)];
        let worst = pairs.iter().map(|(a, b)| (there[*a] - back[*b]).abs()).fold(0.0, f64::max);
        println!("  {kind:4} {sum:.4e}: off by {:.1e}", worst / sum);
        (kind.clone(), worst / sum)
    };
    there.iter().map(error).collect()
}

#[test]
fn diffuse_paths_are_the_same_both_ways() {
    let patterns = [
        PatternDescription::Lambertian {},
        PatternDescription::Directive { alpha: 4.0, reciprocal: true },
        PatternDescription::Backscattering { alpha_r: 5.5, alpha_i: 3.0, lambda: 0.7, reciprocal: true },
        PatternDescription::VonMisesFisher { kappa: 6.0, direction: Direction::Forward, reciprocal: true },
    ];
    for pattern in patterns {
        println!("{pattern:?}");
        let material =
            MaterialDescription { scattering: Some(0.7), xpd: Some(0.3), pattern: Some(pattern), ..build::metal() };
        let scatter = ScatterOptions { diffuse: true, rays: 100_000, ..ScatterOptions::default() };
        let found = compared(&yard(&material), &SolverOptions { scatter, ..build::by_default(3) });
        let kinds: Vec<&str> = found.iter().map(|(kind, _)| kind.as_str()).collect();
        assert!(["D", "DR", "RD", "RDR", "DD", "RRD"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
        for (kind, error) in &found {
            // One diffuse point is one of a lattice; more of them are drawn at random.
            let bound = match kind.matches('D').count() {
                0 => 1e-12,
                1 => 2e-3,
                2 => 0.06,
                _ => 0.08,
            };
            assert!(*error < bound, "{kind}: {error}");
        }
    }
}

#[test]
fn reciprocal_lobes_are_the_same_both_ways() {
    let lobes = [
        LobeDescription::VonMisesFisher {
            kappa: Some(40.0),
            normal_noise_deg: None,
            normal_noise: None,
            reciprocal: true,
        },
        LobeDescription::VonMisesFisher {
            kappa: Some(1e4),
            normal_noise_deg: None,
            normal_noise: None,
            reciprocal: true,
        },
        LobeDescription::CosinePower {
            alpha: Some(300.0),
            normal_noise_deg: None,
            normal_noise: None,
            reciprocal: true,
        },
    ];
    for lobe in lobes {
        println!("{lobe:?}");
        let material = MaterialDescription { lobe: Some(lobe), ..build::material("wall", 5.0, 0.1, 0.2) };
        let scatter = ScatterOptions { lobe: true, rays: 100_000, lobe_samples: 4096, ..ScatterOptions::default() };
        let found = compared(&yard(&material), &SolverOptions { scatter, ..build::by_default(1) });
        assert!(found.iter().any(|(kind, _)| kind == "L"), "{found:?}");
        assert!(found.iter().all(|(_, error)| *error < 1e-3), "{found:?}");
    }
}

#[test]
fn plain_patterns_are_not_the_same_both_ways() {
    // The same comparison tells them apart.
    let pattern = PatternDescription::Directive { alpha: 4.0, reciprocal: false };
    let material = MaterialDescription { scattering: Some(0.7), pattern: Some(pattern), ..build::metal() };
    let scatter = ScatterOptions { diffuse: true, rays: 100_000, ..ScatterOptions::default() };
    let found = compared(&yard(&material), &SolverOptions { scatter, ..build::by_default(1) });
    assert!(found.iter().any(|(_, error)| *error > 0.02), "{found:?}");
}
