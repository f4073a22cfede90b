//! Where the work is done: few coarse verbs, chosen once.

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
