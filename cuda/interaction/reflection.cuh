// Specular reflection of a field vector at a plane (T16-T19): the twin of src/interaction/reflection.rs, which says why the
// s/p decomposition is written without its basis.
#pragma once
#include "interaction/fresnel.cuh"
#include "layout.cuh"
#include "math/vector.cuh"

// A complex field vector in space.
struct CVec3 {
  C64 x, y, z;
};

DEVICE CVec3 complexified(const Vec3& v) { return {{v.x, 0.0}, {v.y, 0.0}, {v.z, 0.0}}; }
DEVICE CVec3 scaled(const Vec3& v, const C64& factor) { return {factor * v.x, factor * v.y, factor * v.z}; }
DEVICE CVec3 operator+(const CVec3& a, const CVec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
DEVICE CVec3 operator-(const CVec3& a, const CVec3& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
DEVICE CVec3 operator*(const CVec3& a, const C64& s) { return {a.x * s, a.y * s, a.z * s}; }
DEVICE CVec3 operator*(const CVec3& a, double s) { return {a.x * s, a.y * s, a.z * s}; }
DEVICE double norm_squared(const CVec3& a) { return norm_squared(a.x) + norm_squared(a.y) + norm_squared(a.z); }

// The product of a real and a complex vector, without conjugation.
DEVICE C64 dot(const Vec3& real, const CVec3& field) { return field.x * real.x + field.y * real.y + field.z * real.z; }

// The direction `k` mirrored at a plane of unit normal `n` (T16).
DEVICE Vec3 mirror(const Vec3& k, const Vec3& n) { return k - n * (2.0 * dot(k, n)); }

// The cosine of the angle of incidence, from 0 to 1.
DEVICE double cos_incidence(const Vec3& k, const Vec3& n) { return smaller(fabs(dot(k, n)), 1.0); }

// Coefficients of a surface, with roughness and the share of diffuse scattering taken off (T12-T15, T19).
DEVICE Coefficients coefficients(const SurfaceAt& surface, double cos_theta, double frequency) {
  const Coefficients found = slab({surface.eta[0], surface.eta[1]}, cos_theta, surface.thickness, frequency);
  const double share = surface.specular_share * roughness_factor(surface.roughness, cos_theta, frequency);
  return {found.r_s * share, found.r_p * share, found.excess * share};
}

// The field vector after reflection (T17); `field` is transverse to the unit direction `k` of the incident wave.
DEVICE CVec3 reflect(const CVec3& field, const Vec3& k, const Vec3& n, const Coefficients& c) {
  const Vec3 w = cross(k, n);
  const CVec3 mirrored = field - scaled(n, dot(n, field) * 2.0);
  return scaled(w, c.excess * dot(w, field)) - mirrored * c.r_p;
}
