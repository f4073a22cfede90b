//! Where the work is done: few coarse verbs at host types, chosen once in [`Backend::open`].

pub mod cpu;

use crate::channel::Channel;
use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::geometry::simd::Level;
use crate::math::Vec3;
use crate::path::chain::ChainTrie;
use crate::path::counters::Counters;
use crate::path::receivers::ReceiverBoxes;
use crate::path::{FoundPaths, Paths, SolverOptions};
use crate::scene::Scene;
use crate::scene::radio::Radios;
use serde::{Deserialize, Serialize};

/// The device that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum DeviceRequest {
    /// CUDA when kernels and driver are there, else the CPU; says which and why.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// CUDA device number n; an error without one.
    Cuda(u32),
}

/// The device that does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The CPU: rayon threads of the current pool, and an instruction set.
    Cpu(Level),
}

impl Backend {
    /// Chooses the device.
    ///
    /// # Errors
    /// A CUDA device was asked for: this version has no kernels. An instruction set was forced that is not there.
    pub fn open(request: DeviceRequest) -> Result<Backend> {
        match request {
            DeviceRequest::Auto | DeviceRequest::Cpu => Ok(Backend::Cpu(Level::detect()?)),
            DeviceRequest::Cuda(_) => Err(Error::device(
                Fault::new("--device", "this build has no CUDA kernels")
                    .value("cuda")
                    .remedy("use --device cpu; `raylobe devices` tells what was built in"),
            )),
        }
    }

    /// What the device is and why it was taken, in one line.
    pub fn describe(self, request: DeviceRequest) -> String {
        let threads = rayon::current_num_threads();
        let why = match request {
            DeviceRequest::Auto => "auto: this build has no CUDA kernels",
            DeviceRequest::Cpu | DeviceRequest::Cuda(_) => "as asked",
        };
        match self {
            Backend::Cpu(level) => format!("cpu, {threads} threads, {} ({why})", level.name()),
        }
    }

    /// Builds what path finding needs of the scene.
    ///
    /// # Errors
    /// None on the CPU.
    pub fn load(self, scene: &Scene) -> Result<Geometry<'_>> {
        match self {
            Backend::Cpu(_) => Ok(Geometry::new(scene)),
        }
    }

    /// Finds the chains of facets that specular paths from `source` [m, local] can take.
    pub fn chains(
        self,
        geometry: &Geometry,
        source: &Vec3,
        options: &SolverOptions,
        counters: &mut Counters,
        progress: &dyn Progress,
    ) -> ChainTrie {
        match self {
            Backend::Cpu(level) => cpu::chains(level, geometry, source, options, counters, progress),
        }
    }

    /// Finds the paths over all chains to all receivers of `boxes` [m, local], in no particular order.
    pub fn connect(
        self,
        geometry: &Geometry,
        trie: &ChainTrie,
        boxes: &ReceiverBoxes,
        options: &SolverOptions,
        counters: &mut Counters,
        progress: &dyn Progress,
    ) -> FoundPaths {
        match self {
            Backend::Cpu(level) => cpu::connect(level, geometry, trie, boxes, options, counters, progress),
        }
    }

    /// Computes the coefficients of all paths at the `carriers` [Hz], and notes for the user.
    ///
    /// # Errors
    /// A material is not defined at a carrier.
    pub fn field(
        self,
        scene: &Scene,
        radios: &Radios,
        paths: &Paths,
        carriers: &[f64],
    ) -> Result<(Channel, Vec<String>)> {
        match self {
            Backend::Cpu(_) => crate::path::field::field(scene, radios, paths, carriers),
        }
    }
}

/// Where progress goes: the command line draws a bar, tests ignore it.
pub trait Progress: Sync {
    /// A stage begins that will do `total` steps (0: unknown).
    fn begin(&self, stage: &str, total: u64);
    /// `steps` more steps of the stage are done.
    fn advance(&self, steps: u64);
}

/// Progress that nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: &str, _total: u64) {}
    fn advance(&self, _steps: u64) {}
}
