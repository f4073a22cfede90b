//! Every phenomenon on the CPU backend: the cases under `tests/cases`, with what they share in `tests/support`.

#[path = "support/differences.rs"]
mod differences;
#[path = "support/gradient_files.rs"]
mod gradient_files;
#[path = "support/hemisphere.rs"]
mod hemisphere;
#[path = "support/map_differences.rs"]
mod map_differences;
mod support;

#[path = "cases/area.rs"]
mod area;
#[path = "cases/awkward.rs"]
mod awkward;
#[path = "cases/calibration.rs"]
mod calibration;
#[path = "cases/closed.rs"]
mod closed;
#[path = "cases/completeness.rs"]
mod completeness;
#[path = "cases/crowds.rs"]
mod crowds;
#[path = "cases/diffuse.rs"]
mod diffuse;
#[path = "cases/energy.rs"]
mod energy;
#[path = "cases/fine_mesh.rs"]
mod fine_mesh;
#[path = "cases/furnace.rs"]
mod furnace;
#[path = "cases/gradients.rs"]
mod gradients;
#[path = "cases/gradients_truth.rs"]
mod gradients_truth;
#[path = "cases/invariance.rs"]
mod invariance;
#[path = "cases/laws.rs"]
mod laws;
#[path = "cases/leaks.rs"]
mod leaks;
#[path = "cases/lobe_numbers.rs"]
mod lobe_numbers;
#[path = "cases/lobes.rs"]
mod lobes;
#[path = "cases/map_following.rs"]
mod map_following;
#[path = "cases/map_gradients.rs"]
mod map_gradients;
#[path = "cases/maps.rs"]
mod maps;
#[path = "cases/noisy_street.rs"]
mod noisy_street;
#[path = "cases/noisy_wall.rs"]
mod noisy_wall;
#[path = "cases/placement.rs"]
mod placement;
#[path = "cases/planar.rs"]
mod planar;
#[path = "cases/reciprocity.rs"]
mod reciprocity;
#[path = "cases/response.rs"]
mod response;
#[path = "cases/scenes.rs"]
mod scenes;
#[path = "cases/smooth.rs"]
mod smooth;
#[path = "cases/smooth_objectives.rs"]
mod smooth_objectives;
#[path = "cases/tiles.rs"]
mod tiles;
#[path = "cases/truth.rs"]
mod truth;
