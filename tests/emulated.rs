//! Every phenomenon on the CUDA backend, its kernels emulated: the cases that `tests/cpu.rs` runs on the CPU, through
//! cudarc, the mock driver and the very sources under `cuda/`. With `RAYLOBE_REQUIRE_GPU=1` on the machine's GPU.

#[path = "support/differences.rs"]
mod differences;
mod support;

#[path = "cases/adjoint_parity.rs"]
mod adjoint_parity;
#[path = "cases/awkward.rs"]
mod awkward;
#[path = "cases/closed.rs"]
mod closed;
#[path = "cases/completeness.rs"]
mod completeness;
#[path = "cases/crowds.rs"]
mod crowds;
#[path = "cases/gradients.rs"]
mod gradients;
#[path = "cases/invariance.rs"]
mod invariance;
#[path = "cases/laws.rs"]
mod laws;
#[path = "cases/lobes.rs"]
mod lobes;
#[path = "cases/map_adjoint_parity.rs"]
mod map_adjoint_parity;
#[path = "cases/maps.rs"]
mod maps;
#[path = "cases/noisy_wall.rs"]
mod noisy_wall;
#[path = "cases/parity.rs"]
mod parity;
#[path = "cases/probes.rs"]
mod probes;
#[path = "cases/response.rs"]
mod response;
#[path = "cases/scattering_parity.rs"]
mod scattering_parity;
#[path = "cases/scenes.rs"]
mod scenes;
#[path = "cases/smooth_objectives.rs"]
mod smooth_objectives;
#[path = "cases/smooth_parity.rs"]
mod smooth_parity;
#[path = "cases/tiles.rs"]
mod tiles;
#[path = "cases/truth.rs"]
mod truth;
