//! Laws of the plane: distances are distances, gradients those of differences, free paths are valid and blocked ones are not.

use super::path::{candidates, traced};
use super::power::received_power;
use super::segment::{crossing, guarded, overlap, shadow};
use super::validity::{Definition, margins, validity};
use super::{Graded, PlanarScene, Vec2, Wall};
use crate::math::difference::slope;
use crate::math::random::{philox, unit_interval};
use crate::math::smoothing::{SmoothStep, StepKind};

fn random(seed: u32) -> impl FnMut() -> Vec2 {
    let mut counter = 0;
    move || {
        counter += 1;
        let words = philox([counter, 0, 0, 0], [seed, 3]);
        Vec2::new(unit_interval(words[0]), unit_interval(words[1]))
    }
}

/// The unit square with a wall in it.
fn scene() -> PlanarScene {
    let corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
    let mut walls: Vec<[[f64; 2]; 2]> = (0..4).map(|i| [corners[i], corners[(i + 1) % 4]]).collect();
    walls.push([[0.5, 0.2], [0.5, 0.8]]);
    PlanarScene::new(&walls).expect("walls")
}

/// Counts how often a graded number of two ends is off from differences, of which two steps agree.
fn gradients(seeds: std::ops::Range<u32>, f: impl Fn([&Vec2; 2]) -> Option<Graded>) -> (usize, f64) {
    let (mut checked, mut worst) = (0, 0.0f64);
    for seed in seeds {
        let mut next = random(seed);
        let (ends, to) = ([next(), next()], [next() - next(), next() - next()]);
        let Some(own) = f([&ends[0], &ends[1]]) else { continue };
        let dot = own.by[0].dot(&to[0]) + own.by[1].dot(&to[1]);
        let at = |h: f64| {
            let moved = [0, 1].map(|i| ends[i] + to[i] * h);
            f([&moved[0], &moved[1]]).map_or(f64::NAN, |graded| graded.value)
        };
        let (coarse, fine) = slope([2e-6, 1e-6], at);
        let scale = 1e-3 + fine.abs();
        // A kink between the steps, or beside them, makes the two differ.
        if (coarse - fine).abs() < 1e-6 * scale {
            worst = worst.max((dot - fine).abs() / scale);
            checked += 1;
        }
    }
    (checked, worst)
}

#[test]
fn gradients_of_distances_are_those_of_differences() {
    let wall = Wall { ends: [Vec2::new(0.4, 0.3), Vec2::new(0.6, 0.7)] };
    let step = SmoothStep { kind: StepKind::Sigmoid, alpha: 3.0 };
    type OfEnds<'a> = &'a dyn Fn([&Vec2; 2]) -> Option<Graded>;
    let functions: [OfEnds; 5] = [
        &|s| Some(overlap(s, &wall)),
        &|s| Some(shadow(s, &wall, 0.0)),
        &|s| Some(crossing(s, &wall, &step)),
        &|s| Some(guarded(overlap, s, &wall, 0.1)),
        &|s| Some(guarded(|s, wall| shadow(s, wall, 0.1), s, &wall, 0.1)),
    ];
    for f in functions {
        let (checked, worst) = gradients(0..400, f);
        assert!(checked > 300 && worst < 1e-6, "{checked} {worst:e}");
    }
}

#[test]
fn gradients_of_validity_and_power_are_those_of_differences() {
    let scene = scene();
    for definition in [Definition::Metric, Definition::Paper] {
        for (order, kind, alpha) in [
            (0, StepKind::Sigmoid, 10.0),
            (1, StepKind::Sigmoid, 3.0),
            (1, StepKind::Smoothstep, 2.0),
            (2, StepKind::Sigmoid, 2.0),
        ] {
            let step = SmoothStep { kind, alpha };
            for candidate in candidates(scene.walls().len(), order) {
                let f = |ends: [&Vec2; 2]| {
                    let path = traced(&scene, ends, &candidate)?;
                    // Far vertices make differences of no use.
                    (0..order)
                        .all(|k| path.nodes.at(k + 1).at.norm() < 5.0)
                        .then(|| validity(&scene, definition, &step, &path).times(received_power(&path)))
                };
                let (_, worst) = gradients(0..40, f);
                assert!(worst < 2e-6, "{definition:?} {order} {candidate:?}: {worst:e}");
            }
        }
    }
    let shadows = |ends: [&Vec2; 2]| {
        let path = traced(&scene, ends, &[])?;
        Some(validity(&scene, Definition::Shadow, &SmoothStep { kind: StepKind::Sigmoid, alpha: 10.0 }, &path))
    };
    let (checked, worst) = gradients(0..200, shadows);
    assert!(checked > 100 && worst < 2e-6, "{checked} {worst:e}");
}

