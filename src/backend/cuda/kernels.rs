//! The kernels: one safe function for each launch, or for launches that belong together, which checks the lengths of all
//! arrays. Nothing else launches.
//!
//! Arguments stand in the order of the kernels' own (`cuda/**/*.cu`), the number of threads aside.

use super::fault::{FREE_THE_DEVICE, OnDevice};
use crate::error::{Error, Fault, Result};
use crate::layout::{
    AdjointAt, AimedWindow, Box3, ChainNode, FedAt, Flight, ForwardAt, GeometryView, Hit, KinematicsBar, LatticeAt,
    LoneRay, LoneSegment, OutlineAt, OutlineEdge, Pair, PartAt, PathVertex, PlacedVertex, Plane, Point, RadioAt,
    RadioEnd, RecordedSight, RecordedWave, ReplayedPath, ReplayedVertex, SoftAt, SoftBar, SoftLink, SoftVisibility,
    SurfaceAt, TriangleBlock, WideNode,
};
use cudarc::driver::sys::CUresult;
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, CudaView, DeviceRepr, LaunchConfig, PushKernelArg,
    ValidAsZeroBits,
};
use cudarc::nvrtc::Ptx;
use std::sync::Arc;

/// Module images by the name of their source: its path below `cuda/` without extension.
pub type Images<'a> = &'a [(&'a str, &'a [u8])];

macro_rules! plain_records {
    ($($record:ty),*) => {
        $(
            // SAFETY: the record is repr(C) of fixed-width numbers, its layout asserted on both sides (layout.cuh), and
            // all bits zero are valid numbers.
            unsafe impl DeviceRepr for $record {}
            // SAFETY: as above.
            unsafe impl ValidAsZeroBits for $record {}
        )*
    };
}
plain_records!(
    AdjointAt,
    AimedWindow,
    Box3,
    ChainNode,
    FedAt,
    Flight,
    ForwardAt,
    GeometryView,
    Hit,
    KinematicsBar,
    LatticeAt,
    LoneRay,
    LoneSegment,
    OutlineAt,
    OutlineEdge,
    Pair,
    PartAt,
    PathVertex,
    PlacedVertex,
    Plane,
    Point,
    RadioAt,
    RadioEnd,
    RecordedSight,
    RecordedWave,
    ReplayedPath,
    ReplayedVertex,
    SoftAt,
    SoftBar,
    SoftLink,
    SoftVisibility,
    SurfaceAt,
    TriangleBlock,
    WideNode
);

/// Threads of a block: enough to fill a multiprocessor, few enough that blocks of long rays end together.
const BLOCK: u32 = 128;

impl Kernels {
    /// The same with `threads` in a block, 256 at the most, which registers suffice for: no result depends on it.
    #[must_use]
    pub fn with_blocks_of(self, threads: u32) -> Kernels {
        Kernels { block: threads, ..self }
    }
}

macro_rules! kernels {
    ($($module:literal: $($name:ident),+;)+) => {
        /// Handles of all kernels.
        pub struct Kernels {
            $($($name: CudaFunction,)+)+
            block: u32,
        }

        impl Kernels {
            /// Loads all kernels from their images.
            ///
            /// # Errors
            /// An image is absent or cannot be loaded on this device.
            pub fn load(context: &Arc<CudaContext>, images: Images) -> Result<Kernels> {
                $($(let $name;)+
                {
                    let image = images.iter().find(|(name, _)| *name == $module);
                    let absent = || without_kernels(format!("this build lacks the kernels of {}", $module));
                    let (_, image) = image.ok_or_else(absent)?;
                    let module = context.load_module(Ptx::from_binary(image.to_vec()));
                    let module = module.map_err(|error| unloadable(context, error.0 as u32))?;
                    $($name = module.load_function(stringify!($name)).on_device(|| {
                        format!("looking for the kernel {}", stringify!($name))
                    })?;)+
                })+
                Ok(Kernels { $($($name,)+)+ block: BLOCK })
            }
        }
    };
}

