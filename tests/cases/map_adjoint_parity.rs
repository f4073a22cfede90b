//! The adjoint of maps on the CUDA backend against the CPU's, and what it does not have.

use crate::adjoint_parity::{Apart, cpu, plain};
use crate::gradients::{askew, corner};
use crate::support::build::{self, Numbers};
use raylobe::backend::{Backend, Chosen, DeviceRequest};
use raylobe::error::Result;
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::map::metrics::CellBar;
use raylobe::math::frame::rotation_of;
use raylobe::math::{C64, Vec3};
use raylobe::path::SolverOptions;
use raylobe::path::adjoint::{ParameterKind, SceneBar, Wanted};
use raylobe::path::scatter::ScatterOptions;
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::radio::Radios;
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::{Drawn, Target};

const CARRIERS: [f64; 2] = [28e9, 9.7e9];

/// Two transmitters, one steered, and a receiver that combines its ports.
fn radios() -> Radios {
    let weight = |i: u32| C64::from_polar(0.3 + 0.04 * f64::from(i), 0.7 * f64::from(i));
    let mut radios = askew(CARRIERS[0], false);
    radios.receivers.truncate(1);
    radios.receivers[0].weights = Some((0..4).map(weight).collect());
    radios.transmitters[0].weights = Some((0..8).map(weight).collect());
    radios
}

/// The bars of a map in tiles of so many cells, of gain and delays in every cell.
fn bar(backend: Backend, options: &SolverOptions, mean: Mean, tile: usize, wanted: Wanted) -> Result<SceneBar> {
    let sheet = Sheet::about(&Vec3::new(0.7, 0.4, 1.6), [5.0, 6.0], [1.0, 1.5], &rotation_of([0.4, 0.1, -0.15]));
    let layout = Layout::Sheet(sheet, Ground::Plane);
    let target = Target { rays: 64, max_rays: 64, relative_error: None };
    let survey = Survey { layout, points: if mean == Mean::Points { 2 } else { 1 }, mean, noise: 1e-9, target };
    let (scene, radios): (Scene, Radios) = (build::checked(&corner(&plain())), radios());
    let engine = MapEngine::new(backend, &scene, &survey, &radios, &CARRIERS, options, &Silent)?;
    let mut engine = engine.keeping_chains().in_tiles_of(tile);
    let mut numbers = Numbers::new(17);
    let mut number = |size: f64| numbers.between(-size, size);
    // A delay spread of some nanoseconds counts about as much as a gain.
    let cells = engine.grid().len() * CARRIERS.len() * radios.transmitters.len();
    let bars = (0..cells).map(|_| CellBar { gain: number(1e6), delay: [number(1e14), number(1e22)] });
    let bars: Vec<CellBar> = bars.collect();
    let drawn = Drawn { rays: 64, replicates: 8 };
    let drawn = if engine.is_sampled() { vec![drawn; CARRIERS.len() * radios.transmitters.len()] } else { Vec::new() };
    engine.pull_back(&bars, &drawn, wanted)
}

#[test]
fn maps_by_points_have_the_same_derivatives_on_both() {
    let options = build::exhaustive(3);
    let on = |backend, tile| bar(backend, &options, Mean::Points, tile, Wanted::all()).expect("a derivative");
    let expected = on(cpu(), 1000);
    for tile in [1000, 7] {
        let name = format!("a map in tiles of {tile}");
        let apart = Apart::new(&name, [&expected, &on(build::backend(), tile)]);
        apart.accept(&name);
        assert!(apart.seen.contains(&ParameterKind::Position) && apart.seen.len() > 7, "{:?}", apart.seen);
    }
    for kind in [ParameterKind::Position, ParameterKind::Conductivity] {
        let [cpu, cuda] = [cpu(), build::backend()]
            .map(|backend| bar(backend, &options, Mean::Points, 1000, Wanted::of(&[kind])).expect("a derivative"));
        let apart = Apart::new("one kind", [&cpu, &cuda]);
        assert!(apart.is_small() && apart.seen == [kind], "{kind:?} alone: {}", apart.values());
    }
}

#[test]
fn what_the_device_does_not_have_of_maps_it_says() {
    if build::cuda().is_none() {
        return;
    }
    let sampled = SolverOptions {
        scatter: ScatterOptions { diffuse: true, ..ScatterOptions::default() },
        ..build::exhaustive(1)
    };
    for (options, mean, part) in
        [(sampled, Mean::Points, "what is sampled in maps"), (build::exhaustive(1), Mean::Area, "area")]
    {
        let text = bar(build::backend(), &options, mean, 1000, Wanted::all()).expect_err(part).to_string();
        assert!(text.contains(part) && text.contains("--device cpu"), "{text}");
    }
    // Where nobody has asked for the device the CPU does it, and says why; else that is an error.
    let chosen = || Chosen { backend: build::backend(), why: String::new() };
    let cpu = chosen().only_on_cpu(DeviceRequest::Auto, "means by area").expect("there is a CPU");
    assert!(
        matches!(cpu.backend, Backend::Cpu(_)) && cpu.why.contains("means by area is not there yet"),
        "{}",
        cpu.why
    );
    assert!(chosen().only_on_cpu(DeviceRequest::Cuda(0), "means by area").is_err());
}
