//! Landscapes, ascents and searches: gradients, schedules, budgets.

use super::ascent::{Ascent, Sharpening};
use super::place::{Optimiser, Placing, Restarts};
use super::planar::{Objective, PlanarLandscape};
use super::refine::Refinement;
use super::restart::hills;
use super::search::{Search, Way};
use super::{LogScale, Region, Softness};
use crate::math::difference::slope;
use crate::math::smoothing::{SmoothStep, StepKind};
use crate::planar::validity::Definition;
use crate::planar::{PlanarScene, Vec2};

fn landscape(transmitters: usize, order: usize) -> PlanarLandscape {
    let walls = [[[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 1.0]], [[0.5, 0.2], [0.5, 0.8]]];
    let receivers = vec![Vec2::new(0.2, 0.3), Vec2::new(0.8, 0.6), Vec2::new(0.3, 0.9)];
    PlanarLandscape::new(PlanarScene::new(&walls).expect("walls"), receivers, transmitters, order)
}

fn unit_square() -> Region {
    Region::new(vec![0.0; 2], vec![1.0; 2])
}

#[test]
fn gradients_of_landscapes_are_those_of_differences() {
    let mut checked = 0;
    for transmitters in [1, 2] {
        for (definition, order) in [(Definition::Metric, 1), (Definition::Shadow, 0), (Definition::Paper, 1)] {
            for objective in Objective::ALL {
                let landscape = PlanarLandscape { definition, objective, ..landscape(transmitters, order) };
                for log in [None, Some(LogScale { temperature: 0.1, margin: 0.01 })] {
                    let softness = Softness { step: SmoothStep { kind: StepKind::Sigmoid, alpha: 8.0 }, log };
                    for k in 0..10 {
                        let x: Vec<f64> =
                            (0..2 * transmitters).map(|i| (0.618_034 * (k + 10 * i) as f64 + 0.1234).fract()).collect();
                        let to: Vec<f64> = (0..x.len()).map(|i| ((2 * i + k) as f64).sin()).collect();
                        let mut gradient = vec![0.0; x.len()];
                        landscape.graded(&x, &softness, &mut gradient);
                        let dot: f64 = gradient.iter().zip(&to).map(|(g, to)| g * to).sum();
                        let at = |h: f64| {
                            let moved: Vec<f64> = x.iter().zip(&to).map(|(x, to)| x + h * to).collect();
                            landscape.graded(&moved, &softness, &mut vec![0.0; x.len()])
                        };
                        let (coarse, fine) = slope([2e-6, 1e-6], at);
                        let scale = fine.abs() + 1e-3;
                        if (coarse - fine).abs() < 1e-6 * scale {
                            assert!(
                                (dot - fine).abs() < 2e-6 * scale,
                                "{definition:?} {objective:?} {log:?} {x:?} {dot} {fine} {coarse}"
                            );
                            checked += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(checked > 200, "{checked}");
}

#[test]
fn in_the_hard_limit_the_smoothed_objective_is_the_hard_one() {
    for definition in [Definition::Metric, Definition::Paper] {
        for objective in Objective::ALL {
            let landscape = PlanarLandscape { definition, hard_definition: definition, objective, ..landscape(1, 1) };
            for k in 0..50 {
                let x = [(0.618 * k as f64).fract(), (0.271 * k as f64).fract()];
                let softness = Softness { step: SmoothStep::HARD, log: None };
                let (soft, hard) = (landscape.graded(&x, &softness, &mut [0.0; 2]), landscape.value(&x));
                assert!((soft - hard).abs() <= 1e-14 * hard, "{soft} {hard}");
            }
        }
    }
}

#[test]
fn ascents_take_their_steps_and_sharpen() {
    let landscape = landscape(1, 0);
    for sharpening in Sharpening::ALL {
        let ascent = Ascent { sharpening, kind: StepKind::Sigmoid, region: Some(unit_square()), ..Ascent::default() };
        let track = ascent.climb(&landscape, &[0.9, 0.1], (1, 0)).unwrap();
        assert_eq!(track.visits.len(), 100);
        assert_eq!(track, ascent.climb(&landscape, &[0.9, 0.1], (1, 0)).unwrap());
        let alphas: Vec<f64> = track.visits.iter().map(|visit| visit.alpha).collect();
        match sharpening {
            Sharpening::Hard => assert!(alphas.iter().all(|alpha| alpha.is_infinite())),
            Sharpening::Geometric | Sharpening::Adaptive => {
                assert!(alphas[0] == 1.0 && (alphas[99] - 100.0).abs() < 1e-9, "{alphas:?}");
            }
        }
        // The first step of Adam is as long as its rate, along each axis, unless there is no slope at all.
        let first = (track.visits[1].x[0] - track.visits[0].x[0]).abs();
        assert!(first == 0.0 || (first - 0.01).abs() < 1e-6, "{first}");
    }
    let noisy = Ascent { noise: 0.2, ..Ascent::default() };
    assert_eq!(
        noisy.climb(&landscape, &[0.9, 0.1], (1, 0)).unwrap(),
        noisy.climb(&landscape, &[0.9, 0.1], (1, 0)).unwrap()
    );
    assert_ne!(
        noisy.climb(&landscape, &[0.9, 0.1], (1, 0)).unwrap(),
        noisy.climb(&landscape, &[0.9, 0.1], (1, 1)).unwrap()
    );
}

#[test]
fn searches_keep_to_their_evaluations_and_end_at_the_best_of_them() {
    let landscape = PlanarLandscape { definition: Definition::Shadow, ..landscape(1, 0) };
    for way in [Way::Tour, Way::Survey] {
        for evaluations in [1, 7, 40, 100] {
            let search = Search::new(way, evaluations, unit_square());
            let track = search.run(&landscape, &[0.9, 0.1]).unwrap();
            assert_eq!(track.visits.len(), evaluations);
            assert_eq!(track.visits[0].x, [0.9, 0.1]);
            let best = track.visits.iter().map(|visit| visit.value).fold(f64::NEG_INFINITY, f64::max);
            let at_end = track.visits.iter().find(|visit| visit.x == track.end).expect("a point that was seen");
            // The tour does not count what it sees while it walks off a hill.
            assert!(at_end.value == best || (way == Way::Tour && evaluations < 100 && at_end.value < best));
            assert!(track.visits.iter().flat_map(|visit| &visit.x).all(|x| (0.0..=1.0).contains(x)));
        }
    }
}

#[test]
fn hills_are_higher_than_their_neighbours() {
    let landscape = landscape(1, 0);
    let softness = Softness { step: SmoothStep { kind: StepKind::Sigmoid, alpha: 10.0 }, log: None };
    let (found, evaluations) = hills(&landscape, &unit_square(), &softness, 10, 5).unwrap();
    assert_eq!(evaluations, 100);
    assert!(!found.is_empty());
    let value = |x: &[f64]| landscape.graded(x, &softness, &mut [0.0; 2]);
    for hill in &found {
        for step in [[0.1, 0.0], [-0.1, 0.0], [0.0, 0.1], [0.0, -0.1]] {
            let beside = [hill[0] + step[0], hill[1] + step[1]];
            if beside.iter().all(|x| (0.0..1.0).contains(x)) {
                assert!(value(&beside) <= value(hill) + 1e-12);
            }
        }
    }
    assert!(found.windows(2).all(|pair| value(&pair[0]) >= value(&pair[1])));
}

#[test]
fn refinement_is_never_worse_and_finds_what_is_near() {
    // The mean has a slope nearly everywhere; the least of three is 0 wherever one of them is hidden.
    let landscape = PlanarLandscape { objective: Objective::Mean, ..landscape(1, 0) };
    let refinement = Refinement { evaluations: 60, step: 0.05 };
    let mut better = 0;
    for k in 0..20 {
        let x = [0.05 + 0.9 * (0.618 * k as f64).fract(), 0.05 + 0.9 * (0.271 * k as f64).fract()];
        let before = landscape.value(&x);
        let refined = refinement.search(&landscape, &unit_square(), (&x, before), 7).unwrap();
        assert_eq!((refined.evaluations, landscape.value(&refined.x)), (60, refined.value));
        assert!(refined.value >= before && refined.x.iter().all(|x| (0.0..=1.0).contains(x)));
        assert_eq!(refined, refinement.search(&landscape, &unit_square(), (&x, before), 7).unwrap());
        better += usize::from(refined.value > before);
    }
    assert!(better >= 15, "{better} of 20");
}

#[test]
fn placements_accept_the_best_end_and_count_what_they_took() {
    let landscape = landscape(1, 0);
    let soft = |alpha: f64| Softness { step: SmoothStep { kind: StepKind::Sigmoid, alpha }, log: None };
    let ascent = Ascent { steps: 10, kind: StepKind::Sigmoid, region: Some(unit_square()), ..Ascent::default() };
    let restarts = Restarts { region: unit_square(), softness: vec![soft(10.0), soft(10.0)], across: 6, starts: 3 };
    let refinement = Refinement { evaluations: 20, step: 0.05 };
    let placing = Placing {
        landscape: &landscape,
        optimiser: &Optimiser::Adam(ascent),
        restarts: Some(&restarts),
        refinement: Some((&refinement, &unit_square())),
        seed: 1,
    };
    let outcome = placing.place(&[0.9, 0.1]).unwrap();
    // The second landscape is the same as the first: its evaluations count, its hills are not climbed again.
    let starts = outcome.climbed.len();
    assert!((2..=4).contains(&starts), "{starts}");
    assert_eq!(outcome.evaluations, 2 * 36 + 10 * starts as u64);
    assert_eq!(outcome.hard_evaluations, 2 * starts as u64 + 20);
    let ends = outcome.climbed.iter().map(|one| one.after).fold(outcome.climbed[0].before, f64::max);
    assert!(outcome.value() >= ends);
    assert_eq!(landscape.value(outcome.positions()), outcome.value());
}
