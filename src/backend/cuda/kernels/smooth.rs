//! Launches of the kernels of `cuda/path/smooth.cu`: soft paths, and the adjoint of their visibility.

use super::{Kernels, XYZ};
use crate::backend::cuda::fault::OnDevice;
use crate::error::{Error, Result};
use crate::layout::{IMAGE, PLANE_BAR, SoftAt, SoftBar, SoftVisibility};
use cudarc::driver::{CudaSlice, CudaStream, LaunchConfig, PushKernelArg};

/// What `judge_chains` writes: scratch `[listed, facet]`, and what it finds.
pub struct Judging<'a> {
    /// Facets of what is listed.
    pub facets: &'a mut CudaSlice<u32>,
    /// Images.
    pub images: &'a mut CudaSlice<f64>,
    /// Vertices.
    pub vertices: &'a mut CudaSlice<f64>,
    /// Facets of paths `[found, facet]`.
    pub found_facets: &'a mut CudaSlice<u32>,
    /// Their vertices.
    pub found_vertices: &'a mut CudaSlice<f64>,
    /// Their visibilities `[found]`.
    pub found: &'a mut CudaSlice<SoftVisibility>,
    /// How many there are.
    pub found_count: &'a mut CudaSlice<u32>,
}

/// What `pull_visibilities` reads and writes.
pub struct Pulling<'a> {
    /// Visibilities `[path]`, each with its link.
    pub visibilities: &'a CudaSlice<SoftVisibility>,
    /// Their bars.
    pub values_bar: &'a CudaSlice<f64>,
    /// Facets `[path, facet]`.
    pub facets: &'a CudaSlice<u32>,
    /// Vertices.
    pub vertices: &'a CudaSlice<f64>,
    /// Images `[path, facet + 1]`.
    pub images: &'a mut CudaSlice<f64>,
    /// Their bars.
    pub images_bar: &'a mut CudaSlice<f64>,
    /// Bars of vertices.
    pub vertices_bar: &'a mut CudaSlice<f64>,
    /// Images with bars `[path, facet + 1]`.
    pub scratch: &'a mut CudaSlice<f64>,
    /// Bars of planes `[path, facet]`.
    pub planes_bar: &'a mut CudaSlice<f64>,
    /// Bars of ends and outlines `[path]`.
    pub bars: &'a mut CudaSlice<SoftBar>,
}

impl Kernels {
    /// Lists those of the chains `first` to `first + count` that may be paths, as far as there is room; `listed_count` `[0]` counts
    /// those beyond it as well. Links and facets of `at` are those of all chains.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn list_chains(
        &self,
        stream: &CudaStream,
        at: &SoftAt,
        first: u64,
        count: u32,
        listed: &mut CudaSlice<u64>,
        capacity: u32,
        listed_count: &mut CudaSlice<u32>,
    ) -> Result<()> {
        holds!(listed >= capacity.into(), listed_count >= 1);
        launch!(self.list_chains, stream, count.into(), at, &first, &count, listed, &capacity, listed_count)
    }

    /// Judges `count` chains of the list and keeps those that are nearly paths.
    ///
    /// # Errors
    /// The device failed.
    pub fn judge_chains(
        &self,
        stream: &CudaStream,
        at: &SoftAt,
        listed: &CudaSlice<u64>,
        count: u32,
        judging: Judging,
    ) -> Result<()> {
        let Judging { facets, images, vertices, found_facets, found_vertices, found, found_count } = judging;
        let places = u64::from(count) * u64::from(at.depth);
        holds!(
            listed >= count.into(),
            facets >= places,
            images >= XYZ * (places + u64::from(count)),
            vertices >= XYZ * places,
            found_facets >= places,
            found_vertices >= XYZ * places,
            found >= count.into(),
            found_count >= 1
        );
        launch!(
            self.judge_chains,
            stream,
            count.into(),
            at,
            listed,
            &count,
            facets,
            images,
            vertices,
            found_facets,
            found_vertices,
            found,
            found_count
        )
    }

    /// Pulls `count` visibilities back; each names one of the links of `at`.
    ///
    /// # Errors
    /// The device failed.
    pub fn pull_visibilities(&self, stream: &CudaStream, at: &SoftAt, count: u32, pulling: Pulling) -> Result<()> {
        let Pulling {
            visibilities,
            values_bar,
            facets,
            vertices,
            images,
            images_bar,
            vertices_bar,
            scratch,
            planes_bar,
            bars,
        } = pulling;
        let places = u64::from(count) * u64::from(at.depth);
        let rows = places + u64::from(count);
        holds!(
            visibilities >= count.into(),
            values_bar >= count.into(),
            facets >= places,
            vertices >= XYZ * places,
            images >= XYZ * rows,
            images_bar >= XYZ * rows,
            vertices_bar >= XYZ * places,
            scratch >= u64::from(IMAGE) * rows,
            planes_bar >= u64::from(PLANE_BAR) * places,
            bars >= count.into()
        );
        launch!(
            self.pull_visibilities,
            stream,
            count.into(),
            at,
            visibilities,
            values_bar,
            &count,
            facets,
            vertices,
            images,
            images_bar,
            vertices_bar,
            scratch,
            planes_bar,
            bars
        )
    }
}
