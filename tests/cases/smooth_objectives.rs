//! Objectives of placement in scenes of three dimensions (theory.md, T117): gradients against differences, and what they say in
//! plain places.

use crate::support::build::{self, Numbers};
use crate::support::{accept, worse};
use raylobe::math::Vec3;
use raylobe::math::smoothing::{SmoothStep, StepKind};
use raylobe::optimise::scene::{Freedom, SceneLandscape, SceneObjective};
use raylobe::optimise::sites::Surveyor;
use raylobe::optimise::{Landscape, LogScale, Softness};
use raylobe::scene::antenna::{AntennaDescription, Element, Polarization};
use raylobe::scene::radio::Radios;
use raylobe::solve::smooth::SoftEngine;

const CARRIER: f64 = 28e9;

fn block() -> raylobe::scene::Scene {
    let mut scene = build::scene_of(&[build::material("stone", 5.0, 0.2, 0.3)]);
    build::add_panel(&mut scene, "floor", "stone", [-40.0, -40.0, 0.0], [80.0, 0.0, 0.0], [0.0, 80.0, 0.0]);
    build::add_cuboid(&mut scene, "block", "stone", [-6.0, -5.0, 0.0], [5.0, 6.0, 12.0]);
    build::checked(&scene)
}

/// Two sectored transmitters on either side of a block, and five receivers about it.
fn radios() -> Radios {
    let receivers = [[12.0, 9.0, 1.5], [-11.0, 14.0, 1.6], [-15.0, -7.0, 1.4], [3.0, -16.0, 1.5], [18.0, -12.0, 2.0]];
    let mut radios = build::radios(Polarization::V, &[[14.0, 3.0, 8.0], [-17.0, 1.0, 9.0]], &receivers);
    let sector = AntennaDescription { element: Element::Tr38901, ..AntennaDescription::default() };
    radios.antennas.push(build::antenna(&sector, 0.01));
    for (radio, yaw) in radios.transmitters.iter_mut().zip([2.9, -0.2]) {
        (radio.antenna, radio.orientation) = (1, [yaw, 0.2, 0.05]);
    }
    radios
}

#[test]
fn gradients_of_objectives_are_those_of_differences() {
    let (scene, radios, options) = (block(), radios(), build::exhaustive(1));
    let free: Vec<(usize, Freedom)> = (0..2)
        .flat_map(|t| {
            [
                Freedom::Position(0),
                Freedom::Position(1),
                Freedom::Position(2),
                Freedom::Orientation(0),
                Freedom::Orientation(1),
            ]
            .map(|f| (t, f))
        })
        .collect();
    let objectives = [
        SceneObjective::Min,
        SceneObjective::Mean,
        SceneObjective::Coverage { threshold: -95.0, width: 6.0 },
        SceneObjective::Sinr { quantile: 0.3, noise: 1e-10 },
    ];
    let mut numbers = Numbers::new(8);
    let (mut worst, mut checked) = (0f64, 0);
    for objective in objectives {
        for log in [None, Some(LogScale { temperature: 0.8, margin: 0.0 })] {
            let engine = SoftEngine::new(build::backend(), &scene, &options).expect("a scene");
            let landscape = SceneLandscape::new(engine, radios.clone(), CARRIER, objective, free.clone(), 0.05);
            let softness = Softness { step: SmoothStep { kind: StepKind::Sigmoid, alpha: 0.6 }, log };
            for _ in 0..4 {
                let x: Vec<f64> = landscape.start().iter().map(|x| x + numbers.between(-4.0, 4.0)).collect();
                let mut gradient = vec![0.0; x.len()];
                landscape.smoothed(&x, &softness, &mut gradient).expect("a gradient");
                let along: Vec<f64> = x.iter().map(|_| numbers.between(-1.0, 1.0)).collect();
                let at = |h: f64| {
                    let moved: Vec<f64> = x.iter().zip(&along).map(|(x, d)| x + h * d).collect();
                    landscape.smoothed(&moved, &softness, &mut vec![0.0; x.len()]).expect("a value")
                };
                let difference = |h: f64| (at(h) - at(-h)) / (2.0 * h);
                let [coarse, fine] = [difference(2e-5), difference(1e-5)];
                let expected = (4.0 * fine - coarse) / 3.0;
                let found: f64 = gradient.iter().zip(&along).map(|(g, d)| g * d).sum();
                // Differences across a kink of the least test, or of the quantile, disagree.
                if (coarse - fine).abs() < 1e-5 * fine.abs() {
                    worst = worse(worst, (found - expected).abs() / expected.abs());
                    checked += 1;
                }
            }
        }
    }
    let value = format!("{worst:.1e} of {checked}");
    accept("placement: gradients of objectives in a scene", value, "<= 1e-6", worst <= 1e-6 && checked >= 24);
}

#[test]
fn objectives_say_what_they_are() {
    let (scene, options) = (block(), build::exhaustive(0));
    // One receiver behind the block, one in sight of the only transmitter, at 10 m.
    let radios = build::radios(Polarization::V, &[[20.0, 0.0, 2.0]], &[[-20.0, 0.0, 2.0], [20.0, 10.0, 2.0]]);
    let free = || (0..3).map(|axis| (0, Freedom::Position(axis))).collect();
    let value = |objective: SceneObjective| {
        let engine = SoftEngine::new(build::backend(), &scene, &options).expect("a scene");
        let landscape = SceneLandscape::new(engine, radios.clone(), CARRIER, objective, free(), 0.05);
        landscape.hard(&landscape.start()).expect("a value")
    };
    let friis = 20.0 * (299_792_458.0 / CARRIER / (40.0 * std::f64::consts::PI)).log10();
    assert!((value(SceneObjective::Min) + 240.0).abs() < 1e-9);
    assert!((value(SceneObjective::Mean) - (friis - 240.0) / 2.0).abs() < 1e-6);
    assert_eq!(value(SceneObjective::Coverage { threshold: friis - 0.1, width: 1.0 }), 0.5);
    assert_eq!(value(SceneObjective::Coverage { threshold: friis + 0.1, width: 1.0 }), 0.0);
    let snr = value(SceneObjective::Sinr { quantile: 0.5, noise: 1e-12 });
    assert!((snr - (friis + 120.0)).abs() < 1e-6, "{snr} {friis}");
}

#[test]
fn a_house_has_a_roof_and_four_facades_outside() {
    let scene = block();
    let surveyor = Surveyor::new(&scene);
    let house = scene.objects.iter().position(|object| object.name == "block").expect("the block");
    let (roofs, facades) = (surveyor.roofs(house, 2.0), surveyor.facades(house, 0.5));
    assert_eq!((roofs.len(), facades.len()), (1, 4));
    let above = roofs[0].nearest(&Vec3::new(9.0, 1.0, 3.0));
    assert!((above - Vec3::new(5.0, 1.0, 14.0)).norm() < 1e-9, "{above}");
    // From above the middle of the roof: the upper rim of each facade.
    let before: Vec<Vec3> = facades.iter().map(|piece| piece.nearest(&Vec3::new(1.0, 2.0, 20.0))).collect();
    for at in [[1.0, -5.5, 12.0], [1.0, 6.5, 12.0], [-6.5, 2.0, 12.0], [5.5, 2.0, 12.0]].map(Vec3::from) {
        assert!(before.iter().any(|p| (p - at).norm() < 1e-9), "{at} of {before:?}");
    }
}
