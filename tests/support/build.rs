//! Scenes, radios and solutions by hand, in few words.

use super::emulator::emulator;
use super::flag;
use raylobe::backend::cuda::Cuda;
use raylobe::backend::{Backend, DeviceRequest};
use raylobe::math::Vec3;
use raylobe::path::{CandidateMethod, SolverOptions};
use raylobe::progress::Silent;
use raylobe::scene::Scene;
use raylobe::scene::antenna::{Antenna, AntennaDescription, Element, Polarization};
use raylobe::scene::description::{MaterialDescription, ObjectDescription, SceneDescription};
use raylobe::scene::material::OutOfRange;
use raylobe::scene::mesh::Mesh;
use raylobe::scene::radio::{Radio, Radios};
use raylobe::solve::{Solution, solve};
use std::sync::OnceLock;

/// The device that the cases run on: that of the shell, `tests/cpu.rs` or `tests/emulated.rs`. Without g++ the latter runs
/// on the CPU as well, said loudly; with `RAYLOBE_REQUIRE_GPU=1` it runs on the machine's GPU in place of the emulator.
pub fn backend() -> Backend {
    static CHOSEN: OnceLock<Backend> = OnceLock::new();
    let cpu = || Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend;
    let choose = || match env!("CARGO_CRATE_NAME") {
        "emulated" => cuda().map_or_else(cpu, Backend::cuda),
        _ => cpu(),
    };
    CHOSEN.get_or_init(choose).clone()
}

/// The GPU if `RAYLOBE_REQUIRE_GPU=1`, else the emulator, or `None` where there is no g++.
pub fn cuda() -> Option<Cuda> {
    if flag("RAYLOBE_REQUIRE_GPU") {
        return Some(Cuda::open(0).expect("RAYLOBE_REQUIRE_GPU is set"));
    }
    let images = emulator()?.images();
    let images: Vec<(&str, &[u8])> = images.iter().map(|(name, image)| (*name, image.as_slice())).collect();
    Some(Cuda::open_with(&images, 0).expect("the emulator takes its own images"))
}

/// A material of eps_r [-], sigma [S/m] and thickness [m].
pub fn material(name: &str, relative_permittivity: f64, conductivity: f64, thickness: f64) -> MaterialDescription {
    MaterialDescription {
        name: name.into(),
        relative_permittivity: Some(relative_permittivity),
        conductivity_s_per_m: Some(conductivity),
        thickness_m: Some(thickness),
        ..MaterialDescription::default()
    }
}

/// The largest conductivity that a material may have: 1 - |r| is below 1e-5 up to 100 GHz [S/m].
pub const PERFECT_CONDUCTIVITY: f64 = 1e12;

/// A perfect conductor, called `metal`.
pub fn metal() -> MaterialDescription {
    material("metal", 1.0, PERFECT_CONDUCTIVITY, f64::INFINITY)
}

/// A scene of these materials, without objects.
pub fn scene_of(materials: &[MaterialDescription]) -> SceneDescription {
    SceneDescription { materials: materials.to_vec(), ..SceneDescription::default() }
}

/// Adds an object of plane polygons, each cut into a fan of triangles.
pub fn add_polygons(scene: &mut SceneDescription, name: &str, material: &str, polygons: &[Vec<[f64; 3]>]) {
    let mut mesh = Mesh::default();
    for polygon in polygons {
        let base = mesh.vertices.len() as u32;
        mesh.vertices.extend(polygon);
        mesh.triangles.extend((2..polygon.len() as u32).map(|i| [base, base + i - 1, base + i]));
    }
    scene.objects.push(ObjectDescription { name: name.into(), material: material.into(), mesh });
}

/// Adds a parallelogram with one corner and two edges.
pub fn add_panel(scene: &mut SceneDescription, name: &str, material: &str, corner: [f64; 3], u: [f64; 3], v: [f64; 3]) {
    let (c, u, v) = (Vec3::from(corner), Vec3::from(u), Vec3::from(v));
    let polygon = [c, c + u, c + u + v, c + v].map(|p| [p.x, p.y, p.z]).to_vec();
    add_polygons(scene, name, material, &[polygon]);
}

