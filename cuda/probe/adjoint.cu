// Probes of adjoints. Bars that a function adds to begin at a number of their own, so that adding is seen.
#include "geometry/attached.cuh"
#include "path/refine_vjp.cuh"
#include "probe/put.cuh"

// What bars begin at.
constexpr double BEGUN = 0.25;
DEVICE Vec3 begun_vector() { return {BEGUN, BEGUN, BEGUN}; }
DEVICE C64 begun_complex() { return {BEGUN, BEGUN}; }
DEVICE CVec3 begun_field() { return {begun_complex(), begun_complex(), begun_complex()}; }
DEVICE DirectionsBar begun_directions() { return {begun_vector(), begun_vector(), begun_vector()}; }
DEVICE PartBar begun_part() { return {BEGUN, BEGUN, BEGUN, BEGUN}; }

DEVICE double* put(double* out, const DirectionsBar& bar) { return put(put(put(out, bar.k_i), bar.n), bar.k_s); }
DEVICE double* put(double* out, const SurfaceBar& bar) {
  out = put(put(put(out, bar.eta), bar.thickness), bar.specular_share);
  return put(put(put(put(out, bar.roughness), bar.scattering), bar.xpd), bar.lobe);
}
DEVICE double* put(double* out, const PartBar& bar) {
  return put(put(put(put(out, bar.weight), bar.forward_share), bar.forward), bar.backward);
}
DEVICE double* put(double* out, const ScatterBar& bar) {
  return put(put(put(put(out, bar.field), bar.directions), bar.surface), bar.frequency);
}

// math

// a, b, z, w
KERNEL void probe_accumulation(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 10 * i;
  Vec3 more = vec3(in), less = vec3(in);
  operator+=(more, vec3(in + 3));
  operator-=(less, vec3(in + 3));
  C64 sum = complex_at(in + 6);
  operator+=(sum, complex_at(in + 8));
  CVec3 field = complexified(vec3(in));
  operator+=(field, scaled(vec3(in + 3), complex_at(in + 6)));
  out = put(put(put(put(out + 18 * i, more), less), sum), field);
  put(put(out, conj(complex_at(in + 6))), inverse(complex_at(in + 6)));
}

// k, theta bar, phi bar
KERNEL void probe_angles_of_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  Vec3 k_bar = begun_vector();
  angles_of_vjp(vec3(in), in[3], in[4], k_bar);
  put(put(out + 4 * i, k_bar), is_pole(vec3(in)));
}

// k, bars of theta^ and phi^
KERNEL void probe_spherical_basis_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 9 * i;
  Vec3 k_bar = begun_vector();
  spherical_basis_vjp(vec3(in), vec3(in + 3), vec3(in + 6), k_bar);
  put(put(out + 6 * i, k_bar), normalized_vjp(vec3(in), in[6], vec3(in + 3)));
}

// interaction

// length, frequency, bar
KERNEL void probe_spreading_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 3 * i;
  double length_bar = BEGUN, frequency_bar = 0.0;
  spreading_vjp(in[0], in[1], in[2], length_bar, frequency_bar);
  put(put(out + 2 * i, length_bar), frequency_bar);
}

// sigma_h, cos theta, frequency, bar
KERNEL void probe_roughness_factor_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 4 * i;
  double sigma_h_bar = BEGUN, cos_theta_bar = BEGUN, frequency_bar = 0.0;
  roughness_factor_vjp(in[0], in[1], in[2], in[3], sigma_h_bar, cos_theta_bar, frequency_bar);
  put(put(put(out + 3 * i, sigma_h_bar), cos_theta_bar), frequency_bar);
}

// eta, cos theta, thickness, frequency, bars
KERNEL void probe_slab_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 11 * i;
  const Coefficients bar = {complex_at(in + 5), complex_at(in + 7), complex_at(in + 9)};
  C64 eta_bar{0.0, 0.0};
  double cos_theta_bar = 0.0, thickness_bar = 0.0, frequency_bar = 0.0;
  slab_vjp(complex_at(in), in[2], in[3], in[4], bar, eta_bar, cos_theta_bar, thickness_bar, frequency_bar);
  put(put(put(put(out + 5 * i, eta_bar), cos_theta_bar), thickness_bar), frequency_bar);
}

