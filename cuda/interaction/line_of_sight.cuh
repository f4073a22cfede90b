// Free-space propagation over a path's whole length: the twin of src/interaction/line_of_sight.rs.
#pragma once
#include "constants.cuh"
#include "portable.cuh"

// lambda/(4 pi L): amplitude between isotropic ends (Friis), without the propagation phase (T20).
DEVICE double spreading(double length, double frequency) { return SPEED_OF_LIGHT / frequency / (4.0 * PI * length); }

// The adjoint of `spreading`; adds to `length_bar` and `frequency_bar`.
DEVICE void spreading_vjp(double length, double frequency, double spreading_bar, double& length_bar,
                          double& frequency_bar) {
  const double relative = spreading(length, frequency) * spreading_bar;
  length_bar -= relative / length;
  frequency_bar -= relative / frequency;
}