/// Adds a cuboid between two opposite corners.
pub fn add_cuboid(scene: &mut SceneDescription, name: &str, material: &str, low: [f64; 3], high: [f64; 3]) {
    let p = |i: usize| [0, 1, 2].map(|axis| if i >> axis & 1 == 0 { low[axis] } else { high[axis] });
    let faces = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    add_polygons(scene, name, material, &faces.map(|face| face.map(p).to_vec()));
}

/// The scene that a description means; ITU materials must be within their range.
pub fn checked(scene: &SceneDescription) -> Scene {
    Scene::new(scene, OutOfRange::Error).expect("the test's scene is valid")
}

/// A radio at rest, antenna 0, 1 W.
pub fn radio(name: &str, position: [f64; 3]) -> Radio {
    Radio {
        name: name.into(),
        position: Vec3::from(position),
        orientation: [0.0; 3],
        velocity: Vec3::zeros(),
        power: 1.0,
        antenna: 0,
        weights: None,
    }
}

/// One isotropic element of this polarisation.
pub fn isotropic(polarization: Polarization) -> Antenna {
    antenna(&AntennaDescription { element: Element::Isotropic, polarization, ..AntennaDescription::default() }, 1.0)
}

/// A checked antenna; spacings count in `wavelength` [m].
pub fn antenna(written: &AntennaDescription, wavelength: f64) -> Antenna {
    Antenna::new("antenna", written, wavelength).expect("the test's antenna is valid")
}

/// Radios with one kind of isotropic antenna at these positions.
pub fn radios(polarization: Polarization, transmitters: &[[f64; 3]], receivers: &[[f64; 3]]) -> Radios {
    let named = |kind: &str, positions: &[[f64; 3]]| {
        positions.iter().enumerate().map(|(i, p)| radio(&format!("{kind}{i}"), *p)).collect()
    };
    Radios {
        antennas: vec![isotropic(polarization)],
        transmitters: named("tx", transmitters),
        receivers: named("rx", receivers),
    }
}

/// Options with every facet chain up to `max_depth`.
pub fn exhaustive(max_depth: u32) -> SolverOptions {
    SolverOptions { max_depth, candidates: CandidateMethod::Exhaustive, ..SolverOptions::default() }
}

/// The options that a job has which says nothing but the depth.
pub fn by_default(max_depth: u32) -> SolverOptions {
    SolverOptions { max_depth, ..SolverOptions::default() }
}

/// The same where chains are too many to try them all: what completeness is claimed for.
pub fn by_default_with_rays(max_depth: u32) -> SolverOptions {
    SolverOptions { candidates: CandidateMethod::Launch, ..by_default(max_depth) }
}

/// Options with the guided launch.
pub fn launch(max_depth: u32, rays: u64, rays_per_chain: u32) -> SolverOptions {
    let candidates = CandidateMethod::Launch;
    SolverOptions { max_depth, candidates, rays, rays_per_chain, ..SolverOptions::default() }
}

/// The whole solver.
pub fn solved(scene: &SceneDescription, radios: &Radios, carriers: &[f64], options: &SolverOptions) -> Solution {
    solve(backend(), &checked(scene), radios, carriers, options, &Silent).expect("the test's job can be solved")
}

/// Repeatable numbers, the same on every machine.
pub struct Numbers(u32);

impl Numbers {
    /// Numbers of this seed.
    pub fn new(seed: u32) -> Self {
        Numbers(seed.wrapping_mul(747_796_405).wrapping_add(1))
    }

    /// The next number in [0, 1).
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(1);
        raylobe::math::random::unit_interval(raylobe::math::random::philox([self.0, 0, 0, 7], [11, 13])[0])
    }

    /// The next number in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }
}