// eta, thickness, specular share, roughness, cos theta, frequency, bars
KERNEL void probe_coefficients_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 13 * i;
  const ScatteringAt none = {nullptr, 0.0, 0.0, 1.0, 0, 0};
  const SurfaceAt surface = {{in[0], in[1]}, in[2], in[3], in[4], none, nullptr};
  const Coefficients bar = {complex_at(in + 7), complex_at(in + 9), complex_at(in + 11)};
  SurfaceBar surface_bar = {};
  double cos_theta_bar = 0.0, frequency_bar = 0.0;
  coefficients_vjp(surface, in[5], in[6], coefficients(surface, in[5], in[6]), bar, surface_bar, cos_theta_bar,
                   frequency_bar);
  put(put(put(out + 10 * i, surface_bar), cos_theta_bar), frequency_bar);
}

// k, n, bar of the mirrored direction, bar of the cosine
KERNEL void probe_incidence_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 10 * i;
  Vec3 bars[4] = {begun_vector(), begun_vector(), begun_vector(), begun_vector()};
  mirror_vjp(vec3(in), vec3(in + 3), vec3(in + 6), bars[0], bars[1]);
  cos_incidence_vjp(vec3(in), vec3(in + 3), in[9], bars[2], bars[3]);
  put(put(put(put(out + 12 * i, bars[0]), bars[1]), bars[2]), bars[3]);
}

// field, k, n, r_s, r_p, excess, bar of the reflected field
KERNEL void probe_reflect_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 24 * i;
  const Coefficients c = {complex_at(in + 12), complex_at(in + 14), complex_at(in + 16)};
  const CVec3 field = field_at(in), reflected_bar = field_at(in + 18);
  const C64 begun = begun_complex();
  ReflectBar bar = {begun_field(), begun_vector(), begun_vector(), {begun, begun, begun}};
  reflect_vjp(field, vec3(in + 6), vec3(in + 9), c, reflected_bar, bar);
  out = put(put(put(put(out + 23 * i, bar.field), bar.k), bar.n), bar.coefficients);
  put(put(out, inner(field, c.r_p)), dotc(field, reflected_bar));
}

// k_i, n, k_s, bars
KERNEL void probe_directions_of_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 13 * i;
  DirectionsBar bar = begun_directions();
  directions_of_vjp(vec3(in), vec3(in + 3), vec3(in + 6), Directions{in[9], in[10], in[11], in[12]}, bar);
  put(out + 9 * i, bar);
}

// surface, k_i, n, k_s, bar: of the first part and of the lobe, each with what they are made of
KERNEL void probe_density_vjp(const SurfaceAt* surfaces, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 11 * i;
  const SurfaceAt& surface = surfaces[uint32_t(in[0])];
  const Vec3 k_i = vec3(in + 1), n = vec3(in + 4), k_s = vec3(in + 7);
  Directions at_bar = {BEGUN, BEGUN, BEGUN, BEGUN};
  PartBar part_bar = begun_part();
  part_density_vjp(surface.scattering.parts[0], directions_of(k_i, n, k_s), in[10], at_bar, part_bar);
  out = put(put(put(put(out + 18 * i, at_bar.cos_i), at_bar.cos_s), at_bar.off_forward), at_bar.off_backward);
  out = put(out, part_bar);
  DirectionsBar bar = begun_directions();
  double sharpness_bar = BEGUN;
  density_vjp(*surface.lobe, k_i, n, k_s, in[10], bar, sharpness_bar);
  put(put(out, bar), sharpness_bar);
}

// Parts of a pattern that a probe has room for.
constexpr uint32_t PROBED_PARTS = 24;

// surface, k_i, n, k_s, bar: of the pattern
KERNEL void probe_pattern_density_vjp(const SurfaceAt* surfaces, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 11 * i;
  out += (9 + PART_BAR * PROBED_PARTS) * i;
  PartBar parts_bar[PROBED_PARTS] = {};
  DirectionsBar bar = begun_directions();
  density_vjp(surfaces[uint32_t(in[0])].scattering, vec3(in + 1), vec3(in + 4), vec3(in + 7), in[10], bar, parts_bar);
  out = put(out, bar);
  for (const PartBar& part_bar : parts_bar) out = put(out, part_bar);
}