#[test]
fn distances_are_what_must_be_moved() {
    let wall = Wall { ends: [Vec2::new(0.5, 0.2), Vec2::new(0.5, 0.8)] };
    let at = |a: [f64; 2], b: [f64; 2]| {
        let (a, b) = (Vec2::from(a), Vec2::from(b));
        [overlap([&a, &b], &wall).value, shadow([&a, &b], &wall, 0.0).value]
    };
    // Across the middle: the nearest end is 0.1 from the wall; the shadow's outline is 0.1 away too.
    assert!((at([0.6, 0.5], [0.0, 0.5])[0] - 0.1).abs() < 1e-15 && (at([0.6, 0.5], [0.0, 0.5])[1] - 0.1).abs() < 1e-15);
    // Just below the wall's lower end, and just above it.
    assert!((at([1.0, 0.15], [0.0, 0.15])[0] + 0.05).abs() < 1e-15);
    assert!((at([1.0, 0.25], [0.0, 0.25])[0] - 0.05).abs() < 1e-15);
    // A segment beside the wall and parallel to it.
    assert!((at([0.3, 0.3], [0.3, 0.7])[0] + 0.2).abs() < 1e-15);
    // Behind the wall, the end in its shadow moves sideways: the edge's ray runs from (0, 0.5) through (0.5, 0.8).
    let expected = (0.6f64 - 0.0) / (0.5f64 * 0.5 + 0.3 * 0.3).sqrt() * 0.5;
    let deep = at([1.0, 0.5], [0.0, 0.5])[1];
    assert!((deep - expected.min(0.5)).abs() < 1e-12, "{deep} {expected}");
    // What the shadow says is Lipschitz with 1 in the end that moves.
    let mut next = random(5);
    for _ in 0..500 {
        let (a, b) = (next(), next());
        assert!(shadow([&a, &b], &wall, 0.0).by[0].norm() < 1.0 + 1e-12);
        assert!(overlap([&a, &b], &wall).by.iter().all(|by| by.norm() < 1.0 + 1e-12));
    }
}

#[test]
fn in_the_hard_limit_free_paths_are_valid_and_blocked_ones_are_not() {
    let mut scene = scene();
    // What the peer has, and the reason why a path from a point on a wall is blocked.
    scene.guard = 0.005;
    let mut next = random(11);
    let mut met = [[0usize; 2]; 2];
    for _ in 0..300 {
        let ends = [next(), next()];
        for candidate in [vec![], vec![0], vec![4], vec![0, 2], vec![1, 0]] {
            let Some(path) = traced(&scene, [&ends[0], &ends[1]], &candidate) else { continue };
            let hard = Definition::ALL.map(|definition| {
                if definition == Definition::Shadow && !candidate.is_empty() {
                    return f64::NAN;
                }
                validity(&scene, definition, &SmoothStep::HARD, &path).value
            });
            let mut least = f64::INFINITY;
            margins(&scene, Definition::Metric, &path, |margin| least = least.min(margin.value));
            if least.abs() < 0.002 {
                continue;
            }
            assert_eq!(hard[0], hard[2], "{ends:?} {candidate:?}");
            assert!(hard[1].is_nan() || hard[1] == hard[0]);
            let sharp = SmoothStep { kind: StepKind::Sigmoid, alpha: 1e4 };
            let smooth = validity(&scene, Definition::Metric, &sharp, &path).value;
            assert!((smooth - hard[0]).abs() < 1e-7, "{smooth} {}", hard[0]);
            met[usize::from(!candidate.is_empty())][hard[0] as usize] += 1;
        }
    }
    assert!(met.iter().flatten().all(|count| *count > 20), "{met:?}");
}

#[test]
fn no_number_is_lost_where_points_coincide() {
    let scene = scene();
    let corners = [[0.0, 0.0], [0.5, 0.2], [0.5, 0.5], [0.25, 0.2], [1.0, 1.0], [0.0, 0.5]].map(Vec2::from);
    for a in &corners {
        for b in &corners {
            for definition in Definition::ALL {
                for order in 0..if definition == Definition::Shadow { 1 } else { 3 } {
                    for candidate in candidates(scene.walls().len(), order) {
                        let Some(path) = traced(&scene, [a, b], &candidate) else { continue };
                        for alpha in [1.0, 1e3, f64::INFINITY] {
                            let step = SmoothStep { kind: StepKind::Sigmoid, alpha };
                            let v = validity(&scene, definition, &step, &path).times(received_power(&path));
                            assert!(
                                v.value.is_finite() && v.by.iter().flatten().all(|x| x.is_finite()),
                                "{a} {b} {candidate:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn walls_without_length_or_out_of_bounds_are_refused() {
    assert!(PlanarScene::new(&[[[0.0, 1.0], [0.0, 1.0]]]).is_err());
    assert!(PlanarScene::new(&[[[0.0, f64::NAN], [0.0, 1.0]]]).is_err());
    assert!(PlanarScene::new(&[]).expect("none").bounds().is_none());
}
