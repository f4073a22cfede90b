// The field of a path, by replaying it (T21-T23, T36, T68, T73, T76): the twin of src/path/field.rs, and of what
// src/path/mod.rs knows of a path's ways.
#pragma once
#include "interaction/line_of_sight.cuh"
#include "interaction/scattering.cuh"
#include "math/phase.cuh"
#include "scene/antenna.cuh"

// src/path/mod.rs, Interaction.
enum Interaction : uint32_t { REFLECTION = 1, DIFFUSE = 2, LOBE = 16 };

// Whether the wave leaves in other directions than the specular one, so that the vertex stands for an area.
DEVICE bool is_scattering(uint32_t interaction) { return interaction != REFLECTION; }

// The direction in which a path leaves vertex `i` of its own, which it meets along `k`.
DEVICE Vec3 leaving(const ReplayedPath& path, const ReplayedVertex* vertices, uint32_t i, const Vec3& k) {
  const ReplayedVertex* vertex = vertices + path.vertex + i;
  if (!is_scattering(vertex->interaction)) return mirror(k, vec3(vertex->normal));
  if (i + 1 == path.vertices) return vec3(path.arrival);
  return direction_or_zero(vec3(vertex[1].position) - vec3(vertex->position));
}

// What a path's spreading is that of: lambda/(4 pi reach) [m] (T20, T76).
DEVICE double reach(const ReplayedPath& path, const ReplayedVertex* vertices) {
  Vec3 k = vec3(path.departure);
  double product = 1.0, begun = 0.0;
  for (uint32_t i = 0; i < path.vertices; ++i) {
    const ReplayedVertex& vertex = vertices[path.vertex + i];
    if (is_scattering(vertex.interaction)) {
      const double cos_theta = fabs(dot(k, vec3(vertex.normal)));
      product *= (vertex.distance - begun) / sqrt(cos_theta * vertex.area);
      begun = vertex.distance;
    }
    k = leaving(path, vertices, i, k);
  }
  return product * (path.length - begun);
}

// The field that leaves a vertex along `k_s`, of one that meets it along `k`.
DEVICE CVec3 met_at(const ReplayedVertex& vertex, const SurfaceAt& surface, const CVec3& field, const Vec3& k,
                    const Vec3& k_s, double frequency) {
  const Vec3 n = vec3(vertex.normal);
  switch (vertex.interaction) {
    case DIFFUSE: return diffuse(field, k, n, k_s, surface, frequency);
    case LOBE: return lobe(field, k, n, k_s, surface, frequency);
    default: return reflect(field, k, n, coefficients(surface, cos_incidence(k, n), frequency));
  }
}

// What becomes of a field vector that leaves the transmitter along a path: as it arrives, without spreading (T21, T68,
// T73); `surfaces` `[material]` at `frequency` [Hz]. Where a path is scattered diffusely the map is not linear.
DEVICE CVec3 carried(const ReplayedPath& path, const ReplayedVertex* vertices, const SurfaceAt* surfaces,
                     double frequency, CVec3 field) {
  Vec3 k = vec3(path.departure);
  for (uint32_t i = 0; i < path.vertices; ++i) {
    const ReplayedVertex& vertex = vertices[path.vertex + i];
    const Vec3 k_s = leaving(path, vertices, i, k);
    field = met_at(vertex, surfaces[vertex.material], field, k, k_s, frequency);
    k = k_s;
  }
  return field;
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

// The field vector of a polarisation in direction `k` (T22).
DEVICE Vec3 vector_towards(const RadioEnd& end, uint32_t polarization, const Vec3& k) {
  const Vec3 own = into_own_axes(end, k);
  const Angles angles = angles_of(own);
  const Basis local = spherical_basis(own);
  const Amplitudes c = pattern(end.pattern, end.slant_model, end.slants[polarization], angles.theta, angles.phi);
  const double amplitude = end.amplitude;
  return out_of_own_axes(end, local.theta) * amplitude * c.theta + out_of_own_axes(end, local.phi) * amplitude * c.phi;
}

// Bars of one end of a path; of the rotation `[row]`.
struct EndBar {
  Vec3 position, rotation[3], velocity;
  double gain;
};
static_assert(sizeof(EndBar) == sizeof(double) * END_BAR, "END_BAR");

// Adds the product of a column and a row to the bar of a rotation.
DEVICE void add_outer(Vec3* rotation_bar, const Vec3& column, const Vec3& row) {
  rotation_bar[0] += row * column.x;
  rotation_bar[1] += row * column.y;
  rotation_bar[2] += row * column.z;
}

// The adjoint of `vector_towards`; adds to `k_bar` and `rotation_bar` `[row]`, whose coordinates count as free. Where `k` is
// the antenna's own axis there is no derivative.
DEVICE void vector_towards_vjp(const RadioEnd& end, uint32_t polarization, const Vec3& k, const Vec3& vector_bar,
                               Vec3& k_bar, Vec3* rotation_bar) {
  const Vec3 own = into_own_axes(end, k), of_pattern_bar = vector_bar * end.amplitude;
  const Angles angles = angles_of(own);
  const Basis local = spherical_basis(own);
  const double slant = end.slants[polarization];
  const Amplitudes c = pattern(end.pattern, end.slant_model, slant, angles.theta, angles.phi);
  const Vec3 own_bar = into_own_axes(end, of_pattern_bar);
  add_outer(rotation_bar, of_pattern_bar, local.theta * c.theta + local.phi * c.phi);
  double theta_bar = 0.0, phi_bar = 0.0;
  const Amplitudes pattern_bar = {dot(local.theta, own_bar), dot(local.phi, own_bar)};
  pattern_vjp(end.pattern, end.slant_model, slant, angles.theta, angles.phi, pattern_bar, theta_bar, phi_bar);
  Vec3 direction_bar{0.0, 0.0, 0.0};
  spherical_basis_vjp(own, own_bar * c.theta, own_bar * c.phi, direction_bar);
  angles_of_vjp(own, theta_bar, phi_bar, direction_bar);
  k_bar += out_of_own_axes(end, direction_bar);
  add_outer(rotation_bar, k, direction_bar);
}

// The pattern of a polarisation in direction `k`, along the global (theta^, phi^) (T22).
DEVICE Amplitudes pattern_towards(const RadioEnd& end, uint32_t polarization, const Vec3& k) {
  const Basis global = spherical_basis(k);
  const Vec3 vector = vector_towards(end, polarization, k);
  return {dot(global.theta, vector), dot(global.phi, vector)};
}

// A Jones vector of direction `k`, real, as a vector in space.
DEVICE Vec3 in_space(const Amplitudes& jones, const Vec3& k) {
  const Basis basis = spherical_basis(k);
  return basis.theta * jones.theta + basis.phi * jones.phi;
}

// e^{+j 2 pi k.d/lambda} of an element's offset `d` [m] (T36).
DEVICE C64 element_phase(const Vec3& k, const Vec3& offset, double frequency) {
  return phasor_of_turns(-turns_of_length(dot(k, offset), frequency));
}