kernels! {
    "geometry/traverse": closest_hits, any_hits;
    "path/launch": shoot_all_around, shoot_at_windows, follow_flights;
    "path/connect": build_frusta, meet_receivers, refine_pairs, keep_visible;
    "path/field": couple_polarizations, weigh_ports;
    "path/field_vjp": begin_paths, replay_fields, turn_elements, pull_elements, pull_ports, pull_fields, pull_mirrors,
        pull_diffuse, pull_paths, sum_segments;
    "path/smooth": list_chains, judge_chains, pull_visibilities;
    "map/forward": start_waves, trace_waves, leave_deposits, record_waves, scatter_waves, connect_sights,
        record_sights, end_replicate;
}

/// The error of a build that lacks kernels, in the words of `bound`.
pub fn without_kernels(bound: String) -> Error {
    Error::device(Fault::new("--device", bound).remedy(
        "build with nvcc, which scripts/get-nvcc.sh fetches, or use --device cpu; `raylobe devices` tells what was built in",
    ))
}

fn unloadable(context: &Arc<CudaContext>, code: u32) -> Error {
    if code == CUresult::CUDA_ERROR_OUT_OF_MEMORY as u32 {
        let fault = Fault::new("--device", "the device is too full for the kernels to be loaded");
        return Error::device_memory(fault.remedy(FREE_THE_DEVICE));
    }
    let (major, minor) = context.compute_capability().unwrap_or_default();
    let bound = format!(
        "the kernels cannot be loaded on a device of compute capability {major}.{minor} (CUDA error {code}); this build \
         holds kernels for {}",
        env!("RAYLOBE_CUDA_ARCHS")
    );
    let remedy = "build with RAYLOBE_CUDA_ARCHS for the device's architecture, or use --device cpu";
    Error::device(Fault::new("--device", bound).remedy(remedy))
}

/// Launches a kernel with one thread for each of `$threads` items.
macro_rules! launch {
    ($self:ident.$kernel:ident, $stream:expr, $threads:expr, $($argument:expr),+ $(,)?) => {{
        let threads: u64 = $threads;
        if threads > 0 {
            let block = $self.block;
            let blocks = u32::try_from(threads.div_ceil(u64::from(block)))
                .map_err(|_| Error::Internal(format!("{threads} threads in one launch")))?;
            let shape = LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (block, 1, 1), shared_mem_bytes: 0 };
            let mut builder = $stream.launch_builder(&$self.$kernel);
            $(builder.arg($argument);)+
            // SAFETY: arguments are those of the kernel, in its order, and every array is as long as the kernel may
            // reach, as checked above.
            let launched = unsafe { builder.launch(shape) };
            launched.on_device(|| format!("launching {}", stringify!($kernel)))?;
        }
        Ok(())
    }};
}

/// Fails unless an array of `$length` items holds `$needed`.
macro_rules! holds {
    ($($array:ident >= $needed:expr),+ $(,)?) => {
        $(
            let (length, needed): (u64, u64) = ($array.len() as u64, $needed);
            if length < needed {
                return Err(Error::Internal(format!("{} has {length} items of {needed}", stringify!($array))));
            }
        )+
    };
}

pub mod adjoint;
pub mod field;
pub mod forward;
pub mod smooth;

/// Chains and what they are tested with: the arguments that the kernels of `path/connect.cu` share.
pub struct Chains<'a> {
    /// All nodes.
    pub nodes: &'a CudaSlice<ChainNode>,
    /// The first chain of this part, and their number.
    pub first: u32,
    /// Number of chains.
    pub count: u32,
    /// First corner of the first chain's window.
    pub first_corner: u64,
    /// Corners of all windows of the part.
    pub corners: u64,
}

impl Chains<'_> {
    /// Rows of the part's frusta, at most: one for each corner and one for each chain.
    pub fn rows(&self) -> u64 {
        self.corners + u64::from(self.count)
    }
}

