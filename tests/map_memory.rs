//! The adjoint of a map takes the memory of one tile, however many cells and rays there are.
//!
//! A binary of its own: its allocator counts.

#[allow(dead_code)]
mod support;

use raylobe::backend::{Backend, DeviceRequest};
use raylobe::map::grid::{Ground, Layout, Mean, Sheet};
use raylobe::map::metrics::CellBar;
use raylobe::math::Vec3;
use raylobe::math::frame::rotation_of;
use raylobe::path::SolverOptions;
use raylobe::path::adjoint::Wanted;
use raylobe::path::scatter::ScatterOptions;
use raylobe::progress::Silent;
use raylobe::scene::antenna::Polarization;
use raylobe::scene::description::MaterialDescription;
use raylobe::solve::map::{MapEngine, Survey};
use raylobe::solve::sampled::{Drawn, Target};
use std::alloc::{GlobalAlloc, Layout as Block, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use support::build::{self, add_cuboid, add_panel, checked, scene_of};

/// The system's allocator, which knows how much is in use, and how much was at the most.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged; counting touches atomic numbers only.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, block: Block) -> *mut u8 {
        let now = IN_USE.fetch_add(block.size(), Ordering::Relaxed) + block.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(block) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, block: Block) {
        IN_USE.fetch_sub(block.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, block) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Rays of a replicate: more than are followed at once.
const RAYS: u64 = 70_000;

/// What the adjoint of a map of `side` x `side` cells takes at the most besides what is there before [bytes].
fn peak(side: u32, mean: Mean, rays: u64) -> usize {
    let rough =
        MaterialDescription { scattering: Some(0.4), xpd: Some(0.2), ..build::material("rough", 5.0, 0.1, 0.2) };
    let mut scene = scene_of(&[rough]);
    add_panel(&mut scene, "ground", "rough", [-15.0, -15.0, 0.0], [30.0, 0.0, 0.0], [0.0, 30.0, 0.0]);
    add_panel(&mut scene, "wall", "rough", [-15.0, -12.0, 0.0], [30.0, 2.0, 0.0], [0.0, 0.0, 11.0]);
    add_cuboid(&mut scene, "block", "rough", [3.0, -4.0, 0.0], [8.0, 6.0, 7.03]);
    let (scene, radios) = (checked(&scene), build::radios(Polarization::VH, &[[-8.0, 1.0, 7.0]], &[[0.0; 3]]));
    let cell = 20.0 / f64::from(side);
    let sheet = Sheet::about(&Vec3::new(0.0, 0.0, 1.5), [20.0, 20.0], [cell, cell], &rotation_of([0.0; 3]));
    let scatter = ScatterOptions { diffuse: rays > 0, ..ScatterOptions::default() };
    let options = SolverOptions { scatter, ..build::exhaustive(2) };
    let target = Target { rays, max_rays: rays, relative_error: None };
    let layout = Layout::Sheet(sheet, Ground::Plane);
    let survey = Survey { layout, points: 1, mean, noise: 1e-12, target };
    let cpu = Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend;
    let engine = MapEngine::new(cpu, &scene, &survey, &radios, &[28e9], &options, &Silent).expect("a sound scene");
    // Some hundred cells: whole rows.
    let mut engine = engine.in_tiles_of((512 / side * side) as usize).keeping_chains();
    let bars = vec![CellBar { gain: 1.0, delay: [1e6, 1e12] }; (side * side) as usize];
    let drawn: &[Drawn] = if rays > 0 { &[Drawn { rays, replicates: (rays / RAYS) as u32 }] } else { &[] };
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let found = engine.pull_back(&bars, drawn, Wanted::all()).expect("everything has a derivative here");
    assert!(found.materials[0].conductivity[0] != 0.0);
    PEAK.load(Ordering::Relaxed) - before
}

#[test]
fn the_adjoint_of_a_map_takes_the_memory_of_a_tile() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    // Of the same density of paths: 1024 and 16,384 cells; two replicates and eight.
    for (what, small, large) in [
        ("points", (32, Mean::Points, 0), (128, Mean::Points, 0)),
        ("area", (32, Mean::Area, 0), (128, Mean::Area, 0)),
        ("rays", (16, Mean::Points, 2 * RAYS), (16, Mean::Points, 8 * RAYS)),
    ] {
        let [small, large] = [small, large].map(|(side, mean, rays)| pool.install(|| peak(side, mean, rays)));
        println!("{what}: {small} and {large} bytes at the most");
        assert!(large as f64 <= 1.25 * small as f64, "{what}: {small} and {large} bytes");
    }
}
