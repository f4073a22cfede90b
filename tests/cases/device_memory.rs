//! Memory of a device: allocated once, given back, shared out in smaller parts where there is little. The mock driver counts.

use super::{JOB, receivers};
use crate::support::build;
use crate::support::emulator::{Emulator, emulator};
use raylobe::backend::cuda::Cuda;
use raylobe::backend::{Backend, Loaded};
use raylobe::channel::ChannelBar;
use raylobe::error::{Error, Result};
use raylobe::io::job::{self, Job};
use raylobe::map::grid::{Ground, Layout, Sheet};
use raylobe::map::metrics::CellBar;
use raylobe::math::frame::rotation_of;
use raylobe::math::{Vec3, bounds_of};
use raylobe::path::SolverOptions;
use raylobe::path::adjoint::Wanted;
use raylobe::path::counters::Counters;
use raylobe::path::receivers::ReceiverBoxes;
use raylobe::path::scatter::ScatterOptions;
use raylobe::path::search::Span;
use raylobe::progress::Silent;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::MaterialDescription;
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::{Drawn, Target};
use raylobe::solve::{Engine, Solution, solve};
use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

const MIB: u64 = 1 << 20;
/// Paths whose bars are put down together.
const BLOCK: usize = 64;
const MUCH: u64 = 1 << 34;

/// The mock driver for one test at a time: its memory and its counts are the whole process's.
struct Alone {
    emulator: &'static Emulator,
    _turn: MutexGuard<'static, ()>,
}

impl Alone {
    fn new() -> Option<Alone> {
        static TURN: Mutex<()> = Mutex::new(());
        let emulator = emulator()?;
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        emulator.set_memory(MUCH);
        Some(Alone { emulator, _turn: turn })
    }

    fn open(&self) -> Backend {
        let images = self.emulator.images();
        let images: Vec<(&str, &[u8])> = images.iter().map(|(name, image)| (*name, image.as_slice())).collect();
        Backend::cuda(Cuda::open_with(&images, 0).expect("the emulator takes its own images"))
    }

    /// Leaves `room` free beside what is used now [bytes].
    fn leave(&self, room: u64) {
        self.emulator.set_memory(self.emulator.used() + room);
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.emulator.set_memory(MUCH);
    }
}

fn a_job() -> Job {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("rx.csv"), receivers()).expect("written");
    let file = folder.path().join("job.toml");
    Job::new(job::parse(JOB, &file).expect("the test's job is written well"), &file).expect("it is valid")
}

fn solved(backend: &Backend, job: &Job) -> Result<Solution> {
    solve(backend.clone(), &job.scene, &job.radios, &job.carriers, &job.solver, &Silent)
}

/// All that is found, to the last digit.
fn text_of(solution: &Solution) -> String {
    format!("{:?}{:?}{:?}", solution.paths, solution.channel, solution.counters)
}

#[test]
fn nothing_is_allocated_in_the_hot_loop() {
    let Some(alone) = Alone::new() else { return };
    let (backend, job) = (alone.open(), a_job());
    let paths = solved(&backend, &job).expect("there is much memory").paths;
    let before = alone.emulator.allocations();
    let loaded = backend.load(&job.scene).expect("there is much memory");
    let of_scene = alone.emulator.allocations() - before;
    assert!(of_scene > 0);

    let local = |position: &raylobe::math::Vec3| position - job.scene.origin;
    let source = local(&job.radios.transmitters[0].position);
    let ends: Vec<_> = job.radios.receivers.iter().map(|radio| local(&radio.position)).collect();
    let boxes = ReceiverBoxes::new(&ends, bounds_of(&ends));
    let (before, launches) = (alone.emulator.allocations(), alone.emulator.launches());
    let mut counters = Counters::default();
    for _ in 0..2 {
        let trie = backend.chains(&loaded, &Span::from(&source), &job.solver, &mut counters, &Silent).expect("chains");
        let found = backend.connect(&loaded, &trie, &boxes, &job.solver, &mut counters, &Silent).expect("paths");
        assert!(!found.is_empty());
        backend.field(&job.scene, &job.radios, &paths, &job.carriers).expect("a channel");
    }
    assert!(alone.emulator.launches() > launches + 10);
    assert_eq!(alone.emulator.allocations(), before, "stages that were run before allocate nothing");

    let before = alone.emulator.allocations();
    solved(&backend, &job).expect("there is much memory");
    assert_eq!(alone.emulator.allocations() - before, of_scene, "a job that is run again allocates its scene only");
}

#[test]
fn memory_is_given_back() {
    let Some(alone) = Alone::new() else { return };
    let (before, job) = (alone.emulator.used(), a_job());
    let backend = alone.open();
    let loaded = backend.load(&job.scene).expect("there is much memory");
    let with_scene = alone.emulator.used();
    assert!(with_scene > before);
    solved(&backend, &job).expect("there is much memory");
    assert!(alone.emulator.used() > with_scene, "buffers are kept from call to call");
    drop(loaded);
    drop(backend);
    assert_eq!(alone.emulator.used(), before);
    // Also after a failure.
    let backend = alone.open();
    alone.leave(65 * MIB);
    alone.emulator.set_memory(before + MIB);
    assert!(solved(&backend, &job).is_err());
    drop(backend);
    assert_eq!(alone.emulator.used(), before);
}

