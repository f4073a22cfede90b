// Integrals of a lobe over the hemisphere, read from its tables (T65, T66): the twin of
// src/interaction/scattering/normaliser.rs. What a caller does not use of a result costs it nothing: all is inlined.
#pragma once
#include "layout.cuh"
#include "math/vector.cuh"

// A value of a table, its slope, and its derivative by ln sharpness.
struct Interpolated {
  double value, by_cosine, by_log;
};

// Between two of `count` nodes `[node, value, slope times step, and both by ln sharpness]`, y below the reach.
DEVICE Interpolated interpolated(const double* nodes, uint32_t count, double reach, double y) {
  const double steps = double(count - 1), place = y / reach * steps;
  // Rounding may put a place just below the reach onto the last node.
  const uint32_t node = uint32_t(place) < count - 2 ? uint32_t(place) : count - 2;
  const double t = place - double(node);
  const double* at = nodes + NODE_NUMBERS * size_t(node);
  const double p = at[0], m = at[1], q = at[NODE_NUMBERS], n = at[NODE_NUMBERS + 1];
  const double bend = 3.0 * (q - p) - 2.0 * m - n, twist = m + n - 2.0 * (q - p);
  const double p_log = at[2], m_log = at[3], q_log = at[NODE_NUMBERS + 2], n_log = at[NODE_NUMBERS + 3];
  const double bend_log = 3.0 * (q_log - p_log) - 2.0 * m_log - n_log;
  const double twist_log = m_log + n_log - 2.0 * (q_log - p_log);
  return {p + t * (m + t * (bend + t * twist)), (m + t * (2.0 * bend + 3.0 * t * twist)) * steps / reach,
          p_log + t * (m_log + t * (bend_log + t * twist_log))};
}

// A_h at one angle of incidence [sr], dA_h/dy and dA_h/d ln sharpness.
struct NormaliserAt {
  double area, by_cosine, by_log;
};

// A_h of a lobe whose axis has the cosine `y` to the normal, from 0 to 1.
DEVICE NormaliserAt normaliser(const SingleLobeAt& lobe, double y) {
  if (y >= lobe.reach) {
    const bool is_whole = lobe.reach < 1.0;
    const double at_normal = is_whole ? lobe.full : lobe.normal;
    return {at_normal, 0.0, at_normal * (is_whole ? lobe.full_slope : lobe.normal_slope)};
  }
  const Interpolated part = interpolated(lobe.normaliser, lobe.nodes[0], lobe.reach, y);
  return {lobe.full * part.value, lobe.full * part.by_cosine,
          lobe.full * (part.by_log + part.value * lobe.full_slope)};
}

// max(E(y), 1) sqrt(y) [-], and its derivatives by y and by ln sharpness.
struct FurnaceAt {
  double root, by_cosine, by_log;
};

// The furnace of a reciprocal lobe at incidence `y`, from 0 to 1 (T66).
DEVICE FurnaceAt furnace(const SingleLobeAt& lobe, double y) {
  const double root = sqrt(y);
  const FurnaceAt plain = {root, 0.5 / root, 0.0};
  if (y >= lobe.reach) return plain;
  const Interpolated found = interpolated(lobe.furnace, lobe.nodes[1], lobe.reach, y);
  return found.value > root ? FurnaceAt{found.value, found.by_cosine, found.by_log} : plain;
}
