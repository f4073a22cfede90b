//! Paths: which there may be ([`launch`], [`exhaustive`]), where they run ([`refine`]), how they are stored ([`Paths`]).
//!
//! Paths are ragged: link = receiver * transmitters + transmitter, and offsets tell where each link's paths and each
//! path's vertices begin. Order within a link: by length, then by key. Nothing here knows antennas.

pub mod adjoint;
pub mod beam;
pub mod chain;
pub mod corners;
pub mod counters;
pub mod exhaustive;
pub mod field;
mod field_vjp;
pub mod finders;
pub mod found;
mod hidden;
pub mod launch;
pub mod moved;
pub mod receivers;
pub mod refine;
pub mod scatter;
pub mod search;
pub mod smooth;

pub use crate::layout::ALL_ELEMENTS;
pub use found::FoundPaths;

use crate::math::Vec3;
use scatter::ScatterOptions;
use serde::{Deserialize, Serialize};

/// What a path does at a vertex; the numbers are those of the files (interface.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Interaction {
    /// Specular reflection.
    Reflection = 1,
    /// Diffuse scattering.
    Diffuse = 2,
    /// A directional lobe in place of a specular reflection.
    Lobe = 16,
}

impl Interaction {
    /// Whether the wave leaves in other directions than the specular one, so that the vertex stands for an area.
    pub fn is_scattering(self) -> bool {
        match self {
            Interaction::Reflection => false,
            Interaction::Diffuse | Interaction::Lobe => true,
        }
    }
}

/// Kinds of paths that a job may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InteractionKind {
    /// The direct path.
    LineOfSight,
    /// Specular reflection.
    Reflection,
    /// Straight transmission through slabs.
    Transmission,
    /// Diffraction at wedges.
    Diffraction,
    /// Diffuse scattering.
    Diffuse,
    /// Directional lobes.
    Lobe,
}

/// How candidate chains are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateMethod {
    /// Exhaustive where chains are few ([`FEW_CHAINS`], [`FEW_SINGLE`]), guided launching everywhere else.
    Auto,
    /// Guided ray launching: for cities.
    Launch,
    /// Every chain of facets that can see each other: for small scenes, and as the oracle.
    Exhaustive,
}

/// Up to so many chains from one transmitter are all tried rather than searched for with rays: that takes milliseconds, and
/// nothing is missed.
pub const FEW_CHAINS: u64 = 4096;
/// The same where a path has no more than one reflection, so that no chain goes on from another.
pub const FEW_SINGLE: u64 = 1 << 17;

/// Options of the path solver.
#[derive(Debug, Clone, PartialEq)]
pub struct SolverOptions {
    /// Largest number of interactions of a path; 0: line of sight only.
    pub max_depth: u32,
    /// Whether the direct path is wanted.
    pub line_of_sight: bool,
    /// Whether specular reflections are wanted.
    pub reflection: bool,
    /// How candidates are found.
    pub candidates: CandidateMethod,
    /// Rays of the first round of the guided launch, per transmitter.
    pub rays: u64,
    /// Rays shot past the rim of every new chain's window in the later rounds of the guided launch, where the window is of
    /// common size; a sixteenth as many go through it (T47).
    pub rays_per_chain: u32,
    /// Largest number of chains per transmitter: more are counted as dropped, with a warning.
    pub max_chains: u64,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Scattering.
    pub scatter: ScatterOptions,
}

impl Default for SolverOptions {
    fn default() -> Self {
        SolverOptions {
            max_depth: 3,
            line_of_sight: true,
            reflection: true,
            candidates: CandidateMethod::Auto,
            rays: 100_000,
            rays_per_chain: 16,
            max_chains: 20_000_000,
            seed: 1,
            scatter: ScatterOptions::default(),
        }
    }
}

/// All paths of all links, ragged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paths {
    /// Number of transmitters.
    pub transmitters: usize,
    /// Number of receivers.
    pub receivers: usize,
    /// First path of each link `[link + 1]`; link = receiver * transmitters + transmitter.
    pub offsets: Vec<u64>,
    /// First vertex of each path `[path + 1]`.
    pub vertex_offsets: Vec<u64>,
    /// Length `[path]` [m], f64: the delay is length / c.
    pub length: Vec<f64>,
    /// Unit direction of departure `[path]`: it points from the transmitter to the first vertex.
    pub departure: Vec<Vec3>,
    /// Unit direction of travel at the receiver `[path]`: it points from the last vertex to the receiver.
    pub arrival: Vec<Vec3>,
    /// Array element of the transmitter that the path starts from `[path]`, or [`ALL_ELEMENTS`].
    pub transmitter_element: Vec<u32>,
    /// Array element of the receiver that the path ends at `[path]`, or [`ALL_ELEMENTS`].
    pub receiver_element: Vec<u32>,
    /// Interaction `[vertex]`.
    pub interaction: Vec<Interaction>,
    /// The part of the surface that a scattering vertex stands for `[vertex]` [m2]; 0 for a specular reflection.
    pub area: Vec<f64>,
    /// Way from the transmitter to the vertex `[vertex]` [m].
    pub distance: Vec<f64>,
    /// Object `[vertex]`.
    pub object: Vec<u32>,
    /// Triangle within its object `[vertex]`.
    pub primitive: Vec<u32>,
    /// Facet `[vertex]`.
    pub facet: Vec<u32>,
    /// Unit normal of the facet's plane `[vertex]`, either side.
    pub normal: Vec<Vec3>,
    /// Position `[vertex]` [m], in the coordinates of the scene file.
    pub vertex: Vec<Vec3>,
}