// surface, k_i, n, k_s, field, frequency, bar of the scattered field: diffuse, and by the lobe; of parts all but the weight,
// whose bar is a difference that may cancel to nothing
KERNEL void probe_scattered_vjp(const SurfaceAt* surfaces, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 23 * i;
  out += (48 + 3 * PROBED_PARTS) * i;
  const SurfaceAt& surface = surfaces[uint32_t(in[0])];
  const Vec3 k_i = vec3(in + 1), n = vec3(in + 4), k_s = vec3(in + 7);
  PartBar parts_bar[PROBED_PARTS] = {};
  ScatterBar bar = {}, by_lobe = {};
  diffuse_vjp(field_at(in + 10), k_i, n, k_s, surface, in[16], field_at(in + 17), bar, parts_bar);
  lobe_vjp(field_at(in + 10), k_i, n, k_s, surface, in[16], field_at(in + 17), by_lobe);
  out = put(put(out, bar), by_lobe);
  for (const PartBar& own : parts_bar) out = put(put(put(out, own.forward_share), own.forward), own.backward);
}

// scene

// element, slant model, slant, theta, phi, bars: slopes of the element, bars of the angles
KERNEL void probe_pattern_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 7 * i;
  const uint32_t element = uint32_t(in[0]);
  const Slopes slopes = amplitude_slopes(element, amplitude(element, in[3], in[4]), in[3], in[4]);
  double theta_bar = BEGUN, phi_bar = BEGUN;
  pattern_vjp(element, uint32_t(in[1]), in[2], in[3], in[4], Amplitudes{in[5], in[6]}, theta_bar, phi_bar);
  put(put(put(put(out + 4 * i, slopes.by_theta), slopes.by_phi), theta_bar), phi_bar);
}

// geometry

// corners, point, area, bars of the point and of the area
KERNEL void probe_attached_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 17 * i;
  const Shares shares = barycentric(corners_at(in), vec3(in + 9));
  const Corners bars = attached_vjp(corners_at(in), vec3(in + 9), in[12], vec3(in + 13), in[16]);
  out = put(put(put(out + 12 * i, shares.a), shares.b), shares.c);
  put(put(put(out, bars.a), bars.b), bars.c);
}

// path

// end, k, bar: the field vectors of both polarisations, the bars of direction and rotation of both
KERNEL void probe_vector_towards_vjp(const RadioEnd* ends, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 7 * i;
  const RadioEnd& end = ends[uint32_t(in[0])];
  const Vec3 k = vec3(in + 1);
  out = put(put(out + 18 * i, vector_towards(end, 0, k)), vector_towards(end, 1, k));
  Vec3 k_bar = begun_vector(), rotation_bar[3] = {begun_vector(), begun_vector(), begun_vector()};
  vector_towards_vjp(end, 0, k, vec3(in + 4), k_bar, rotation_bar);
  vector_towards_vjp(end, 1, k, vec3(in + 4) * 0.5, k_bar, rotation_bar);
  put(put(put(put(out, k_bar), rotation_bar[0]), rotation_bar[1]), rotation_bar[2]);
}

// Reflections of a span that is probed.
constexpr uint32_t REFLECTIONS = 3;

// planes [reflection, 4], ends, bars of departure, arrival and length, points and their bars [reflection]
KERNEL void probe_refine_vjp(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 43 * i;
  Plane planes[REFLECTIONS];
  PlacedVertex places[REFLECTIONS] = {};
  ReplayedVertex vertices[REFLECTIONS] = {};
  PlaneBar planes_bar[REFLECTIONS];
  for (uint32_t k = 0; k < REFLECTIONS; ++k) {
    planes[k] = plane_at(in + 4 * k);
    places[k].patch = k;
    for (uint32_t axis = 0; axis < 3; ++axis) vertices[k].position[axis] = in[25 + 3 * k + axis];
    planes_bar[k] = {begun_vector(), BEGUN};
  }
  const RefinedBar bar = {vec3(in + 18), vec3(in + 21), in[24]};
  const Span span = {planes, places, vertices, in + 34, {0.0, 0.0, 0.0}, REFLECTIONS};
  Vec3 from_bar = begun_vector(), to_bar = begun_vector();
  Image images[REFLECTIONS + 1];
  refine_vjp(span, vec3(in + 12), vec3(in + 15), bar, from_bar, to_bar, planes_bar, images);
  out = put(put(out + 18 * i, from_bar), to_bar);
  for (const PlaneBar& plane_bar : planes_bar) out = put(put(out, plane_bar.normal), plane_bar.offset);
}
