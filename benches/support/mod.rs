//! What the benches share: the city that they measure in, the device, and how a bench is called.

use raylobe::backend::{Backend, DeviceRequest};
use raylobe::bench::Site;
use raylobe::geometry::simd::Level;
use std::path::PathBuf;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The city of all stage benches.
pub fn city() -> Site {
    Site::city(100_000).expect("the options of the city are valid")
}

/// The device that the benches run on.
pub fn backend() -> Backend {
    Backend::open(DeviceRequest::Cpu).expect("every machine has a CPU").backend
}

/// The instructions that the benches run with.
pub fn level() -> Level {
    Level::detect().expect("RAYLOBE_SIMD is unset, or names a level of this machine")
}

/// stage/scene/device.
pub fn name(stage: &str, site: &Site) -> String {
    format!("{stage}/{}/cpu-{}", site.name, level().name())
}

/// A folder of data: that of the environment `variable`, or the `default` one, from the root of the repository.
pub fn place(variable: &str, default: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os(variable).map_or_else(|| root.join(default), |path| root.join(PathBuf::from(path)))
}

/// The street canyon beside DiffeRT (scripts/peers/differt_paths.py): the transmitter, and receivers on a line along the
/// street [m].
pub fn street_canyon(count: usize) -> ([f64; 3], impl Iterator<Item = [f64; 3]>) {
    let x = move |i: usize| if count > 1 { 80.0 * i as f64 / (count - 1) as f64 - 40.0 } else { 20.0 };
    ([-33.0, 0.0, 32.0], (0..count).map(move |i| [x(i), 2.0, 1.5]))
}
