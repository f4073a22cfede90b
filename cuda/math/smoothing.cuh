// Smooth steps (T107): the twin of src/math/smoothing.rs.
#pragma once
#include "portable.cuh"

// A step and its derivative by the distance [1/m].
struct Step {
  double value, slope;
};

// `s(alpha x)` of a distance `x` [m]; alpha is infinite for the step itself, which has no gradient.
DEVICE Step smooth_step(uint32_t kind, double alpha, double x) {
  if (alpha == INFINITY) return {x > 0.0 ? 1.0 : 0.0, 0.0};
  const double ax = alpha * x;
  if (kind == SIGMOID) {
    // e^-|x| cannot overflow.
    const double e = exp(-fabs(ax)), small = e / (1.0 + e);
    return {ax >= 0.0 ? 1.0 - small : small, alpha * (e / ((1.0 + e) * (1.0 + e)))};
  }
  const double risen = smaller(larger(ax + RAMP, 0.0), 2.0 * RAMP);
  if (kind == HARD_SIGMOID) return {risen / (2.0 * RAMP), alpha * (fabs(ax) <= RAMP ? 1.0 / (2.0 * RAMP) : 0.0)};
  const double t = risen / (2.0 * RAMP);
  return {t * t * (3.0 - 2.0 * t), alpha * (6.0 * t * (1.0 - t) / (2.0 * RAMP))};
}
