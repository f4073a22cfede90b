//! Where the work is done: few coarse verbs at host types, chosen once in [`Backend::open`].

pub mod cpu;
pub mod cuda;

use crate::channel::{Channel, ChannelBar};
use crate::error::{Error, Fault, Result};
use crate::geometry::Geometry;
use crate::geometry::bvh::Bvh;
use crate::geometry::facet::Facets;
use crate::geometry::outline::Outlines;
use crate::geometry::simd::Level;
use crate::layout::{Flight, LoneSegment};
use crate::map::bundle::Recording;
use crate::map::forward::Forward;
use crate::map::replicates::{Lattice, Sums};
use crate::path::adjoint::{Adjoint, Run, SceneBar, Wanted};
use crate::path::chain::ChainTrie;
use crate::path::corners::drop_slipping;
use crate::path::counters::Counters;
use crate::path::field::{Feed, field_over, powers_of};
use crate::path::receivers::ReceiverBoxes;
use crate::path::scatter::Tracing;
use crate::path::search::Span;
use crate::path::smooth::chains::{Asked, SoftPath};
use crate::path::smooth::{Pulled, Softness, View, Viewpoint, VisibilityBar};
use crate::path::{FoundPaths, Paths, SolverOptions};
use crate::progress::Progress;
use crate::scene::Scene;
use crate::scene::material::Surface;
use crate::scene::radio::Radios;
use cuda::{Cuda, Resident, ResidentOutlines};
use serde::{Deserialize, Serialize};
use std::ops::Deref;
use std::sync::Arc;

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
#[derive(Debug, Clone)]
pub enum Backend {
    /// The CPU: rayon threads of the current pool, and an instruction set.
    Cpu(Level),
    /// A CUDA device.
    Cuda(Arc<Cuda>),
}

/// The device that was chosen, and why.
#[derive(Debug)]
pub struct Chosen {
    /// The device.
    pub backend: Backend,
    /// The reason, in a few words.
    pub why: String,
}

impl Chosen {
    /// What the device is and why it was taken, in one line.
    pub fn describe(&self) -> String {
        format!("{} ({})", self.backend.describe(), self.why)
    }

    /// The same for `what` only the CPU does so far: where the choice was left open, the CPU.
    ///
    /// # Errors
    /// Another device was asked for.
    pub fn only_on_cpu(self, request: DeviceRequest, what: &str) -> Result<Chosen> {
        match (&self.backend, request) {
            (Backend::Cuda(_), DeviceRequest::Auto) => {
                let why = format!("auto: {what} is not there yet on CUDA devices");
                Ok(Chosen { backend: Backend::Cpu(Level::detect()?), why })
            }
            _ => self.backend.level_for(what).map(|_| self),
        }
    }
}

/// A scene that is ready on the device that does the work.
#[derive(Debug)]
pub struct Loaded<'a> {
    geometry: Geometry<'a>,
    resident: Option<Resident>,
}

impl<'a> Deref for Loaded<'a> {
    type Target = Geometry<'a>;
    fn deref(&self) -> &Geometry<'a> {
        &self.geometry
    }
}

/// What was built for a scene, without the scene: another one that differs in its materials alone can take it over.
#[derive(Debug)]
pub struct Detached {
    bvh: Bvh,
    facets: Facets,
    resident: Option<Resident>,
}

impl<'a> Loaded<'a> {
    /// Lets go of the scene.
    pub fn detach(self) -> Detached {
        let Geometry { bvh, facets, .. } = self.geometry;
        Detached { bvh, facets, resident: self.resident }
    }
}

impl Detached {
    /// Takes a scene of the same triangles and objects; its materials may have other properties.
    pub fn attach(self, scene: &Scene) -> Loaded<'_> {
        let Detached { bvh, facets, resident } = self;
        Loaded { geometry: Geometry { scene, bvh, facets }, resident }
    }
}

impl Loaded<'_> {
    fn on_device(&self) -> Result<&Resident> {
        self.resident.as_ref().ok_or_else(|| Error::Internal("the scene was loaded on another device".into()))
    }
}

