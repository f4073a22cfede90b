//! The adjoint of stored paths, in paths per second, of all materials and of everything: in a city, and in a room, where
//! most paths are reflected three times. The adjoint of maps beside the maps themselves, in cells and rays per second.

#[allow(dead_code)]
mod support;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use raylobe::bench::site::Ends;
use raylobe::channel::response::{frequency_response, frequency_response_vjp, subcarrier_offsets};
use raylobe::channel::{ChannelBar, Delays, Link};
use raylobe::io::record::peak_memory;
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::map::metrics::CellBar;
use raylobe::math::{Mat3, Vec3};
use raylobe::path::adjoint::Wanted;
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::{CandidateMethod, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{Antenna, AntennaDescription, PlanarArray};
use raylobe::scene::description::{MaterialDescription, ObjectDescription, SceneDescription};
use raylobe::scene::material::OutOfRange;
use raylobe::scene::mesh::Mesh;
use raylobe::scene::radio::{Radio, Radios};
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::Target;
use raylobe::solve::{Engine, solve};
use rayon::prelude::*;
use support::{backend, city, place};

/// Carrier [Hz].
const CARRIER: f64 = 28e9;
/// Receivers of the bench.
const RECEIVERS: u32 = 1000;

/// An empty room of 30 x 60 x 3 m with walls of concrete that scatter so much, a transmitter and receivers all over it.
fn room(scattering: f64) -> (Scene, Radios) {
    let size = [30.0, 60.0, 3.0];
    let corner = |i: usize| [0, 1, 2].map(|axis| if i >> axis & 1 == 0 { 0.0 } else { size[axis] });
    let faces = [[0u32, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let mesh = Mesh {
        vertices: (0..8).map(corner).collect(),
        triangles: faces.iter().flat_map(|[a, b, c, d]| [[*a, *b, *c], [*a, *c, *d]]).collect(),
    };
    let description = SceneDescription {
        objects: vec![ObjectDescription { name: "room".into(), material: "concrete".into(), mesh }],
        materials: vec![MaterialDescription {
            scattering: Some(scattering),
            xpd: Some(0.1),
            ..MaterialDescription::itu("concrete", "concrete")
        }],
        ..SceneDescription::default()
    };
    let radio = |i: u32, [x, y, z]: [f64; 3]| Radio {
        name: format!("radio{i}"),
        position: [x, y, z].into(),
        orientation: [0.0; 3],
        velocity: Default::default(),
        power: 1.0,
        antenna: 0,
        weights: None,
    };
    let place =
        |i: u32| [1.3 + 0.71 * f64::from(i % 40), 1.9 + 2.3 * f64::from(i / 40), 1.1 + 0.013 * f64::from(i % 7)];
    let wavelength = raylobe::constants::SPEED_OF_LIGHT / CARRIER;
    let radios = Radios {
        antennas: vec![Antenna::new("one", &AntennaDescription::default(), wavelength).expect("it is one element")],
        transmitters: vec![radio(0, [11.3, 23.7, 2.1])],
        receivers: (0..RECEIVERS).map(|i| radio(i, place(i))).collect(),
    };
    (Scene::new(&description, OutOfRange::Error).expect("a sound room"), radios)
}

fn adjoints(criterion: &mut Criterion) {
    let site = city();
    let loaded = backend().load(&site.scene).expect("a city has a hierarchy");
    let radios = Ends::new(&site, &loaded, RECEIVERS).radios(&site, CARRIER).expect("28 GHz is a carrier");
    let options = SolverOptions { rays: 20_000, ..SolverOptions::default() };
    of_scene(criterion, &site.name, &site.scene, &radios, &options);
    let (scene, radios) = room(0.0);
    let options = SolverOptions { candidates: CandidateMethod::Exhaustive, ..options };
    of_scene(criterion, "room", &scene, &radios, &options);
}

fn of_scene(criterion: &mut Criterion, scene_name: &str, scene: &Scene, radios: &Radios, options: &SolverOptions) {
    let solution = solve(backend(), scene, radios, &[CARRIER], options, &Silent).expect("it can be solved");
    let (paths, channel) = (&solution.paths, &solution.channel);
    let loaded = backend().load(scene).expect("it has a hierarchy");
    let mut bars = ChannelBar::zeros(channel);
    bars.a.copy_from_slice(&channel.a);
    bars.tau.fill(1.0);
    let mut group = criterion.benchmark_group("adjoint");
    group.sample_size(20).throughput(Throughput::Elements(paths.len() as u64));
    for (what, wanted) in [("materials", Wanted::materials()), ("everything", Wanted::all())] {
        group.bench_function(BenchmarkId::new(what, scene_name), |b| {
            b.iter(|| {
                backend().pull_back(&loaded, radios, (paths, channel, &bars), wanted).expect("it has derivatives")
            })
        });
    }
    group.finish();
    let reflections = paths.vertex.len() as f64 / paths.len() as f64;
    println!("{scene_name}: {} paths, {reflections:.2} reflections each", paths.len());
}

/// A step of a calibration beside Sionna RT (scripts/peers/sionna_step.py): Munich, ten receivers, depth 3, stored paths; field,
/// loss and adjoint of all materials, and the adjoint alone. Where Munich or its receivers are missing, it says so.
fn step(criterion: &mut Criterion) {
    let scene = raylobe::io::scene_file::read(&place("RAYLOBE_SCENES", ".scenes").join("munich/munich.xml"));
    let outdoors = place("RAYLOBE_TRUTH", "../shared/truth").join("munich_rx_1000.npy");
    let receivers = raylobe::io::arrays::read_positions_file(&outdoors);
    let (Ok(scene), Ok(receivers)) = (scene, receivers) else {
        println!("SKIPPED: step/munich needs scripts/get-scenes.sh and {}", outdoors.display());
        return;
    };
    let scene = Scene::new(&scene, OutOfRange::Error).expect("a sound scene");
    let carrier = 3.5e9;
    let radio = |position: [f64; 3]| Radio {
        name: String::new(),
        position: position.into(),
        orientation: [0.0; 3],
        velocity: Default::default(),
        power: 1.0,
        antenna: 0,
        weights: None,
    };
    let wavelength = raylobe::constants::SPEED_OF_LIGHT / carrier;
    let radios = Radios {
        antennas: vec![Antenna::new("one", &AntennaDescription::default(), wavelength).expect("it is one element")],
        transmitters: vec![radio([8.5, 21.0, 27.0])],
        receivers: receivers.into_iter().take(10).map(radio).collect(),
    };
    let solution =
        solve(backend(), &scene, &radios, &[carrier], &SolverOptions::default(), &Silent).expect("it can be solved");
    let (loaded, paths) = (backend().load(&scene).expect("it has a hierarchy"), &solution.paths);
    let mut bars = ChannelBar::zeros(&solution.channel);
    let mut group = criterion.benchmark_group("step");
    group.bench_function("field, loss and adjoint/munich", |b| {
        b.iter(|| {
            let (channel, _) = backend().field(&scene, &radios, paths, &[carrier]).expect("a carrier");
            bars.a.iter_mut().zip(&channel.a).for_each(|(bar, a)| *bar = a * 2.0);
            backend().pull_back(&loaded, &radios, (paths, &channel, &bars), Wanted::materials()).expect("derivatives")
        })
    });
    group.bench_function("adjoint/munich", |b| {
        b.iter(|| {
            let all = (paths, &solution.channel, &bars);
            backend().pull_back(&loaded, &radios, all, Wanted::materials()).expect("derivatives")
        })
    });
    group.finish();
    println!("munich: {} paths", paths.len());
}

/// Receivers whose responses are in memory at once.
const STREAMED: usize = 8;

/// 10,000 links of 8 x 8 antennas and 1024 subcarriers: paths are stored, responses and their adjoints streamed, a few links at
/// a time. Once, with `RAYLOBE_BENCH_LARGE=1`: it takes minutes.
fn streamed(_: &mut Criterion) {
    if std::env::var("RAYLOBE_BENCH_LARGE").as_deref() != Ok("1") {
        return;
    }
    let site = city();
    let loaded = backend().load(&site.scene).expect("a city has a hierarchy");
    let mut radios = Ends::new(&site, &loaded, 10_000).radios(&site, CARRIER).expect("28 GHz is a carrier");
    let array = |rows, columns| {
        let array = Some(PlanarArray { rows, columns, vertical_spacing: 0.5, horizontal_spacing: 0.5 });
        let written = AntennaDescription { array, ..AntennaDescription::default() };
        Antenna::new("array", &written, raylobe::constants::SPEED_OF_LIGHT / CARRIER).expect("a small array")
    };
    radios.antennas = vec![array(4, 2); radios.antennas.len()];
    let options = SolverOptions { rays: 20_000, ..SolverOptions::default() };
    let carriers = [CARRIER];
    let mut engine =
        Engine::new(backend(), &site.scene, &radios, &carriers, &options, &Silent).expect("it can be solved");
    let mut stored = Vec::new();
    for first in (0..radios.receivers.len()).step_by(1000) {
        stored.push(engine.samples(first..(first + 1000).min(radios.receivers.len())).expect("it has paths").paths);
    }
    drop(engine);
    let offsets = subcarrier_offsets(1024, 120e3).expect("a carrier's worth");
    let begun = std::time::Instant::now();
    let links: usize = stored.iter().map(|paths| paths.links()).sum();
    for (tile, paths) in stored.iter().enumerate() {
        let receivers: Vec<usize> = (0..paths.receivers).collect();
        receivers.par_chunks(STREAMED).for_each(|chunk| {
            let some = paths.of_receivers(chunk);
            let own = radios.with_receivers(tile * 1000 + chunk[0]..tile * 1000 + chunk[chunk.len() - 1] + 1);
            let (channel, _) = backend().field(&site.scene, &own, &some, &carriers).expect("a carrier");
            let mut bars = ChannelBar::zeros(&channel);
            for index in 0..some.links() {
                // The loss is half the power of the response, whose bar it is itself.
                let link = Link::new(&own, &some, &channel, index);
                let response = frequency_response(&link, 0, &offsets, Delays::Absolute);
                frequency_response_vjp(&link, 0, &offsets, Delays::Absolute, &response, &mut bars, &mut 0.0);
            }
            backend().pull_back(&loaded, &own, (&some, &channel, &bars), Wanted::all()).expect("it has derivatives");
        });
    }
    let (seconds, peak) = (begun.elapsed().as_secs_f64(), peak_memory().unwrap_or_default());
    let paths: usize = stored.iter().map(|paths| paths.len()).sum();
    println!(
        "streamed: {links} links x 64 port pairs x 1024 subcarriers, {paths} paths: {seconds:.1} s, peak {} MiB",
        peak >> 20
    );
}

/// Maps of a city, 200 m by 200 m in cells of 2 m about the transmitter, by points and by area; and what walls and floor of
/// the room scatter.
fn maps(criterion: &mut Criterion) {
    let site = city();
    let loaded = backend().load(&site.scene).expect("a city has a hierarchy");
    let mut radios = Ends::new(&site, &loaded, 1).radios(&site, CARRIER).expect("28 GHz is a carrier");
    radios.receivers.truncate(1);
    let options = SolverOptions { rays: 20_000, ..SolverOptions::default() };
    let at = radios.transmitters[0].position;
    let street = Sheet::about(&Vec3::new(at.x, at.y, 1.5), [200.0; 2], [2.0; 2], &Mat3::identity());
    for (what, mean) in [("points", Mean::Points), ("area", Mean::Area)] {
        of_map(criterion, what, &site.scene, &radios, &options, (street.clone(), mean, 0));
    }
    let (scene, mut radios) = room(0.4);
    radios.receivers.truncate(1);
    let scatter = ScatterOptions { diffuse: true, ..ScatterOptions::default() };
    let options = SolverOptions { max_depth: 2, scatter, ..options };
    let level = Sheet::about(&Vec3::new(15.0, 30.0, 1.5), [30.0, 60.0], [1.0; 2], &Mat3::identity());
    of_map(criterion, "sampled", &scene, &radios, &options, (level, Mean::Points, 320_000));
}

fn of_map(
    criterion: &mut Criterion,
    what: &str,
    scene: &Scene,
    radios: &Radios,
    options: &SolverOptions,
    (sheet, mean, rays): (Sheet, Mean, u64),
) {
    let (cells, layout) = (sheet.len(), Layout::Sheet(sheet, Ground::Plane));
    let target = Target { rays, max_rays: rays, relative_error: None };
    let survey = Survey { layout, points: 1, mean, noise: 1e-12, target };
    let engine = MapEngine::new(backend(), scene, &survey, radios, &[CARRIER], options, &Silent);
    let mut engine = engine.expect("it can be mapped").keeping_chains();
    let map = |engine: &mut MapEngine| match rays {
        0 => engine.tile(0..cells).map(|_| Vec::new()).expect("it can be mapped"),
        _ => vec![engine.sampled(0, 0, &target).expect("it can be sampled").drawn()],
    };
    let drawn = map(&mut engine);
    let bars = vec![CellBar { gain: 1.0, delay: [1e6, 1e12] }; cells];
    let mut group = criterion.benchmark_group("map");
    group.sample_size(10).throughput(Throughput::Elements(if rays > 0 { rays } else { cells as u64 }));
    group.bench_function(BenchmarkId::new(what, "forward"), |b| b.iter(|| map(&mut engine)));
    for (name, wanted) in [("adjoint of materials", Wanted::materials()), ("adjoint of everything", Wanted::all())] {
        group.bench_function(BenchmarkId::new(what, name), |b| {
            b.iter(|| engine.pull_back(&bars, &drawn, wanted).expect("it has derivatives"))
        });
    }
    group.finish();
}

criterion_group!(benches, adjoints, step, streamed, maps);
criterion_main!(benches);
