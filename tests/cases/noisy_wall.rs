//! A flat wall and its noisy reconstruction (physics.md section 6, number 6): the specular reflection comes and goes with
//! the facets, the lobe forgives them.

use crate::support::build::{self, Numbers, add_panel, checked, metal, radios, scene_of};
use crate::support::{accept, full};
use raylobe::path::SolverOptions;
use raylobe::path::scatter::ScatterOptions;
use raylobe::progress::Silent;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::degrade::{DegradeOptions, degrade};
use raylobe::scene::description::{LobeDescription, SceneDescription};
use raylobe::solve::solve;

/// Noise of the normals [degrees], and the mean |dB| that is to be met: the lobe at kappa s^2 = 1/16, 1/4 and 1.
const TABLE: [(f64, [f64; 3]); 4] =
    [(0.5, [0.57, 1.36, 2.76]), (1.0, [0.33, 0.96, 2.20]), (2.0, [0.19, 0.52, 1.13]), (4.0, [0.15, 0.31, 0.81])];
const KAPPA_S2: [f64; 3] = [1.0 / 16.0, 0.25, 1.0];
/// A path that is missing counts as this far below the truth [dB]: the floor of the published table.
const FLOOR_DB: f64 = 30.0;
/// Both ends are this far from the wall [m], under 30 degrees.
const DISTANCE_M: f64 = 6.0;

fn wall() -> SceneDescription {
    let mut scene = scene_of(&[metal()]);
    add_panel(&mut scene, "wall", "metal", [-6.0, -6.0, 0.0], [12.0, 0.0, 0.0], [0.0, 12.0, 0.0]);
    scene
}

fn with_lobe(mut scene: SceneDescription, kappa: f64) -> SceneDescription {
    scene.materials[0].lobe = Some(LobeDescription::von_mises_fisher(kappa));
    scene
}

/// The power over the wall alone, a place on it given by two shifts [m].
fn power(scene: &SceneDescription, lobe: bool, [x, y]: [f64; 2], seed: u64) -> f64 {
    let level = DISTANCE_M * f64::to_radians(30.0).tan();
    let ends = [[x - level, y, DISTANCE_M], [x + level, y, DISTANCE_M]];
    let scatter = ScatterOptions { lobe, rays: 200_000, lobe_samples: 64, ..ScatterOptions::default() };
    let options = SolverOptions { line_of_sight: false, scatter, seed, ..build::by_default(1) };
    let radios = radios(Polarization::VH, &ends[..1], &ends[1..]);
    let solution = solve(build::backend(), &checked(scene), &radios, &[28e9], &options, &Silent).expect("a sound wall");
    solution.channel.a.iter().map(|a| a.norm_sqr()).sum::<f64>() / 2.0
}

/// Mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0) / n).sqrt())
}

#[test]
fn lobes_forgive_a_noisy_wall() {
    let seeds = if full() { 200 } else { 4 };
    let truth = power(&wall(), false, [0.0; 2], 1);
    let error = |power: f64| (10.0 * (power / truth).log10()).max(-FLOOR_DB).abs();
    println!("s [deg]  specular (outage)  lobe: kappa s^2 = 1/16, 1/4, 1");
    for (s, bounds) in TABLE {
        let mut errors: [Vec<f64>; 4] = Default::default();
        let mut outages = 0;
        for seed in 1..=seeds {
            let noise = DegradeOptions { seed, facet_m: 0.1, normal_noise_deg: s, ..DegradeOptions::default() };
            let noisy = degrade(wall(), &noise).expect("a sound wall").scene;
            let mut n = Numbers::new(seed as u32);
            let place = [n.between(-0.05, 0.05), n.between(-0.05, 0.05)];
            let specular = power(&noisy, false, place, seed);
            outages += u64::from(specular == 0.0);
            errors[0].push(error(specular));
            for (k, share) in KAPPA_S2.into_iter().enumerate() {
                let kappa = share / s.to_radians().powi(2);
                errors[k + 1].push(error(power(&with_lobe(noisy.clone(), kappa), true, place, seed)));
            }
        }
        let found = errors.each_ref().map(|errors| mean(errors));
        let outage = 100.0 * outages as f64 / seeds as f64;
        let [specular, lobes @ ..] = found;
        println!("{s:7}  {:.2} +- {:.2} ({outage:.0} %)  {lobes:.2?}", specular.0, specular.1);
        for ((k, (mean, spread)), bound) in KAPPA_S2.into_iter().zip(lobes).zip(bounds) {
            let name = format!("noisy wall, {s} degrees, kappa s^2 = {k:.4}: mean |dB|");
            accept(&name, format!("{mean:.2} +- {spread:.2}"), &format!("{bound}"), mean <= bound + 2.0 * spread);
        }
    }
}