/// The outlines of a scene, ready on the device that does the work.
#[derive(Debug)]
pub struct LoadedOutlines {
    outlines: Outlines,
    resident: Option<ResidentOutlines>,
}

impl LoadedOutlines {
    /// What chains are judged in.
    pub fn view<'a>(&'a self, loaded: &'a Loaded, softness: Softness) -> View<'a> {
        View { geometry: loaded, outlines: &self.outlines, softness }
    }

    fn on_device<'a>(&'a self, loaded: &'a Loaded) -> Result<(&'a Resident, &'a ResidentOutlines)> {
        let own = self.resident.as_ref();
        let own = own.ok_or_else(|| Error::Internal("the outlines were loaded on another device".into()))?;
        Ok((loaded.on_device()?, own))
    }
}

impl Backend {
    /// Chooses the device.
    ///
    /// # Errors
    /// A CUDA device was asked for that cannot be used. An instruction set was forced that is not there.
    pub fn open(request: DeviceRequest) -> Result<Chosen> {
        let cpu = || Ok(Backend::Cpu(Level::detect()?));
        let (backend, why) = match request {
            DeviceRequest::Cpu => (cpu()?, "as asked".into()),
            DeviceRequest::Cuda(ordinal) => (Backend::cuda(Cuda::open(ordinal)?), "as asked".into()),
            DeviceRequest::Auto => match Cuda::open(0) {
                Ok(cuda) => (Backend::cuda(cuda), "auto: kernels, driver and device are there".into()),
                Err(Error::Device(fault) | Error::DeviceMemory(fault)) => (cpu()?, format!("auto: {}", fault.bound)),
                Err(other) => return Err(other),
            },
        };
        Ok(Chosen { backend, why })
    }

    /// A CUDA device that is open.
    pub fn cuda(cuda: Cuda) -> Backend {
        Backend::Cuda(Arc::new(cuda))
    }

    /// What the device is, in one line.
    pub fn describe(&self) -> String {
        match self {
            Backend::Cpu(level) => format!("cpu, {} threads, {}", rayon::current_num_threads(), level.name()),
            Backend::Cuda(cuda) => cuda.describe(),
        }
    }

    /// The CPU's instruction set, for what only the CPU does so far.
    ///
    /// # Errors
    /// This is another device.
    pub fn level_for(&self, what: &str) -> Result<Level> {
        match self {
            Backend::Cpu(level) => Ok(*level),
            Backend::Cuda(_) => {
                let fault = Fault::new("--device", format!("{what} is not there yet on CUDA devices"));
                Err(Error::device(fault.value(self.describe()).remedy("use --device cpu")))
            }
        }
    }

    /// Receivers whose links are replayed together by those who go through many: few, so that all threads have some, or so many
    /// that a launch is worth it.
    pub fn receivers_at_once(&self) -> usize {
        match self {
            Backend::Cpu(_) => 8,
            Backend::Cuda(_) => 1024,
        }
    }

