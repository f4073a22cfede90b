//! The plane and the path finders against DiffeRT2d 0.4.1 and DiffeRT 0.12.0 (`placement2d/validity2d.json`,
//! `paths3d/em_fermat_utd.json`).

use crate::support::{accept, large_truth, worse};
use raylobe::math::smoothing::{SmoothStep, StepKind};
use raylobe::path::finders::fermat::fermat;
use raylobe::path::finders::min_path::min_path;
use raylobe::path::finders::{Affine, Point};
use raylobe::planar::path::{mirror, traced};
use raylobe::planar::power::received_power;
use raylobe::planar::validity::{Definition, validity};
use raylobe::planar::{PlanarScene, Vec2};
use serde_json::Value;
use std::fs;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
}

fn pair(value: &Value) -> [f64; 2] {
    let list = numbers(value);
    [list[0], list[1]]
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn json(name: &str) -> Option<Value> {
    let file = large_truth(name)?;
    Some(serde_json::from_str(&fs::read_to_string(file).expect("read")).expect("JSON"))
}

/// The candidates of one case of the peer.
struct Case<'a> {
    scene: PlanarScene,
    ends: [Vec2; 2],
    value: &'a Value,
}

fn cases(all: &Value) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for scene in list(all) {
        let walls: Vec<[[f64; 2]; 2]> =
            list(&scene["walls"]).iter().map(|wall| [pair(&wall[0]), pair(&wall[1])]).collect();
        for value in list(&scene["cases"]) {
            let scene = PlanarScene::new(&walls).expect("walls");
            let ends = [&value["tx"], &value["rx"]].map(|at| Vec2::from(pair(at)));
            cases.push(Case { scene, ends, value });
        }
    }
    cases
}

fn candidates(case: &Value) -> Vec<Vec<usize>> {
    let of = |candidate: &Value| list(candidate).iter().map(|i| i.as_u64().expect("a wall") as usize).collect();
    list(&case["candidates"]).iter().map(of).collect()
}

#[test]
fn the_peers_validity_and_its_gradients_are_met() {
    let Some(all) = json("placement2d/validity2d.json") else { return };
    let (mut off, mut off_gradient, mut off_power, mut compared) = (0.0, 0.0, 0.0, 0);
    for Case { scene, ends, value } in cases(&all) {
        for (c, candidate) in candidates(value).iter().enumerate() {
            let Some(path) = traced(&scene, [&ends[0], &ends[1]], candidate) else { continue };
            let hard = validity(&scene, Definition::Paper, &SmoothStep::HARD, &path).value;
            assert_eq!(hard, value["valid"][c].as_f64().expect("0 or 1"), "{candidate:?}");
            let power = value["power"][c].as_f64().expect("a power");
            off_power = worse(off_power, (received_power(&path).value / power - 1.0).abs());
            for (name, smooth) in value["smooth"].as_object().expect("a table") {
                let (kind, alpha) = name.split_once(':').expect("kind:alpha");
                let alpha: f64 = alpha.parse().expect("a number");
                let step = SmoothStep { kind: StepKind::of_name(kind).expect("a kind"), alpha };
                let own = validity(&scene, Definition::Paper, &step, &path);
                off = worse(off, (own.value - smooth["V"][c].as_f64().expect("V")).abs());
                let peers = ["dV_dtx", "dV_drx"].map(|key| Vec2::from(pair(&smooth[key][c])));
                let error = (0..2).map(|i| (own.by[i] - peers[i]).norm()).fold(0.0, worse);
                let size = peers.iter().map(|p| p.norm()).fold(1.0, f64::max);
                off_gradient = worse(off_gradient, error / size);
                compared += 1;
            }
        }
    }
    assert!(compared > 1800, "{compared}");
    accept("2D validity, V", format!("{off:.1e}"), "1e-12", off < 1e-12);
    accept("2D validity, dV", format!("{off_gradient:.1e} ({compared} of them)"), "1e-9", off_gradient < 1e-9);
    accept("2D received power", format!("{off_power:.1e}"), "1e-12", off_power < 1e-12);
}