impl Paths {
    /// Number of paths.
    pub fn len(&self) -> usize {
        self.length.len()
    }

    /// Whether there is no path.
    pub fn is_empty(&self) -> bool {
        self.length.is_empty()
    }

    /// Number of links.
    pub fn links(&self) -> usize {
        self.transmitters * self.receivers
    }

    /// The paths of a link.
    pub fn of_link(&self, link: usize) -> std::ops::Range<usize> {
        self.offsets[link] as usize..self.offsets[link + 1] as usize
    }

    /// The vertices of a path.
    pub fn vertices_of(&self, path: usize) -> std::ops::Range<usize> {
        self.vertex_offsets[path] as usize..self.vertex_offsets[path + 1] as usize
    }

    /// What a path's spreading is that of: lambda/(4 pi reach) [m] (T20, T76). The length, unless something scatters;
    /// otherwise each scattering vertex begins a wave of its own, as strong as its area seen by the wave before.
    pub fn reach(&self, path: usize) -> f64 {
        let (mut k, mut reach, mut begun) = (self.departure[path], 1.0, 0.0);
        let vertices = self.vertices_of(path);
        for vertex in vertices.clone() {
            let cos_theta = k.dot(&self.normal[vertex]).abs();
            if self.interaction[vertex].is_scattering() {
                reach *= (self.distance[vertex] - begun) / (cos_theta * self.area[vertex]).sqrt();
                begun = self.distance[vertex];
            }
            k = self.leaving(path, vertex, &k);
        }
        reach * (self.length[path] - begun)
    }

    /// The direction in which a path leaves one of its vertices, which it meets along `k`.
    pub fn leaving(&self, path: usize, vertex: usize, k: &Vec3) -> Vec3 {
        if !self.interaction[vertex].is_scattering() {
            let n = &self.normal[vertex];
            k - n * (2.0 * k.dot(n))
        } else if vertex + 1 < self.vertices_of(path).end {
            (self.vertex[vertex + 1] - self.vertex[vertex]).normalize()
        } else {
            self.arrival[path]
        }
    }

    /// The links of some receivers, in the order of the receivers.
    pub fn links_of<'a>(&self, receivers: &'a [usize]) -> impl Iterator<Item = usize> + use<'a> {
        let transmitters = self.transmitters;
        receivers.iter().flat_map(move |receiver| receiver * transmitters..(receiver + 1) * transmitters)
    }

    /// The paths of some receivers, which are numbered anew in the order given.
    pub fn of_receivers(&self, receivers: &[usize]) -> Paths {
        let mut some = Paths { transmitters: self.transmitters, receivers: receivers.len(), ..Paths::default() };
        (some.offsets, some.vertex_offsets) = (vec![0], vec![0]);
        for link in self.links_of(receivers) {
            let paths = self.of_link(link);
            let vertices = self.vertex_offsets[paths.start] as usize..self.vertex_offsets[paths.end] as usize;
            let shift = some.vertex.len() as u64;
            let ends = self.vertex_offsets[paths.start + 1..=paths.end].iter();
            some.vertex_offsets.extend(ends.map(|end| end - vertices.start as u64 + shift));
            some.length.extend_from_slice(&self.length[paths.clone()]);
            some.departure.extend_from_slice(&self.departure[paths.clone()]);
            some.arrival.extend_from_slice(&self.arrival[paths.clone()]);
            some.transmitter_element.extend_from_slice(&self.transmitter_element[paths.clone()]);
            some.receiver_element.extend_from_slice(&self.receiver_element[paths]);
            some.interaction.extend_from_slice(&self.interaction[vertices.clone()]);
            some.area.extend_from_slice(&self.area[vertices.clone()]);
            some.distance.extend_from_slice(&self.distance[vertices.clone()]);
            some.object.extend_from_slice(&self.object[vertices.clone()]);
            some.primitive.extend_from_slice(&self.primitive[vertices.clone()]);
            some.facet.extend_from_slice(&self.facet[vertices.clone()]);
            some.normal.extend_from_slice(&self.normal[vertices.clone()]);
            some.vertex.extend_from_slice(&self.vertex[vertices]);
            some.offsets.push(some.len() as u64);
        }
        some
    }

    /// The delay of a path [s].
    pub fn delay(&self, path: usize) -> f64 {
        self.length[path] / crate::constants::SPEED_OF_LIGHT
    }
}
