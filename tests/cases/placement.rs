//! The convergence study of placement in the plane against DiffeRT2d's runs (`placement2d/conv2d_*.json`).

use crate::support::{accept, large_truth, worse};
use raylobe::math::smoothing::StepKind;
use raylobe::optimise::study::{Draw, Method, Study};
use raylobe::planar::{PlanarScene, Vec2};
use serde_json::Value;
use std::fs;

fn point(value: &Value) -> Vec2 {
    Vec2::new(value[0].as_f64().expect("x"), value[1].as_f64().expect("y"))
}

fn points(value: &Value) -> Vec<Vec2> {
    value.as_array().expect("a list").iter().map(point).collect()
}

#[test]
fn rates_of_the_published_experiment_are_the_peers_and_the_own_search_halves_its_failures() {
    for (name, kind) in [
        ("basic_scene_hard_sigmoid_rx2", StepKind::HardSigmoid),
        ("basic_scene_sigmoid_rx2", StepKind::Sigmoid),
        ("square_scene_with_wall_hard_sigmoid_rx3", StepKind::HardSigmoid),
    ] {
        let Some(file) = large_truth(&format!("placement2d/conv2d_{name}.json")) else { return };
        let truth: Value = serde_json::from_str(&fs::read_to_string(file).expect("read")).expect("JSON");
        let walls: Vec<[[f64; 2]; 2]> = truth["walls"]
            .as_array()
            .expect("walls")
            .iter()
            .map(|wall| [point(&wall[0]).into(), point(&wall[1]).into()])
            .collect();
        let configs = truth["configs"].as_array().expect("configs");
        let draw = |c: &Value| Draw { receivers: points(&c["receivers"]), starts: points(&c["starts"]) };
        let draws: Vec<Draw> = configs.iter().map(draw).collect();
        let study = Study {
            scene: PlanarScene::new(&walls).expect("walls"),
            area: [Vec2::zeros(), Vec2::new(1.0, 1.0)],
            kind,
            evaluations: 100,
            seed: 1,
        };
        let ends = study.run(&draws, &[Method::Hard, Method::Paper, Method::Tour, Method::Survey]);
        for (config, (best, value)) in configs.iter().zip(&ends.best) {
            assert!((best - point(&config["expected"])).norm() < 0.1, "{best:?}");
            assert!((value - config["expected_F"].as_f64().expect("F")).abs() < 1e-6 * (1.0 + value));
        }
        // Single precision takes some runs elsewhere at kinks.
        for (k, key) in [(0, "end_hard"), (1, "end_smooth")] {
            let pairs = configs.iter().zip(&ends.of[k].1);
            let apart = pairs.flat_map(|(c, own)| {
                points(&c[key]).into_iter().zip(own).map(|(peer, own)| (peer - own.0).norm()).collect::<Vec<_>>()
            });
            let apart: Vec<f64> = apart.collect();
            let near = apart.iter().filter(|d| **d < 1e-3).count() as f64 / apart.len() as f64;
            println!("{name} {key}: {:.1} % of the ends within 1 mm of the peer's", 100.0 * near);
        }
        let rates = study.rates(&draws, &ends);
        let peer = |key: &str| truth["rates"][key].as_f64().expect("a rate");
        let off = worse((rates[0].success - peer("hard")).abs(), (rates[1].success - peer("smooth_fair")).abs());
        accept(&format!("placement, rates beside the peer, {name}"), format!("{off:.4}"), "0.02", off < 0.02);
        for own in &rates[2..] {
            let failures = (1.0 - own.success) / (1.0 - peer("smooth_fair"));
            let (method, kept) = (own.method.name(), own.kept.unwrap_or(f64::NAN));
            let text = format!("{failures:.3}, F >= 0.9 F*: {:.3}", own.nearly);
            accept(&format!("placement, failures over the peer's, {method}, {name}"), text, "0.5", failures <= 0.5);
            accept(
                &format!("placement, hard successes kept, {method}, {name}"),
                format!("{kept:.4}"),
                "0.98",
                kept >= 0.98,
            );
        }
    }
}
