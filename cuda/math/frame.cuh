// Directions, angles and frames (theory.md, "Conventions"): the twin of src/math/frame.rs.
#pragma once
#include "math/vector.cuh"

struct Angles {
  double theta, phi;
};

// The horizontal part of a unit vector, 0 below 1e-154.
DEVICE double horizontal_of(const Vec3& k) { return sqrt(k.x * k.x + k.y * k.y); }

// Zenith and azimuth of a unit vector (T1); the azimuth of the zenith is 0.
DEVICE Angles angles_of(const Vec3& k) {
  const double horizontal = horizontal_of(k);
  return {atan2(horizontal, k.z), horizontal == 0.0 ? 0.0 : atan2(k.y, k.x)};
}

// The adjoint of `angles_of`; adds to `k_bar`, whose coordinates count as free. At the zenith nothing is added for the
// azimuth, which has no slope there.
DEVICE void angles_of_vjp(const Vec3& k, double theta_bar, double phi_bar, Vec3& k_bar) {
  const double horizontal = horizontal_of(k);
  const double squared = horizontal * horizontal + k.z * k.z;
  k_bar.z -= theta_bar * horizontal / squared;
  if (!(horizontal > 0.0)) return;
  const double cos_phi = k.x / horizontal, sin_phi = k.y / horizontal;
  const double outwards = theta_bar * k.z / squared, around = phi_bar / horizontal;
  k_bar.x += outwards * cos_phi - around * sin_phi;
  k_bar.y += outwards * sin_phi + around * cos_phi;
}

// Whether `k` points along z exactly, where azimuth and basis have no derivative.
DEVICE bool is_pole(const Vec3& k) { return horizontal_of(k) == 0.0; }

struct Basis {
  Vec3 theta, phi;
};

// The unit vectors theta^ and phi^ at direction `k` (T2); at the zenith those of azimuth 0.
DEVICE Basis spherical_basis(const Vec3& k) {
  const double horizontal = horizontal_of(k);
  const double cosine = horizontal == 0.0 ? 1.0 : k.x / horizontal;
  const double sine = horizontal == 0.0 ? 0.0 : k.y / horizontal;
  return {{k.z * cosine, k.z * sine, -horizontal}, {-sine, cosine, 0.0}};
}

// The adjoint of `spherical_basis`; adds to `k_bar`, but at the poles, where the basis has no derivative.
DEVICE void spherical_basis_vjp(const Vec3& k, const Vec3& theta_hat_bar, const Vec3& phi_hat_bar, Vec3& k_bar) {
  const double horizontal = horizontal_of(k);
  if (horizontal == 0.0) return;
  const double cos_phi = k.x / horizontal, sin_phi = k.y / horizontal;
  const double cos_bar = theta_hat_bar.x * k.z + phi_hat_bar.y;
  const double sin_bar = theta_hat_bar.y * k.z - phi_hat_bar.x;
  const double around = (sin_bar * cos_phi - cos_bar * sin_phi) / horizontal;
  k_bar.x += -theta_hat_bar.z * cos_phi - around * sin_phi;
  k_bar.y += -theta_hat_bar.z * sin_phi + around * cos_phi;
  k_bar.z += theta_hat_bar.x * cos_phi + theta_hat_bar.y * sin_phi;
}

// The adjoint of v/|v|, whose length is `length` and whose direction `unit`: the bar of v.
DEVICE Vec3 normalized_vjp(const Vec3& unit, double length, const Vec3& unit_bar) {
  return (unit_bar - unit * dot(unit, unit_bar)) / length;
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
