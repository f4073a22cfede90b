//! The CUDA backend: the kernels under `cuda/`, launched from here.
//!
//! Rays fly on the device and so do all tests of pairs and the field; the trie, its windows and the order of all paths are
//! the host's. Two streams take turns: while one computes, the other's results are read back and looked at. Buffers are
//! kept from call to call.

mod adjoint;
mod buffer;
mod connect;
mod fault;
mod field;
mod flights;
mod forward;
mod kernels;
mod launch;
mod open;
mod resident;
mod scattering;
mod smooth;

pub use adjoint::add;
pub use connect::connect;
pub use fault::OnDevice;
pub use field::field;
pub use flights::{blocked, follow};
pub use forward::{MapRecord, retrace, sample};
pub use kernels::{Images, Kernels};
pub use launch::chains;
pub use open::{BUILT_IN, driver};
pub use resident::Resident;
pub use scattering::Surfaces;
pub use smooth::{ResidentOutlines, pull_visibilities, soft_paths};

use crate::error::{Error, Result};
use crate::math::Vec3;
use cudarc::driver::{CudaContext, CudaStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A device that is open, with its kernels.
pub struct Cuda {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    kernels: Kernels,
    ordinal: u32,
    driver: open::Driver,
    launch: Mutex<launch::Work>,
    connect: Mutex<connect::Work>,
    field: Mutex<field::Work>,
    flights: Mutex<flights::Work>,
    forward: Mutex<forward::Work>,
    adjoint: Mutex<adjoint::Work>,
    smooth: Mutex<smooth::Work>,
}

impl std::fmt::Debug for Cuda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cuda:{}", self.ordinal)
    }
}

impl Cuda {
    /// Opens device `ordinal` with the kernels that were built in.
    ///
    /// # Errors
    /// As [`Cuda::open_with`].
    pub fn open(ordinal: u32) -> Result<Cuda> {
        Cuda::open_with(BUILT_IN, ordinal)
    }

    /// Opens device `ordinal` with the kernels of `images`.
    ///
    /// # Errors
    /// There is no driver that can be used, no such device, or the kernels are not for it.
    pub fn open_with(images: Images, ordinal: u32) -> Result<Cuda> {
        let (driver, context, kernels) = open::open(images, ordinal)?;
        let streams = || -> Result<[Arc<CudaStream>; 2]> {
            let stream = || context.new_stream().on_device(|| "making a stream".into());
            Ok([stream()?, stream()?])
        };
        Ok(Cuda {
            launch: Mutex::new(launch::Work::new(streams()?)),
            connect: Mutex::new(connect::Work::new(streams()?)),
            field: Mutex::new(field::Work::default()),
            flights: Mutex::new(flights::Work::default()),
            forward: Mutex::new(forward::Work::default()),
            adjoint: Mutex::new(adjoint::Work::default()),
            smooth: Mutex::new(smooth::Work::default()),
            stream: context.new_stream().on_device(|| "making a stream".into())?,
            context,
            kernels,
            ordinal,
            driver,
        })
    }

    /// The same with `threads` in a block of every kernel, 256 at the most: no result depends on it.
    #[must_use]
    pub fn with_blocks_of(self, threads: u32) -> Cuda {
        Cuda { kernels: self.kernels.with_blocks_of(threads), ..self }
    }

    /// What the device is, in one line.
    pub fn describe(&self) -> String {
        let name = self.context.name().unwrap_or_else(|_| "a device without a name".into());
        let (major, minor) = self.context.compute_capability().unwrap_or_default();
        let gib = self.context.total_mem().unwrap_or_default() as f64 / f64::from(1 << 30);
        let driver = open::release(self.driver.version);
        format!("cuda:{}, {name}, compute capability {major}.{minor}, {gib:.0} GiB, driver CUDA {driver}", self.ordinal)
    }

    /// The kernels, for benches and tests of single ones.
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// Does `work`; where it lacks memory, once more after the other stages have given theirs back. Stages hold what they
    /// have had: the next scene, or the next stage, may need it more.
    fn with_room<T>(&self, mut work: impl FnMut() -> Result<T>) -> Result<T> {
        match work() {
            Err(Error::DeviceMemory(_)) => {
                // The stage that asks has its own locked.
                let _ = self.launch.try_lock().map(|mut launch| launch.release());
                let _ = self.connect.try_lock().map(|mut connect| connect.release());
                let _ = self.field.try_lock().map(|mut field| *field = field::Work::default());
                let _ = self.flights.try_lock().map(|mut flights| *flights = flights::Work::default());
                let _ = self.forward.try_lock().map(|mut forward| *forward = forward::Work::default());
                let _ = self.adjoint.try_lock().map(|mut adjoint| *adjoint = adjoint::Work::default());
                let _ = self.smooth.try_lock().map(|mut smooth| *smooth = smooth::Work::default());
                work()
            }
            done => done,
        }
    }

    /// The stream of whatever is not pipelined.
    pub fn stream(&self) -> &Arc<CudaStream> {
        &self.stream
    }
}

/// Points one after another, as kernels read them.
fn coordinates(points: &[Vec3]) -> impl Iterator<Item = f64> {
    points.iter().flat_map(|p| [p.x, p.y, p.z])
}

/// Work whose owner panicked is still sound: buffers are written before they are read.
fn locked<T>(work: &Mutex<T>) -> MutexGuard<'_, T> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}