/// Pairs that are refined at once: the arguments that `refine_pairs` and `keep_visible` share.
pub struct Pairs<'a> {
    /// All nodes.
    pub nodes: &'a CudaSlice<ChainNode>,
    /// Positions of all receivers [m].
    pub receivers: &'a CudaSlice<f64>,
    /// All pairs.
    pub list: &'a CudaSlice<Pair>,
    /// The first pair, and their number.
    pub from: usize,
    /// Number of pairs.
    pub count: u32,
    /// Vertices that a pair has room for.
    pub depth: u32,
}

impl Pairs<'_> {
    /// The pairs themselves, which the list must hold.
    fn part(&self) -> Result<CudaView<'_, Pair>> {
        let part = self.list.try_slice(self.from..self.from + self.count as usize);
        part.ok_or_else(|| Error::Internal(format!("{} pairs from {} on", self.count, self.from)))
    }

    fn vertices(&self) -> u64 {
        u64::from(self.count) * u64::from(self.depth)
    }
}

/// Coordinates of a row of a frustum.
pub const ROW: u64 = 4;
/// Coordinates of a point.
const XYZ: u64 = 3;

impl Kernels {
    /// Traces `count` rays; hits `[ray]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn closest_hits(
        &self,
        stream: &CudaStream,
        geometry: &GeometryView,
        rays: &CudaSlice<LoneRay>,
        count: u32,
        hits: &mut CudaSlice<Hit>,
    ) -> Result<()> {
        holds!(rays >= count.into(), hits >= count.into());
        launch!(self.closest_hits, stream, count.into(), geometry, rays, &count, hits)
    }

    /// Tests `count` segments; 1 where something stands in the way `[segment]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn any_hits(
        &self,
        stream: &CudaStream,
        geometry: &GeometryView,
        segments: &CudaSlice<LoneSegment>,
        count: u32,
        blocked: &mut CudaSlice<u32>,
    ) -> Result<()> {
        holds!(segments >= count.into(), blocked >= count.into());
        launch!(self.any_hits, stream, count.into(), geometry, segments, &count, blocked)
    }

    /// Follows `count` flights; chains `[flight, depth]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn follow_flights(
        &self,
        stream: &CudaStream,
        geometry: &GeometryView,
        flights: &CudaSlice<Flight>,
        depth: u32,
        count: u32,
        chains: &mut CudaSlice<u32>,
    ) -> Result<()> {
        holds!(flights >= count.into(), chains >= u64::from(count) * u64::from(depth));
        launch!(self.follow_flights, stream, count.into(), geometry, flights, &depth, &count, chains)
    }

    /// Follows rays `first` to `first + count` of `all_rays` all around; chains `[ray, depth]`.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn shoot_all_around(
        &self,
        stream: &CudaStream,
        geometry: &GeometryView,
        source: &Point,
        first: u64,
        all_rays: u64,
        depth: u32,
        count: u32,
        chains: &mut CudaSlice<u32>,
    ) -> Result<()> {
        holds!(chains >= u64::from(count) * u64::from(depth));
        launch!(
            self.shoot_all_around,
            stream,
            count.into(),
            geometry,
            source,
            &first,
            &all_rays,
            &depth,
            &count,
            chains
        )
    }

    /// Follows `count` rays at windows; chains `[ray, depth]`. The records of the windows stay within `corners` and
    /// `facets`, which the caller has made together with them.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn shoot_at_windows(
        &self,
        stream: &CudaStream,
        geometry: &GeometryView,
        source: &Point,
        windows: &CudaSlice<AimedWindow>,
        window_count: u32,
        corners: &CudaSlice<f64>,
        facets: &CudaSlice<u32>,
        depth: u32,
        count: u32,
        chains: &mut CudaSlice<u32>,
    ) -> Result<()> {
        holds!(chains >= u64::from(count) * u64::from(depth), windows >= window_count.into());
        launch!(
            self.shoot_at_windows,
            stream,
            count.into(),
            geometry,
            source,
            windows,
            &window_count,
            corners,
            facets,
            &depth,
            &count,
            chains
        )
    }

    /// Makes the frusta of chains for receivers within `run`; `corners` are those of all windows.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn build_frusta(
        &self,
        stream: &CudaStream,
        geometry: &GeometryView,
        chains: &Chains,
        corners: &CudaSlice<f64>,
        run: &Box3,
        rows: &mut CudaSlice<f64>,
        row_counts: &mut CudaSlice<u32>,
    ) -> Result<()> {
        let Chains { nodes, first, count, first_corner, .. } = chains;
        holds!(
            nodes >= u64::from(*first) + u64::from(*count),
            corners >= XYZ * (first_corner + chains.corners),
            rows >= ROW * chains.rows(),
            row_counts >= u64::from(*count)
        );
        launch!(
            self.build_frusta,
            stream,
            (*count).into(),
            geometry,
            *nodes,
            corners,
            run,
            first,
            count,
            first_corner,
            rows,
            row_counts
        )
    }

    /// Lists the pairs of chains and receivers in their beams; `pair_count` `[0]` counts those beyond the room as well.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn meet_receivers(
        &self,
        stream: &CudaStream,
        chains: &Chains,
        rows: &CudaSlice<f64>,
        row_counts: &CudaSlice<u32>,
        boxes: &CudaSlice<Box3>,
        box_count: u32,
        receivers: &CudaSlice<f64>,
        receiver_count: u32,
        pairs: &mut CudaSlice<Pair>,
        pair_count: &mut CudaSlice<u32>,
    ) -> Result<()> {
        let Chains { nodes, first, count, first_corner, .. } = chains;
        let capacity = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
        holds!(
            nodes >= u64::from(*first) + u64::from(*count),
            rows >= ROW * chains.rows(),
            row_counts >= u64::from(*count),
            boxes >= box_count.into(),
            receivers >= XYZ * u64::from(receiver_count),
            pair_count >= 1
        );
        launch!(
            self.meet_receivers,
            stream,
            u64::from(*count) * u64::from(box_count),
            *nodes,
            rows,
            row_counts,
            first,
            count,
            first_corner,
            boxes,
            &box_count,
            receivers,
            &receiver_count,
            pairs,
            &capacity,
            pair_count
        )
    }

    /// Refines pairs; what may be a path is listed in `left`.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn refine_pairs(
        &self,
        stream: &CudaStream,
        geometry: &GeometryView,
        pairs: &Pairs,
        vertices: &mut CudaSlice<PathVertex>,
        left: &mut CudaSlice<u32>,
        left_count: &mut CudaSlice<u32>,
        verdicts: &mut CudaSlice<u32>,
    ) -> Result<()> {
        let Pairs { nodes, receivers, count, depth, .. } = pairs;
        let part = pairs.part()?;
        holds!(
            vertices >= pairs.vertices(),
            left >= u64::from(*count),
            left_count >= 1,
            verdicts >= super::connect::VERDICTS as u64
        );
        launch!(
            self.refine_pairs,
            stream,
            u64::from(*count),
            geometry,
            *nodes,
            *receivers,
            &part,
            count,
            depth,
            vertices,
            left,
            left_count,
            verdicts
        )
    }

    /// Keeps what nothing blocks of the pairs that are in `left`.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn keep_visible(
        &self,
        stream: &CudaStream,
        geometry: &GeometryView,
        pairs: &Pairs,
        vertices: &CudaSlice<PathVertex>,
        left: &CudaSlice<u32>,
        left_count: &CudaSlice<u32>,
        found: &mut CudaSlice<Pair>,
        found_vertices: &mut CudaSlice<PathVertex>,
        verdicts: &mut CudaSlice<u32>,
    ) -> Result<()> {
        let Pairs { nodes, receivers, count, depth, .. } = pairs;
        let part = pairs.part()?;
        holds!(
            vertices >= pairs.vertices(),
            left >= u64::from(*count),
            left_count >= 1,
            found >= u64::from(*count),
            found_vertices >= pairs.vertices(),
            verdicts >= super::connect::VERDICTS as u64
        );
        launch!(
            self.keep_visible,
            stream,
            u64::from(*count),
            geometry,
            *nodes,
            *receivers,
            &part,
            depth,
            vertices,
            left,
            left_count,
            count,
            found,
            found_vertices,
            verdicts
        )
    }
}