#[test]
fn the_peers_vertices_in_the_plane_are_met_by_all_three_finders() {
    let Some(all) = json("placement2d/validity2d.json") else { return };
    let (mut images, mut others, mut compared) = (0.0, 0.0, 0);
    for Case { scene, ends, value } in cases(&all) {
        for (c, candidate) in candidates(value).iter().enumerate() {
            let ends = [&ends[0], &ends[1]];
            let Some(path) = traced(&scene, ends, candidate) else { continue };
            let peers: Vec<Vec2> = list(&value["xys"][c]).iter().map(|xy| Vec2::from(pair(xy))).collect();
            for (i, peer) in peers.iter().enumerate() {
                images = worse(images, (path.nodes.at(i).at - peer).norm() / (1.0 + peer.norm()));
            }
            if value["valid"][c].as_f64() == Some(1.0) && !candidate.is_empty() {
                let mirrors: Vec<Affine<2>> = candidate.iter().map(|i| mirror(&scene.walls()[*i])).collect();
                for found in [fermat(ends, &mirrors), min_path(ends, &mirrors)] {
                    for (k, vertex) in found.expect("a path").iter().enumerate() {
                        others = worse(others, (vertex - path.nodes.at(k + 1).at).norm());
                    }
                }
                compared += 1;
            }
        }
    }
    assert!(compared > 60, "{compared}");
    // The peer wrote twelve digits.
    accept("2D vertices by images", format!("{images:.1e}"), "2e-12", images < 2e-12);
    accept("2D vertices by Fermat and min-path, m", format!("{others:.1e}"), "1e-12", others < 1e-12);
}

#[test]
fn shortest_paths_over_planes_and_edges_are_the_peers() {
    let Some(all) = json("paths3d/em_fermat_utd.json") else { return };
    let (mut vertices, mut lengths, mut compared) = (0.0, 0.0, 0);
    for case in list(&all["fermat"]).iter().filter(|case| case["physical"] == Value::Bool(true)) {
        let point = |value: &Value| Point::<3>::from_vec(numbers(value));
        let kinds = case["kind"].as_str().expect("a text");
        let object = |(k, kind): (usize, char)| {
            let vectors = if kind == 'R' { 2 } else { 1 };
            let basis = (0..vectors).map(|j| point(&case["vectors"][k][j])).collect();
            Affine { origin: point(&case["origins"][k]), basis }
        };
        let objects: Vec<Affine<3>> = kinds.chars().enumerate().map(object).collect();
        let ends = [point(&case["tx"]), point(&case["rx"])];
        let found = fermat([&ends[0], &ends[1]], &objects).expect("a path");
        let lawful = min_path([&ends[0], &ends[1]], &objects).expect("a path");
        for (k, vertex) in found.iter().enumerate() {
            vertices = worse(vertices, (vertex - point(&case["independent_points"][k])).norm());
            assert!((vertex - lawful[k]).norm() < 1e-11);
        }
        let points: Vec<Point<3>> = [&ends[..1], &found, &ends[1..]].concat();
        let length: f64 = points.windows(2).map(|pair| (pair[1] - pair[0]).norm()).sum();
        lengths = worse(lengths, (length - case["independent_length"].as_f64().expect("a length")).max(0.0));
        compared += 1;
    }
    assert!(compared >= 13, "{compared}");
    // The peer's own minimiser stops at 1e-7 to 1e-8 m; ours must not be longer than it.
    accept("3D Fermat vertices, m", format!("{vertices:.1e}"), "1e-6", vertices < 1e-6);
    accept("3D Fermat lengths above the peer's, m", format!("{lengths:.1e}"), "1e-13", lengths < 1e-13);
}
