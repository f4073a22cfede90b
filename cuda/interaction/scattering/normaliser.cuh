// Integrals of a lobe over the hemisphere, read from its tables (T65, T66): the twin of
// src/interaction/scattering/normaliser.rs, without derivatives.
#pragma once
#include "layout.cuh"
#include "math/vector.cuh"

// The value between two of `count` nodes `[node, value and slope]`, y below the reach.
DEVICE double interpolated(const double* nodes, uint32_t count, double reach, double y) {
  const double place = y / reach * double(count - 1);
  // Rounding may put a place just below the reach onto the last node.
  const uint32_t node = uint32_t(place) < count - 2 ? uint32_t(place) : count - 2;
  const double t = place - double(node);
  const double* at = nodes + 2 * size_t(node);
  const double p = at[0], m = at[1], q = at[2], n = at[3];
  const double bend = 3.0 * (q - p) - 2.0 * m - n, twist = m + n - 2.0 * (q - p);
  return p + t * (m + t * (bend + t * twist));
}

// A_h [sr] of a lobe whose axis has the cosine `y` to the normal, from 0 to 1.
DEVICE double normaliser(const SingleLobeAt& lobe, double y) {
  if (y >= lobe.reach) return lobe.reach < 1.0 ? lobe.full : lobe.normal;
  return lobe.full * interpolated(lobe.normaliser, lobe.nodes[0], lobe.reach, y);
}

// max(E(y), 1) sqrt(y) [-] of a reciprocal lobe at incidence `y`, from 0 to 1 (T66).
DEVICE double furnace(const SingleLobeAt& lobe, double y) {
  const double plain = sqrt(y);
  if (y >= lobe.reach) return plain;
  return larger(plain, interpolated(lobe.furnace, lobe.nodes[1], lobe.reach, y));
}
