// Free-space propagation over a path's whole length: the twin of src/interaction/line_of_sight.rs.
#pragma once
#include "constants.cuh"
#include "portable.cuh"

// lambda/(4 pi L): amplitude between isotropic ends (Friis), without the propagation phase (T20).
DEVICE double spreading(double length, double frequency) { return SPEED_OF_LIGHT / frequency / (4.0 * PI * length); }
