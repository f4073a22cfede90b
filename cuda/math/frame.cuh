// Directions, angles and frames (theory.md, "Conventions"): the twin of src/math/frame.rs.
#pragma once
#include "math/vector.cuh"

struct Angles {
  double theta, phi;
};

// Zenith and azimuth of a unit vector (T1); the azimuth of the zenith is 0.
DEVICE Angles angles_of(const Vec3& k) {
  const double horizontal = hypot(k.x, k.y);
  return {atan2(horizontal, k.z), horizontal == 0.0 ? 0.0 : atan2(k.y, k.x)};
}

struct Basis {
  Vec3 theta, phi;
};

// The unit vectors theta^ and phi^ at direction `k` (T2); at the zenith those of azimuth 0.
DEVICE Basis spherical_basis(const Vec3& k) {
  const double horizontal = hypot(k.x, k.y);
  const double cosine = horizontal == 0.0 ? 1.0 : k.x / horizontal;
  const double sine = horizontal == 0.0 ? 0.0 : k.y / horizontal;
  return {{k.z * cosine, k.z * sine, -horizontal}, {-sine, cosine, 0.0}};
}

struct Tangents {
  Vec3 u, v;
};

// Two unit vectors that complete the unit vector `n` to a right-handed frame (u, v, n) (Duff et al. 2017).
DEVICE Tangents tangents_of(const Vec3& n) {
  const double sign = copysign(1.0, n.z);
  const double a = -1.0 / (sign + n.z);
  const double b = n.x * n.y * a;
  return {{1.0 + sign * n.x * n.x * a, sign * b, -sign * n.x}, {b, sign + n.y * n.y * a, -n.y}};
}
