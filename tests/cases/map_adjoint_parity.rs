//! The adjoint of maps on the CUDA backend against the CPU's, and what it does not have.

use crate::adjoint_parity::{Apart, cpu, plain};
use crate::gradients::{askew, corner, lobed, patterned};
use crate::support::build::{self, Numbers, add_panel};
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
use raylobe::scene::description::MaterialDescription;
use raylobe::scene::radio::Radios;
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::{Drawn, Target};
use std::sync::OnceLock;

const CARRIERS: [f64; 2] = [28e9, 9.7e9];

/// Two transmitters of so many polarisations, one steered, and a receiver that combines its ports.
fn radios(polarizations: usize) -> Radios {
    let weight = |i: u32| C64::from_polar(0.3 + 0.04 * f64::from(i), 0.7 * f64::from(i));
    let mut radios = askew(CARRIERS[0], false);
    radios.receivers.truncate(1);
    radios.receivers[0].weights = Some((0..4).map(weight).collect());
    radios.antennas[0].slants.truncate(polarizations);
    radios.transmitters[0].weights = Some((0..4 * polarizations as u32).map(weight).collect());
    radios
}

/// What a map is made with.
struct Made<'a> {
    materials: &'a [MaterialDescription; 3],
    polarizations: usize,
    options: SolverOptions,
    mean: Mean,
    rays: u64,
    layout: Layout,
}

fn sheet() -> Sheet {
    Sheet::about(&Vec3::new(0.7, 0.4, 1.6), [5.0, 6.0], [1.0, 1.5], &rotation_of([0.4, 0.1, -0.15]))
}

fn points(options: SolverOptions) -> Made<'static> {
    static MATERIALS: OnceLock<[MaterialDescription; 3]> = OnceLock::new();
    let layout = Layout::Sheet(sheet(), Ground::Plane);
    Made { materials: MATERIALS.get_or_init(plain), polarizations: 2, options, mean: Mean::Points, rays: 64, layout }
}

/// The bars of a map in tiles of so many cells, of gain and delays in every cell.
fn bar(backend: Backend, made: &Made, tile: usize, wanted: Wanted) -> Result<SceneBar> {
    let Made { materials, polarizations, ref options, mean, rays, ref layout } = *made;
    let layout = layout.clone();
    let target = Target { rays, max_rays: rays, relative_error: None };
    let survey = Survey { layout, points: if mean == Mean::Points { 2 } else { 1 }, mean, noise: 1e-9, target };
    let mut room = corner(materials);
    // It hides parts of the wall from the map, and of the map from what the wall scatters.
    add_panel(&mut room, "screen", &materials[2].name, [-1.5, 4.4, -0.2], [3.1, 0.2, 0.0], [0.0, -0.1, 3.0]);
    let (scene, radios): (Scene, Radios) = (build::checked(&room), radios(polarizations));
    let engine = MapEngine::new(backend, &scene, &survey, &radios, &CARRIERS, options, &Silent)?;
    let mut engine = engine.keeping_chains().in_tiles_of(tile);
    let mut numbers = Numbers::new(17);
    let mut number = |size: f64| numbers.between(-size, size);
    // A delay spread of some nanoseconds counts about as much as a gain.
    let cells = engine.grid().len() * CARRIERS.len() * radios.transmitters.len();
    let bars = (0..cells).map(|_| CellBar { gain: number(1e6), delay: [number(1e14), number(1e22)] });
    let bars: Vec<CellBar> = bars.collect();
    let drawn = Drawn { rays, replicates: 8 };
    let drawn = if engine.is_sampled() { vec![drawn; CARRIERS.len() * radios.transmitters.len()] } else { Vec::new() };
    engine.pull_back(&bars, &drawn, wanted)
}

