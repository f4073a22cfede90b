//! Launches of the kernels of `cuda/path/field.cu`.

use super::Kernels;
use crate::backend::cuda::fault::OnDevice;
use crate::error::{Error, Result};
use crate::layout::{RadioEnd, ReplayedPath, ReplayedVertex, SurfaceAt};
use cudarc::driver::{CudaSlice, CudaStream, LaunchConfig, PushKernelArg};

/// Numbers of a coupling: those of two polarisations at each end, complex.
pub const COUPLING: u64 = 8;

impl Kernels {
    /// Couplings of all paths at all carriers, between the polarisations of their ends.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn couple_polarizations(
        &self,
        stream: &CudaStream,
        paths: &CudaSlice<ReplayedPath>,
        path_count: u32,
        vertices: &CudaSlice<ReplayedVertex>,
        surfaces: &CudaSlice<SurfaceAt>,
        material_count: u32,
        carriers: &CudaSlice<f64>,
        carrier_count: u32,
        transmitters: &CudaSlice<RadioEnd>,
        receivers: &CudaSlice<RadioEnd>,
        couplings: &mut CudaSlice<f64>,
    ) -> Result<()> {
        let threads = u64::from(path_count) * u64::from(carrier_count);
        holds!(
            paths >= path_count.into(),
            surfaces >= u64::from(material_count) * u64::from(carrier_count),
            carriers >= carrier_count.into(),
            couplings >= COUPLING * threads
        );
        launch!(
            self.couple_polarizations,
            stream,
            threads,
            paths,
            &path_count,
            vertices,
            surfaces,
            &material_count,
            carriers,
            &carrier_count,
            transmitters,
            receivers,
            couplings
        )
    }

    /// `count` coefficients from the `first` on, [re, im] each.
    ///
    /// # Errors
    /// The device failed.
    #[allow(clippy::too_many_arguments)]
    pub fn weigh_ports(
        &self,
        stream: &CudaStream,
        paths: &CudaSlice<ReplayedPath>,
        path_count: u32,
        carriers: &CudaSlice<f64>,
        carrier_count: u32,
        transmitters: &CudaSlice<RadioEnd>,
        transmitter_offsets: &CudaSlice<f64>,
        receivers: &CudaSlice<RadioEnd>,
        receiver_offsets: &CudaSlice<f64>,
        couplings: &CudaSlice<f64>,
        first: u64,
        count: u32,
        coefficients: &mut CudaSlice<f64>,
    ) -> Result<()> {
        holds!(
            paths >= path_count.into(),
            carriers >= carrier_count.into(),
            couplings >= COUPLING * u64::from(path_count) * u64::from(carrier_count),
            coefficients >= 2 * u64::from(count)
        );
        launch!(
            self.weigh_ports,
            stream,
            count.into(),
            paths,
            &path_count,
            carriers,
            &carrier_count,
            transmitters,
            transmitter_offsets,
            receivers,
            receiver_offsets,
            couplings,
            &first,
            &count,
            coefficients
        )
    }
}