#[test]
fn little_memory_changes_no_result() {
    let Some(alone) = Alone::new() else { return };
    let job = a_job();
    let expected = solved(&alone.open(), &job).expect("there is much memory");
    assert!(
        expected.counters.paths > 100 && expected.paths.vertex_offsets.last() > Some(&100),
        "the job has reflections"
    );
    // The least that a scene is loaded with, and more: whatever is taken first must leave room for the rest.
    for room in [66, 80, 100, 130] {
        let backend = alone.open();
        alone.leave(room * MIB);
        let found = solved(&backend, &job).unwrap_or_else(|error| panic!("{room} MiB: {error}"));
        assert_eq!(text_of(&found), text_of(&expected), "{room} MiB");
        // Once more with much memory: what was halved is no other work.
        alone.emulator.set_memory(MUCH);
        assert_eq!(text_of(&solved(&backend, &job).expect("there is much memory")), text_of(&expected), "{room} MiB");
    }
}

#[test]
fn memory_that_others_take_after_the_scene_was_loaded_changes_no_result() {
    let Some(alone) = Alone::new() else { return };
    let job = a_job();
    let expected = solved(&alone.open(), &job).expect("there is much memory");
    for room in [32, 16, 8] {
        let (backend, options) = (alone.open(), &job.solver);
        let engine = Engine::new(backend, &job.scene, &job.radios, &job.carriers, options, &Silent);
        let mut engine = engine.expect("there is much memory");
        alone.leave(room * MIB);
        let tile = engine.tile(0..job.radios.receivers.len()).unwrap_or_else(|error| panic!("{room} MiB: {error}"));
        assert!(tile.paths == expected.paths && tile.channel == expected.channel, "{room} MiB");
        assert_eq!(format!("{:?}", engine.finish().counters), format!("{:?}", expected.counters), "{room} MiB");
        alone.emulator.set_memory(MUCH);
    }
}

#[test]
fn maps_are_sampled_in_smaller_parts_where_memory_is_little() {
    let Some(alone) = Alone::new() else { return };
    let ground = MaterialDescription { scattering: Some(0.5), xpd: Some(0.2), ..build::metal() };
    let mut scene = build::scene_of(&[ground]);
    build::add_panel(&mut scene, "ground", "metal", [-9.0, -9.0, 0.0], [18.0, 0.0, 0.0], [0.0, 18.0, 0.0]);
    let (scene, radios) = (build::checked(&scene), build::radios(Polarization::V, &[[0.0, 0.0, 5.0]], &[[0.0; 3]]));
    let scatter = ScatterOptions { diffuse: true, ..ScatterOptions::default() };
    let options = SolverOptions { scatter, ..build::by_default(1) };
    let sheet = Sheet::about(&Vec3::new(0.0, 0.0, 1.5), [8.0, 8.0], [1.0, 1.0], &rotation_of([0.0; 3]));
    // Each of 32 replicates has more rays than fit at once below.
    let target = Target { rays: 32 * 2500, max_rays: 32 * 2500, relative_error: None };
    let survey = Survey {
        layout: Layout::Sheet(sheet, Ground::Plane),
        points: 1,
        mean: raylobe::map::grid::Mean::Points,
        noise: 1e-12,
        target,
    };
    let in_room = |room: Option<u64>, work: &dyn Fn(&mut MapEngine)| {
        let mut engine = MapEngine::new(alone.open(), &scene, &survey, &radios, &[28e9], &options, &Silent)
            .expect("there is much memory");
        room.into_iter().for_each(|room| alone.leave(room));
        let before = alone.emulator.launches();
        work(&mut engine);
        alone.emulator.set_memory(MUCH);
        alone.emulator.launches() - before
    };
    let maps = RefCell::new(Vec::new());
    let sample = |engine: &mut MapEngine| {
        let map = engine.sampled(0, 0, &target).expect("there is enough memory");
        maps.borrow_mut().push((map.moments, map.variance));
    };
    let [launches, more] = [None, Some(3 * MIB / 2)].map(|room| in_room(room, &sample));
    let maps = maps.into_inner();
    assert!(maps[0].0.iter().all(|moments| moments[0] > 0.0));
    assert!(more > launches + 32, "{launches} launches with much memory, {more} with little");
    assert_eq!(maps[0], maps[1]);

    let bars = RefCell::new(Vec::new());
    let cells: Vec<CellBar> = (0..64).map(|cell| CellBar { gain: 1.0 + f64::from(cell), delay: [0.0; 2] }).collect();
    let drawn = Drawn { rays: 4 * 3500, replicates: 4 };
    let pull_back = |engine: &mut MapEngine| {
        let bar = engine.pull_back(&cells, &[drawn], Wanted::all()).expect("there is enough memory");
        bars.borrow_mut().push(bar);
    };
    let [launches, more] = [None, Some(9 * MIB / 2)].map(|room| in_room(room, &pull_back));
    let bars = bars.into_inner();
    assert!(bars[0].materials[0].scattering > 0.0);
    assert!(more > launches + 4, "{launches} launches with much memory, {more} with little");
    assert_eq!(bars[0], bars[1]);
}

