// The field of a path, by replaying it (T21-T23, T36): the twin of src/path/field.rs.
#pragma once
#include "interaction/line_of_sight.cuh"
#include "interaction/reflection.cuh"
#include "math/phase.cuh"
#include "scene/antenna.cuh"

// Maps the Jones vector at departure to the one at arrival; columns are what comes of theta^ and of phi^.
struct JonesMatrix {
  C64 theta_theta, theta_phi, phi_theta, phi_phi;
};

// The Jones matrix T of a path (T21), without spreading; `surfaces` `[material]` at `frequency` [Hz].
DEVICE JonesMatrix transfer(const ReplayedPath& path, const ReplayedVertex* vertices, const SurfaceAt* surfaces,
                            double frequency) {
  Vec3 k = vec3(path.departure);
  const Basis start = spherical_basis(k), end = spherical_basis(-vec3(path.arrival));
  CVec3 from_theta = complexified(start.theta), from_phi = complexified(start.phi);
  for (uint32_t i = 0; i < path.vertices; ++i) {
    const ReplayedVertex& vertex = vertices[path.vertex + i];
    const Vec3 n = vec3(vertex.normal);
    const Coefficients c = coefficients(surfaces[vertex.material], cos_incidence(k, n), frequency);
    from_theta = reflect(from_theta, k, n, c);
    from_phi = reflect(from_phi, k, n, c);
    k = mirror(k, n);
  }
  return {dot(end.theta, from_theta), dot(end.theta, from_phi), dot(end.phi, from_theta), dot(end.phi, from_phi)};
}

DEVICE Vec3 row_of(const RadioEnd& end, int row) { return vec3(end.rotation[row]); }

// The direction `k` in the radio's own axes.
DEVICE Vec3 into_own_axes(const RadioEnd& end, const Vec3& k) {
  const Vec3 x = row_of(end, 0), y = row_of(end, 1), z = row_of(end, 2);
  return {x.x * k.x + y.x * k.y + z.x * k.z, x.y * k.x + y.y * k.y + z.y * k.z, x.z * k.x + y.z * k.y + z.z * k.z};
}

DEVICE Vec3 out_of_own_axes(const RadioEnd& end, const Vec3& v) {
  return {dot(row_of(end, 0), v), dot(row_of(end, 1), v), dot(row_of(end, 2), v)};
}

// The pattern of a polarisation in direction `k`, along the global (theta^, phi^) (T22).
DEVICE Amplitudes pattern_towards(const RadioEnd& end, uint32_t polarization, const Vec3& k) {
  const Vec3 own = into_own_axes(end, k);
  const Angles angles = angles_of(own);
  const Basis local = spherical_basis(own), global = spherical_basis(k);
  const Amplitudes c = pattern(end.pattern, end.slant_model, end.slants[polarization], angles.theta, angles.phi);
  const Vec3 vector = out_of_own_axes(end, local.theta) * c.theta + out_of_own_axes(end, local.phi) * c.phi;
  return {dot(global.theta, vector), dot(global.phi, vector)};
}

// lambda/(4 pi L) C_r^T T C_t of one polarisation at each end (T23).
DEVICE C64 coupling(const JonesMatrix& t, const Amplitudes& receiver, const Amplitudes& transmitter) {
  const C64 theta = t.theta_theta * transmitter.theta + t.theta_phi * transmitter.phi;
  const C64 phi = t.phi_theta * transmitter.theta + t.phi_phi * transmitter.phi;
  return theta * receiver.theta + phi * receiver.phi;
}

// e^{+j 2 pi k.d/lambda} of an element's offset `d` [m] (T36).
DEVICE C64 element_phase(const Vec3& k, const Vec3& offset, double frequency) {
  return phasor_of_turns(-turns_of_length(dot(k, offset), frequency));
}
