//! Smoothed power and its gradient by the transmitter's position: in the peers' street canyon, order 2, and in Munich; and the
//! memory that they take. Beside DiffeRT: scripts/peers/differt_smooth.py.

#[allow(dead_code)]
mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use raylobe::channel::ChannelBar;
use raylobe::io::record::peak_memory;
use raylobe::io::scene_file;
use raylobe::math::Vec3;
use raylobe::math::smoothing::StepKind;
use raylobe::path::SolverOptions;
use raylobe::path::adjoint::{ParameterKind, Wanted};
use raylobe::path::smooth::Softness;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{Antenna, AntennaDescription};
use raylobe::scene::material::OutOfRange;
use raylobe::scene::radio::{Radio, Radios};
use raylobe::solve::smooth::SoftEngine;
use support::{backend, place, street_canyon};

const CARRIER: f64 = 28e9;

/// A scene of the peer's wheel, or `None`, said loudly.
fn scene(name: &str) -> Option<Scene> {
    let file = place("RAYLOBE_SCENES", ".scenes").join(name).join(format!("{name}.xml"));
    if !file.exists() {
        eprintln!("{} is not there: run scripts/get-scenes.sh", file.display());
        return None;
    }
    let description = scene_file::read(&file).expect("a scene that can be read");
    Some(Scene::new(&description, OutOfRange::Clamp).expect("a valid scene"))
}

fn radios(transmitter: [f64; 3], receivers: impl Iterator<Item = [f64; 3]>) -> Radios {
    let radio = |name: String, position: [f64; 3]| Radio {
        name,
        position: position.into(),
        orientation: [0.0; 3],
        velocity: Vec3::zeros(),
        power: 1.0,
        antenna: 0,
        weights: None,
    };
    let antenna = Antenna::new("iso", &AntennaDescription::default(), 0.01).expect("an antenna");
    Radios {
        antennas: vec![antenna],
        transmitters: vec![radio("tx".into(), transmitter)],
        receivers: receivers.enumerate().map(|(i, at)| radio(format!("rx{i}"), at)).collect(),
    }
}

/// Measures power and gradient of all links together.
fn measure(criterion: &mut Criterion, name: &str, scene: &Scene, radios: &Radios, depth: u32, alpha: f64, rays: u64) {
    let options = SolverOptions { max_depth: depth, rays, ..SolverOptions::default() };
    let engine = SoftEngine::new(backend(), scene, &options).expect("a scene");
    let softness = Softness::of(StepKind::Sigmoid, alpha);
    let wanted = Wanted::of(&[ParameterKind::Position]);
    let once = || {
        let solution = engine.solve(radios, &[CARRIER], softness).expect("a solution");
        let mut bars = ChannelBar::zeros(&solution.channel);
        bars.a.iter_mut().zip(&solution.channel.a).for_each(|(bar, a)| *bar = a * 2.0);
        let bar = engine.pull_back(radios, &solution, &bars, wanted).expect("a gradient");
        (solution.paths.len(), bar.transmitters[0].position)
    };
    let before = peak_memory();
    let (paths, gradient) = once();
    eprintln!("{name}: {paths} soft paths, gradient {gradient:?}, peak memory {:?}, before {before:?}", peak_memory());
    let mut group = criterion.benchmark_group("smooth");
    group.sample_size(10).throughput(Throughput::Elements(radios.receivers.len() as u64));
    group.bench_function(BenchmarkId::new(name, "power and gradient"), |b| b.iter(once));
    group.finish();
}

fn smooth(criterion: &mut Criterion) {
    if let Some(canyon) = scene("simple_street_canyon") {
        for count in [1, 10, 100] {
            let (transmitter, receivers) = street_canyon(count);
            let radios = radios(transmitter, receivers);
            measure(criterion, &format!("canyon, {count} receivers, order 2"), &canyon, &radios, 2, 20.0, 1);
        }
    }
    if let Some(munich) = scene("munich") {
        // A ring of receivers about the tutorial's transmitter, in the streets or in houses as it comes.
        let ring = (0..100).map(|i| {
            let (sin, cos) = (0.61803 * f64::from(i) * std::f64::consts::TAU).sin_cos();
            let far = 20.0 + 2.0 * f64::from(i);
            [8.5 + far * cos, 21.0 + far * sin, 1.5]
        });
        let radios = radios([8.5, 21.0, 27.0], ring);
        for depth in [0, 1, 2] {
            measure(criterion, &format!("Munich, 100 receivers, order {depth}"), &munich, &radios, depth, 20.0, 30_000);
        }
    }
}

criterion_group!(benches, smooth);
criterion_main!(benches);
