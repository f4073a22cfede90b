//! A lobe over a mesh that is cut ever finer: some facets stand for the others (T79).

use crate::support::build::{self, add_panel, radios, scene_of};
use raylobe::path::SolverOptions;
use raylobe::path::scatter::ScatterOptions;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::degrade::{DegradeOptions, degrade};
use raylobe::scene::description::{LobeDescription, MaterialDescription};

/// Every triangle was a sample, however small: a hundred receivers in a street of 0.1 m facets took 10^7 of them.
#[test]
fn a_finer_mesh_of_a_wide_lobe_costs_no_more_and_says_the_same() {
    /// A lobe of 16 degrees, as normals noisy by 4 degrees ask for.
    const KAPPA: f64 = 25.6;
    let mut gains = Vec::new();
    for facet_m in [0.2, 0.1, 0.05] {
        let mut scene = scene_of(&[MaterialDescription::itu("wall", "concrete")]);
        add_panel(&mut scene, "wall", "wall", [-12.0, -12.0, 0.0], [24.0, 0.0, 0.0], [0.0, 24.0, 0.0]);
        // So little noise that the facets are one wall to the lobe, and facets of their own.
        let options = DegradeOptions { facet_m, normal_noise_deg: 0.2, ..DegradeOptions::default() };
        let mut scene = degrade(scene, &options).expect("a sound wall").scene;
        scene.materials[0].lobe = Some(LobeDescription::von_mises_fisher(KAPPA));
        let scatter = ScatterOptions { lobe: true, rays: 1, lobe_samples: 0, ..ScatterOptions::default() };
        let options = SolverOptions { line_of_sight: false, reflection: false, scatter, ..build::launch(1, 1, 0) };
        let radios = radios(Polarization::V, &[[-6.0, 0.0, 10.0]], &[[6.0, 0.0, 10.0]]);
        let solution = build::solved(&scene, &radios, &[28e9], &options);
        let samples = solution.counters.paths;
        println!("facets of {facet_m} m: {samples} samples");
        assert!((1000..12_000).contains(&samples), "{samples} samples of facets of {facet_m} m");
        gains.push(solution.channel.a.iter().map(|a| a.norm_sqr()).sum::<f64>());
    }
    // 2 % of one sum (T79), and the difference of two.
    for gain in &gains[1..] {
        assert!((gain / gains[0] - 1.0).abs() < 0.03, "{gains:?}");
    }
}