    /// Builds what path finding needs of the scene, and copies it to the device.
    ///
    /// # Errors
    /// The device has too little memory.
    pub fn load<'a>(&self, scene: &'a Scene) -> Result<Loaded<'a>> {
        let geometry = Geometry::new(scene);
        let resident = match self {
            Backend::Cpu(_) => None,
            Backend::Cuda(cuda) => Some(Resident::new(cuda, &geometry)?),
        };
        Ok(Loaded { geometry, resident })
    }

    /// Finds the outlines of a scene that is loaded, and copies them to the device.
    ///
    /// # Errors
    /// The device has too little memory.
    pub fn outlines(&self, loaded: &Loaded) -> Result<LoadedOutlines> {
        let outlines = Outlines::build(loaded);
        let resident = match self {
            Backend::Cpu(_) => None,
            Backend::Cuda(cuda) => Some(ResidentOutlines::new(cuda, loaded, &outlines)?),
        };
        Ok(LoadedOutlines { outlines, resident })
    }

    /// Finds the soft paths of each of the `links`, pairs of a transmitter's and a receiver's point, by length, then by chain
    /// (T110).
    ///
    /// # Errors
    /// The device failed.
    pub fn soft_paths(
        &self,
        loaded: &Loaded,
        (outlines, softness): (&LoadedOutlines, Softness),
        ends: [&[Viewpoint]; 2],
        links: &[[u32; 2]],
        asked: Asked,
    ) -> Result<Vec<Vec<SoftPath>>> {
        let view = outlines.view(loaded, softness);
        match self {
            Backend::Cpu(_) => Ok(cpu::soft_paths(&view, ends, links, asked)),
            Backend::Cuda(cuda) => cuda::soft_paths(cuda, outlines.on_device(loaded)?, &view, ends, links, asked),
        }
    }

    /// The bars of what each visibility depends on `[path]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn pull_visibilities(
        &self,
        loaded: &Loaded,
        (outlines, softness): (&LoadedOutlines, Softness),
        pulled: &[Pulled],
    ) -> Result<Vec<VisibilityBar>> {
        let view = outlines.view(loaded, softness);
        match self {
            Backend::Cpu(_) => Ok(cpu::pull_visibilities(&view, pulled)),
            Backend::Cuda(cuda) => cuda::pull_visibilities(cuda, outlines.on_device(loaded)?, &view, pulled),
        }
    }

    /// Finds the chains of facets that specular paths can take.
    ///
    /// # Errors
    /// The device failed.
    pub fn chains(
        &self,
        loaded: &Loaded,
        span: &Span,
        options: &SolverOptions,
        counters: &mut Counters,
        progress: &dyn Progress,
    ) -> Result<ChainTrie> {
        match self {
            Backend::Cpu(level) => cpu::chains(*level, loaded, span, options, counters, progress),
            Backend::Cuda(cuda) => cuda::chains(cuda, loaded.on_device()?, loaded, span, options, counters, progress),
        }
    }

    /// Finds the paths over all chains to all receivers of `boxes` [m, local], in no particular order.
    ///
    /// # Errors
    /// The device failed.
    pub fn connect(
        &self,
        loaded: &Loaded,
        trie: &ChainTrie,
        boxes: &ReceiverBoxes,
        options: &SolverOptions,
        counters: &mut Counters,
        progress: &dyn Progress,
    ) -> Result<FoundPaths> {
        match self {
            Backend::Cpu(level) => Ok(cpu::connect(*level, loaded, trie, boxes, options, counters, progress)),
            Backend::Cuda(cuda) => {
                let found = cuda::connect(cuda, loaded.on_device()?, trie, boxes, options, counters, progress)?;
                Ok(drop_slipping(loaded, &trie.image[0], boxes, found, counters))
            }
        }
    }

    /// Computes the coefficients of all paths at the `carriers` [Hz], and notes for the user.
    ///
    /// # Errors
    /// A material is not defined at a carrier; the device failed.
    pub fn field(
        &self,
        scene: &Scene,
        radios: &Radios,
        paths: &Paths,
        carriers: &[f64],
    ) -> Result<(Channel, Vec<String>)> {
        match self {
            Backend::Cpu(_) => crate::path::field::field(scene, radios, paths, carriers),
            Backend::Cuda(cuda) => cuda::field(cuda, scene, radios, paths, carriers),
        }
    }

    /// The bars of a scene and its radios from those of a channel ([`crate::path::adjoint`]).
    ///
    /// # Errors
    /// As [`Adjoint::add`]; the device failed.
    pub fn pull_back(
        &self,
        loaded: &Loaded,
        radios: &Radios,
        (paths, channel, bars): (&Paths, &Channel, &ChannelBar),
        wanted: Wanted,
    ) -> Result<SceneBar> {
        let mut adjoint = Adjoint::new(loaded.scene, radios, &channel.carriers, wanted)?;
        self.add_run(loaded, radios, &Run::of_links(paths, channel, bars), &mut adjoint)?;
        adjoint.finish()
    }

    /// Adds what a run of paths between `radios` says, of what [`Backend::waves`] makes of them ([`Adjoint::add`]). With places,
    /// `radios` have a receiver at each, which is the one of `adjoint`.
    ///
    /// # Errors
    /// As [`Adjoint::add`]; the device failed.
    pub fn add_run(&self, loaded: &Loaded, radios: &Radios, run: &Run, adjoint: &mut Adjoint) -> Result<()> {
        match self {
            Backend::Cpu(_) => adjoint.add(loaded, run),
            Backend::Cuda(cuda) => cuda::add(cuda, loaded.on_device()?, loaded, radios, run, adjoint),
        }
    }

    /// What [`Backend::waves`] makes channels of: kernels know every port alone.
    pub fn feed(&self) -> Feed {
        match self {
            Backend::Cpu(_) => Feed::Together,
            Backend::Cuda(_) => Feed::EachPort,
        }
    }

    /// The channel of paths over known `surfaces` `[carrier][material]`, for powers of weighted ports: of what
    /// [`Backend::feed`] says, which is the same unless polarisations that are sent together are scattered diffusely (T68).
    ///
    /// # Errors
    /// The device failed.
    pub fn waves(
        &self,
        scene: &Scene,
        surfaces: &[Vec<Surface>],
        radios: &Radios,
        paths: &Paths,
        carriers: &[f64],
    ) -> Result<Channel> {
        match self {
            Backend::Cpu(_) => Ok(field_over(scene, surfaces, radios, paths, carriers, self.feed())),
            Backend::Cuda(cuda) => Ok(cuda::field(cuda, scene, radios, paths, carriers)?.0),
        }
    }

    /// Computes the power of every path at the `carriers` [Hz] between weighted ports `[path, carrier]`, and notes for the
    /// user.
    ///
    /// # Errors
    /// As [`Backend::field`].
    pub fn powers(
        &self,
        scene: &Scene,
        radios: &Radios,
        paths: &Paths,
        carriers: &[f64],
    ) -> Result<(Vec<f64>, Vec<String>)> {
        let (channel, notes) = self.field(scene, radios, paths, carriers)?;
        Ok((powers_of(radios, paths, &channel, Feed::EachPort), notes))
    }

    /// Adds what the rays of some `lattices` leave on the sheet of a map to `sums`; the segments that it took (T83).
    ///
    /// # Errors
    /// The device failed.
    pub fn sample(&self, loaded: &Loaded, forward: &Forward, lattices: &[Lattice], sums: &mut Sums) -> Result<u64> {
        match self {
            Backend::Cpu(level) => Ok(cpu::sample(*level, forward, lattices, sums)),
            Backend::Cuda(cuda) => cuda::sample(cuda, loaded.on_device()?, forward, lattices, sums),
        }
    }

    /// Lets the rays of [`Backend::sample`] take their ways once more, and puts what the `recording` makes of some ways at a
    /// time into `put`, in the order of the rays; gains are multiplied by the lattice's scale and `scale` (T98).
    ///
    /// # Errors
    /// The device failed; what the recording or `put` fails on.
    pub fn retrace<R: Default + Send>(
        &self,
        loaded: &Loaded,
        forward: &Forward,
        (lattices, scale): (&[Lattice], f64),
        recording: &Recording<R>,
        put: &mut dyn FnMut(R) -> Result<()>,
    ) -> Result<()> {
        let what = (lattices, scale);
        match self {
            Backend::Cpu(level) => cpu::retrace(*level, forward, what, recording, put),
            Backend::Cuda(cuda) => cuda::retrace(cuda, loaded.on_device()?, forward, what, recording, put),
        }
    }
}

/// A scene on a device, as scattering sees it.
pub struct On<'a> {
    /// The device.
    pub backend: &'a Backend,
    /// The scene.
    pub loaded: &'a Loaded<'a>,
}

impl Tracing for On<'_> {
    fn follow(&self, flights: &[Flight], depth: usize) -> Result<Vec<u32>> {
        match self.backend {
            Backend::Cpu(level) => Ok(cpu::follow(*level, self.loaded, flights, depth)),
            Backend::Cuda(cuda) => cuda::follow(cuda, self.loaded.on_device()?, flights, depth),
        }
    }

    fn blocked(&self, segments: &[LoneSegment]) -> Result<Vec<bool>> {
        match self.backend {
            Backend::Cpu(level) => Ok(cpu::blocked(*level, self.loaded, segments)),
            Backend::Cuda(cuda) => cuda::blocked(cuda, self.loaded.on_device()?, segments),
        }
    }
}