#[test]
fn maps_by_points_have_the_same_derivatives_on_both() {
    let made = points(build::exhaustive(3));
    let on = |backend, tile| bar(backend, &made, tile, Wanted::all()).expect("a derivative");
    let expected = on(cpu(), 1000);
    for tile in [1000, 7] {
        let name = format!("a map in tiles of {tile}");
        let apart = Apart::new(&name, [&expected, &on(build::backend(), tile)]);
        apart.accept(&name);
        assert!(apart.seen.contains(&ParameterKind::Position) && apart.seen.len() > 7, "{:?}", apart.seen);
    }
    for kind in [ParameterKind::Position, ParameterKind::Conductivity] {
        let [cpu, cuda] = [cpu(), build::backend()]
            .map(|backend| bar(backend, &made, 1000, Wanted::of(&[kind])).expect("a derivative"));
        let apart = Apart::new("one kind", [&cpu, &cuda]);
        assert!(apart.is_small() && apart.seen == [kind], "{kind:?} alone: {}", apart.values());
    }
}

#[test]
fn maps_that_follow_ground_and_facets_have_the_same_derivatives_on_both() {
    let draped = Layout::Sheet(sheet(), Ground::Draped { objects: vec![0] });
    let facets = Layout::Facets { objects: vec![1], cell: [2.9, 2.1], offset: 0.2 };
    for (name, layout) in [("a draped map", draped), ("a map on facets", facets)] {
        let made = Made { layout, ..points(build::exhaustive(2)) };
        for wanted in [Wanted::all(), Wanted::of(&[ParameterKind::Vertex])] {
            let [cpu, cuda] =
                [cpu(), build::backend()].map(|backend| bar(backend, &made, 7, wanted).expect("a derivative"));
            let apart = Apart::new(name, [&cpu, &cuda]);
            apart.accept(name);
            assert!(apart.seen.contains(&ParameterKind::Vertex), "{:?}", apart.seen);
        }
    }
}

/// Maps with a sampled part: a room with diffuse walls, whose ways the device replays or, where two polarisations are sent
/// together, the host; and one with lobes.
fn sampled() -> [(&'static str, [MaterialDescription; 3], usize, SolverOptions); 3] {
    let scattered = |diffuse, lobe| {
        let scatter = ScatterOptions { diffuse, lobe, ..ScatterOptions::default() };
        SolverOptions { scatter, ..build::exhaustive(3) }
    };
    [
        ("diffuse walls, one polarisation", patterned(), 1, scattered(true, false)),
        ("diffuse walls and lobes, two polarisations", lobed(), 2, scattered(true, true)),
        ("lobes", lobed(), 2, scattered(false, true)),
    ]
}

#[test]
fn sampled_maps_have_the_same_derivatives_on_both() {
    let mut seen = Vec::new();
    for (name, materials, polarizations, options) in sampled() {
        let made = Made { materials: &materials, polarizations, rays: 3200, ..points(options) };
        let [cpu, cuda] = [cpu(), build::backend()]
            .map(|backend| bar(backend, &made, 1000, Wanted::all()).expect("everything has a derivative here"));
        let name = format!("a sampled map, {name}");
        let apart = Apart::new(&name, [&cpu, &cuda]);
        apart.accept(&name);
        seen.extend(apart.seen);
    }
    for kind in ParameterKind::ALL {
        assert!(seen.contains(&kind) || kind == ParameterKind::Velocity, "{kind:?} is compared at 0 alone");
    }
}

#[test]
fn blocks_of_any_size_make_the_same_bars_of_a_sampled_map() {
    for (name, materials, polarizations, options) in sampled() {
        let made = Made { materials: &materials, polarizations, rays: 800, ..points(options) };
        let mut found = [1, 57, 256].into_iter().filter_map(|threads| {
            let backend = Backend::cuda(build::cuda()?.with_blocks_of(threads));
            Some(bar(backend, &made, 1000, Wanted::all()).expect("everything has a derivative here"))
        });
        let Some(first) = found.next() else { return };
        assert!(first.vertices.iter().any(|bar| bar.norm() > 0.0));
        assert!(found.all(|other| other == first), "{name}");
    }
}

#[test]
fn what_the_device_does_not_have_of_maps_it_says() {
    if build::cuda().is_none() {
        return;
    }
    let made = Made { mean: Mean::Area, ..points(build::exhaustive(1)) };
    let text = bar(build::backend(), &made, 1000, Wanted::all()).expect_err("an area").to_string();
    assert!(text.contains("area") && text.contains("--device cpu"), "{text}");
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