/// Bars of a loss of everything that a channel has.
fn bars_of(Solution { paths, channel, .. }: &Solution) -> ChannelBar {
    let ones = |count: usize| vec![1e3; count];
    ChannelBar {
        a: channel.a.iter().map(|a| a * 1e12).collect(),
        tau: ones(paths.len()),
        theta_t: ones(paths.len()),
        phi_t: ones(paths.len()),
        theta_r: ones(paths.len()),
        phi_r: ones(paths.len()),
        doppler: ones(channel.doppler.len()),
        vertex: vec![Vec3::new(1.0, 2.0, 3.0); paths.vertex.len()],
        direct: Vec::new(),
    }
}

#[test]
fn paths_are_pulled_back_in_smaller_parts_where_memory_is_little() {
    let Some(alone) = Alone::new() else { return };
    let job = a_job();
    let solution = solved(&alone.open(), &job).expect("there is much memory");
    assert!(solution.paths.len() > 3 * BLOCK, "{} paths are some blocks of the adjoint", solution.paths.len());
    let bars = bars_of(&solution);
    let pulled = |backend: &Backend, loaded: &Loaded| {
        let of_channel = (&solution.paths, &solution.channel, &bars);
        backend.pull_back(loaded, &job.radios, of_channel, Wanted::all())
    };
    let backend = alone.open();
    let loaded = backend.load(&job.scene).expect("there is much memory");
    let before = alone.emulator.launches();
    let expected = pulled(&backend, &loaded).expect("there is much memory");
    let launches = alone.emulator.launches() - before;
    assert!(expected.vertices.iter().any(|bar| bar.norm() > 0.0));
    let before = alone.emulator.allocations();
    assert_eq!(pulled(&backend, &loaded).expect("there is much memory"), expected);
    assert_eq!(alone.emulator.allocations(), before, "what was done before allocates nothing");

    // The least that a block takes, and more.
    for room in [MIB / 2, MIB, 2 * MIB] {
        let backend = alone.open();
        let loaded = backend.load(&job.scene).expect("there is much memory");
        alone.leave(room);
        let before = alone.emulator.launches();
        let found = pulled(&backend, &loaded).unwrap_or_else(|error| panic!("{room} bytes: {error}"));
        let more = alone.emulator.launches() - before;
        assert!(room > MIB / 2 || more >= 2 * launches, "{launches} launches with much memory, {more} with little");
        assert_eq!(found, expected, "{room} bytes");
        alone.emulator.set_memory(MUCH);
    }

    let backend = alone.open();
    let loaded = backend.load(&job.scene).expect("there is much memory");
    alone.leave(1 << 16);
    let error = pulled(&backend, &loaded).expect_err("a device of 64 KiB");
    assert!(matches!(error, Error::DeviceMemory(_)) && error.to_string().contains("--device cpu"), "{error}");
    alone.emulator.set_memory(MUCH);
    assert_eq!(pulled(&backend, &loaded).expect("there is memory again"), expected);
}

#[test]
fn a_device_that_is_full_is_told_with_numbers_and_can_be_used_once_it_is_not() {
    let Some(alone) = Alone::new() else { return };
    let (backend, job) = (alone.open(), a_job());
    let full = |error: Error, parts: &[&str]| {
        let text = error.to_string();
        assert!(matches!(error, Error::DeviceMemory(_)) && error.exit_code() == 77, "{text}");
        println!("{text}");
        parts.iter().for_each(|part| assert!(text.contains(part), "'{part}' is not in {text}"));
    };
    alone.leave(5 * MIB / 2);
    let error = backend.load(&job.scene).expect_err("a device of 2 MiB");
    full(error, &["the scene and the least room to work take 65 MiB", "2 MiB free of", "--device cpu"]);

    alone.emulator.set_memory(MUCH);
    let loaded = backend.load(&job.scene).expect("there is much memory");
    let source = job.radios.transmitters[0].position - job.scene.origin;
    let mut counters = Counters::default();
    let mut chains = || backend.chains(&loaded, &Span::from(&source), &job.solver, &mut counters, &Silent);
    alone.leave(1 << 10);
    let error = chains().map(|trie| trie.len()).expect_err("a device of 1 KiB");
    full(error, &["the least part of the work takes another 1 MiB", "has 0 MiB free of", "--device cpu"]);
    alone.emulator.set_memory(MUCH);
    chains().expect("there is memory again");
}
