//! Directional lobes in place of specular reflections: the limit of narrow lobes, estimators, clusters (theory.md, "Lobes").

use crate::support::build::{self, add_panel, metal, radios, scene_of, solved};
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{Interaction, SolverOptions};
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::{LobeDescription, MaterialDescription, SceneDescription};

/// A wall so large that no lobe sees its rim, in the plane z = 0.
fn wall(material: MaterialDescription) -> SceneDescription {
    let mut scene = scene_of(std::slice::from_ref(&material));
    add_panel(&mut scene, "wall", &material.name, [-500.0, -500.0, 0.0], [1000.0, 0.0, 0.0], [0.0, 1000.0, 0.0]);
    scene
}

fn with_lobe(material: MaterialDescription, kappa: f64) -> MaterialDescription {
    MaterialDescription { lobe: Some(LobeDescription::von_mises_fisher(kappa)), ..material }
}

/// One lobe or reflection and nothing else.
fn options(lobe: bool, rays: u64, lobe_samples: u32) -> SolverOptions {
    let scatter = ScatterOptions { lobe, rays, lobe_samples, ..ScatterOptions::default() };
    SolverOptions { line_of_sight: false, scatter, ..build::by_default(1) }
}

/// Ends so that the wave arrives under `degrees`, with the share `a` of the way before the wall.
fn ends(degrees: f64, a: f64, length: f64) -> ([f64; 3], [f64; 3]) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    ([-a * length * sin, 0.0, a * length * cos], [(1.0 - a) * length * sin, 0.0, (1.0 - a) * length * cos])
}

fn power(scene: &SceneDescription, degrees: f64, a: f64, options: &SolverOptions) -> f64 {
    let (from, to) = ends(degrees, a, 30.0);
    let solution = solved(scene, &radios(Polarization::VH, &[from], &[to]), &[28e9], options);
    assert_eq!(solution.paths.len(), 1, "one wall, one path");
    solution.channel.a.iter().map(|a| a.norm_sqr()).sum()
}

/// |G/G_img - 1 - prediction| <= 2 % of the prediction + 5/(kappa cos^2)^2 (physics.md section 6, number 1), and what
/// sampling adds.
#[test]
fn narrow_lobes_keep_the_path_gain_of_the_image() {
    /// Error of the mean over the samples below: it falls about as their number.
    const SAMPLING: f64 = 3e-7;
    for (degrees, a, kappa) in
        [(60.0, 0.8, 1e4), (60.0, 0.8, 1e3), (30.0, 0.5, 1e3), (0.0, 0.3, 1e4), (45.0, 0.9, 1e5), (60.0, 0.8, 1e6)]
    {
        let image = power(&wall(metal()), degrees, a, &options(false, 1, 0));
        let scale = kappa * f64::to_radians(degrees).cos().powi(2);
        let predicted = a * (3.0 * a - 2.0) / scale;
        let lobe = wall(with_lobe(metal(), kappa));
        let found = power(&lobe, degrees, a, &options(true, 1, 1 << 16)) / image - 1.0;
        println!("{degrees} {a} {kappa:e}: {found:.4e}, predicted {predicted:.4e}");
        let bound = 0.02 * predicted.abs() + 5.0 / (scale * scale) + SAMPLING;
        assert!((found - predicted).abs() <= bound, "{degrees} {a} {kappa:e}: {found:e}, not {predicted:e}");
    }
}

#[test]
fn what_takes_the_place_of_a_reflection_is_a_lobe() {
    let (from, to) = ends(40.0, 0.5, 20.0);
    let lobe = wall(with_lobe(metal(), 500.0));
    let solution = solved(&lobe, &radios(Polarization::V, &[from], &[to]), &[28e9], &options(true, 100_000, 64));
    assert_eq!(solution.paths.interaction, [Interaction::Lobe]);
}
