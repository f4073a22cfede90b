//! What the benches share: the city that they measure in, the device, and how a bench is called.

use raylobe::backend::{Backend, DeviceRequest};
use raylobe::bench::Site;
use raylobe::geometry::simd::Level;

/// The city of all stage benches.
pub fn city() -> Site {
    Site::city(100_000).expect("the options of the city are valid")
}

/// The device that the benches run on.
pub fn backend() -> Backend {
    Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU")
}

/// The instructions that the benches run with.
pub fn level() -> Level {
    Level::detect().expect("RAYLOBE_SIMD is unset, or names a level of this machine")
}

/// stage/scene/device.
pub fn name(stage: &str, site: &Site) -> String {
    format!("{stage}/{}/cpu-{}", site.name, level().name())
}
