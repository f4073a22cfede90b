// How probes read their numbers and write them.
#pragma once
#include "geometry/traverse.cuh"
#include "path/field.cuh"

// Writes what it is given and yields the place behind it.
DEVICE double* put(double* out, double x) {
  *out = x;
  return out + 1;
}
DEVICE double* put(double* out, const C64& z) { return put(put(out, z.re), z.im); }
DEVICE double* put(double* out, const Vec3& v) { return put(put(put(out, v.x), v.y), v.z); }
DEVICE double* put(double* out, const CVec3& v) { return put(put(put(out, v.x), v.y), v.z); }
DEVICE double* put(double* out, const Amplitudes& c) { return put(put(out, c.theta), c.phi); }
DEVICE double* put(double* out, const Drawn& drawn) { return put(put(out, drawn.k_s), drawn.density); }
DEVICE double* put(double* out, const Coefficients& c) { return put(put(put(out, c.r_s), c.r_p), c.excess); }
template <class T, size_t N>
DEVICE double* put(double* out, const T (&numbers)[N]) {
  for (size_t k = 0; k < N; ++k) out = put(out, double(numbers[k]));
  return out;
}
DEVICE double* put(double* out, const Ray& ray) {
  out = put(put(out, ray.slabs.near_origin), ray.slabs.far_origin);
  out = put(put(out, ray.slabs.inverse), ray.slabs.near_corner);
  return put(put(put(out, ray.axes), ray.origin), ray.shear);
}

DEVICE C64 complex_at(const double* in) { return {in[0], in[1]}; }
DEVICE CVec3 field_at(const double* in) { return {complex_at(in), complex_at(in + 2), complex_at(in + 4)}; }
DEVICE Corners corners_at(const double* in) { return {vec3(in), vec3(in + 3), vec3(in + 6)}; }
DEVICE Plane plane_at(const double* in) { return {{in[0], in[1], in[2]}, in[3]}; }

// A point as a ray holds it.
struct Single {
  float xyz[3];
};
DEVICE Single single_at(const double* in) { return {{float(in[0]), float(in[1]), float(in[2])}}; }
