//! A street and its noisy reconstruction, a smaller one than scenes/noisy_street: where the transmitter is out of sight, lobes
//! keep the received power that a specular reflection loses with the facets.

use crate::support::build::{self, add_panel, checked, radios, scene_of};
use crate::support::{accept, full};
use raylobe::path::SolverOptions;
use raylobe::path::scatter::ScatterOptions;
use raylobe::progress::Silent;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::degrade::{DegradeOptions, degrade};
use raylobe::scene::description::{LobeDescription, MaterialDescription, NoiseSource, SceneDescription};
use raylobe::solve::{Solution, solve};

/// Mean absolute error of the lobe [dB], and its share of the specular one.
const BOUNDS: (f64, f64) = (3.0, 0.4);
/// What is missing counts as this far below the truth [dB].
const FLOOR_DB: f64 = 30.0;
const TRANSMITTER: [f64; 3] = [-16.0, -1.0, 3.0];

/// A street along x, 10 m wide, and a side street to the north, 8 m wide: walls of concrete.
fn street() -> SceneDescription {
    let mut scene = scene_of(&[MaterialDescription::itu("wall", "concrete")]);
    let up = [0.0, 0.0, 6.0];
    for (name, corner, along) in [
        ("south", [-20.0, -5.0, 0.0], [40.0, 0.0, 0.0]),
        ("north_west", [-20.0, 5.0, 0.0], [17.0, 0.0, 0.0]),
        ("west", [-3.0, 5.0, 0.0], [0.0, 12.0, 0.0]),
        ("east", [5.0, 5.0, 0.0], [0.0, 12.0, 0.0]),
        ("north_east", [5.0, 5.0, 0.0], [15.0, 0.0, 0.0]),
    ] {
        add_panel(&mut scene, name, "wall", corner, along, up);
    }
    scene
}

fn receivers() -> Vec<[f64; 3]> {
    let places = (0..5).flat_map(|i| (0..8).map(move |j| [-2.1 + 1.5 * f64::from(i), 5.6 + 1.4 * f64::from(j), 1.5]));
    places.collect()
}

/// Power at each receiver, and whether it sees the transmitter.
fn powers(scene: &SceneDescription, lobe_rays: Option<u64>) -> Vec<(f64, bool)> {
    let rays = lobe_rays.unwrap_or(1);
    let scatter = ScatterOptions { lobe: lobe_rays.is_some(), rays, lobe_samples: 0, ..ScatterOptions::default() };
    // Chains are of no use where every reflection ends in a lobe.
    let options = match lobe_rays {
        Some(_) => SolverOptions { scatter, ..build::launch(2, 1, 0) },
        None => build::by_default(2),
    };
    let radios = radios(Polarization::V, &[TRANSMITTER], &receivers());
    let solution =
        solve(build::backend(), &checked(scene), &radios, &[28e9], &options, &Silent).expect("a sound street");
    (0..solution.paths.links()).map(|link| received(&solution, link)).collect()
}

fn received(solution: &Solution, link: usize) -> (f64, bool) {
    let paths = solution.paths.of_link(link);
    let power = |path: usize| solution.channel.of_path(path, 0).iter().map(|a| a.norm_sqr()).sum::<f64>();
    (paths.clone().map(power).sum(), paths.clone().any(|path| solution.paths.vertices_of(path).is_empty()))
}

#[test]
fn lobes_keep_the_power_of_a_noisy_street_out_of_sight() {
    let truth = powers(&street(), None);
    let all = [("lidar_0.5", 1_000_000), ("lidar_1", 256_000), ("lidar_2", 64_000), ("lidar_4", 16_000)];
    for (preset, rays) in if full() { &all[..] } else { &all[2..3] } {
        let noisy =
            degrade(street(), &DegradeOptions::preset(preset).expect("a preset")).expect("a sound street").scene;
        let mut lobes = noisy.clone();
        lobes.materials[0].lobe = Some(LobeDescription::VonMisesFisher {
            kappa: None,
            normal_noise_deg: None,
            normal_noise: Some(NoiseSource::Estimated),
            reciprocal: false,
        });
        let error = |found: &[(f64, bool)]| {
            let of = |((truth, sees), (found, _)): (&(f64, bool), &(f64, bool))| {
                (!sees && *truth > 0.0).then(|| (10.0 * (found / truth).log10()).max(-FLOOR_DB).abs())
            };
            let errors: Vec<f64> = truth.iter().zip(found).filter_map(of).collect();
            assert!(errors.len() >= 20, "{} receivers are out of sight and reached", errors.len());
            errors.iter().sum::<f64>() / errors.len() as f64
        };
        let (specular, lobe) = (error(&powers(&noisy, None)), error(&powers(&lobes, Some(*rays))));
        println!("{preset}: specular {specular:.2} dB, lobe {lobe:.2} dB");
        let bound = format!("at most {} dB and {:.2} dB", BOUNDS.0, BOUNDS.1 * specular);
        let pass = lobe <= BOUNDS.0 && lobe <= BOUNDS.1 * specular;
        accept(&format!("noisy street, {preset}: mean |dB| of lobes"), format!("{lobe:.2}"), &bound, pass);
    }
}
