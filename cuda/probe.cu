// Probes: a tiny kernel for each device function, one thread an item, so that tests can compare each with its Rust twin
// (tests/cases/probes.rs). Numbers of every kind travel as f64, which holds each u32 and f32: `in` [item, number] and
// `out` [item, number]. Operators are called by name, as all else: the test of completeness looks for names. Those of
// scattering and of maps are in probe/.
#include "path/launch.cuh"
#include "path/refine.cuh"
#include "probe/put.cuh"
#include "search.cuh"

// portable.cuh

// a, b, bits
KERNEL void probe_portable(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 3 * i;
  const float a = float(in[0]), b = float(in[1]);
  const uint32_t bits = uint32_t(in[2]);
  out = put(put(out + 6 * i, larger(a, b)), smaller(a, b));
  out = put(put(out, lowest_bit(bits)), count_bits(bits));
  put(put(out, bits_of(float_of(bits))), float_of(bits));
}

// Which four of `numbers`.
KERNEL void probe_load_four(const float* numbers, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + 4 * i, load_four(numbers + 4 * uint32_t(in[i])).lane);
}

KERNEL void probe_atomic_add(uint32_t* total, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + i, atomic_add(total, uint32_t(in[i])));
}

// search.cuh

// count, place
KERNEL void probe_last_beginning_by(const double* begins, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 2 * i;
  const auto begin = [&](uint32_t k) { return uint64_t(begins[k]); };
  put(out + i, last_beginning_by(uint64_t(in[1]), uint32_t(in[0]), begin));
}

// math

// a, b, s
KERNEL void probe_vector(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 7 * i;
  const Vec3 a = vec3(in), b = vec3(in + 3);
  const double s = in[6];
  out = put(put(put(out + 26 * i, operator+(a, b)), operator-(a, b)), operator-(a));
  out = put(put(out, operator*(a, s)), operator/(a, s));
  out = put(put(put(put(out, dot(a, b)), cross(a, b)), norm(a)), direction_or_zero(a));
  put(put(put(out, larger(a.x, b.x)), smaller(a.x, b.x)), largest_of(a));
}

// a, b, s
KERNEL void probe_complex(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  const C64 a = complex_at(in), b = complex_at(in + 2);
  const double s = in[4];
  out = put(put(put(out + 18 * i, operator+(a, b)), operator-(a, b)), operator-(a));
  out = put(put(put(put(out, operator*(a, b)), operator*(a, s)), operator+(a, s)), operator-(a, s));
  put(put(put(out, operator/(a, b)), norm_squared(a)), is_zero(a));
}

// counter [4], key [2]
KERNEL void probe_philox(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 6 * i;
  const Words counter = {{uint32_t(in[0]), uint32_t(in[1]), uint32_t(in[2]), uint32_t(in[3])}};
  const Words words = philox(counter, uint32_t(in[4]), uint32_t(in[5]));
  put(put(out + 5 * i, words.word), unit_interval(words.word[0]));
}

// index, count
KERNEL void probe_fibonacci_direction(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + 3 * i, fibonacci_direction(uint64_t(in[2 * i]), uint64_t(in[2 * i + 1])));
}

KERNEL void probe_phasor_of_turns(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + 2 * i, phasor_of_turns(in[i]));
}

// length, frequency
KERNEL void probe_turns_of_length(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + i, turns_of_length(in[2 * i], in[2 * i + 1]));
}

KERNEL void probe_angles_of(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Angles angles = angles_of(vec3(in + 3 * i));
  put(put(out + 2 * i, angles.theta), angles.phi);
}

KERNEL void probe_spherical_basis(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Basis basis = spherical_basis(vec3(in + 3 * i));
  put(put(out + 6 * i, basis.theta), basis.phi);
}

KERNEL void probe_tangents_of(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Tangents t = tangents_of(vec3(in + 3 * i));
  put(put(out + 6 * i, t.u), t.v);
}

// interaction

KERNEL void probe_root_of_decay(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + 2 * i, root_of_decay(complex_at(in + 2 * i)));
}

KERNEL void probe_one_minus_exp_minus_2j(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + 2 * i, one_minus_exp_minus_2j(complex_at(in + 2 * i)));
}

// eta, cos theta
KERNEL void probe_interface_of(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Interface wave = interface_of(complex_at(in + 3 * i), in[3 * i + 2]);
  put(put(put(put(out + 12 * i, wave.a), wave.over_s), wave.over_p), wave.reflected);
}

// eta, cos theta, thickness, frequency
KERNEL void probe_slab(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  put(out + 6 * i, slab(complex_at(in), in[2], in[3], in[4]));
}

// sigma_h, cos theta, frequency
KERNEL void probe_roughness_factor(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 3 * i;
  put(out + i, roughness_factor(in[0], in[1], in[2]));
}

// length, frequency
KERNEL void probe_spreading(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + i, spreading(in[2 * i], in[2 * i + 1]));
}

// field, v, s
KERNEL void probe_field_vectors(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 11 * i;
  const CVec3 field = field_at(in);
  const Vec3 v = vec3(in + 6);
  const C64 s = complex_at(in + 9);
  out = put(put(out + 39 * i, complexified(v)), scaled(v, s));
  out = put(put(out, operator+(field, scaled(v, s))), operator-(field, scaled(v, s)));
  put(put(put(put(out, operator*(field, s)), operator*(field, s.re)), dot(v, field)), norm_squared(field));
}

// k, n
KERNEL void probe_incidence(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Vec3 k = vec3(in + 6 * i), n = vec3(in + 6 * i + 3);
  put(put(out + 4 * i, mirror(k, n)), cos_incidence(k, n));
}

// eta, thickness, specular share, roughness, cos theta, frequency
KERNEL void probe_coefficients(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 7 * i;
  const ScatteringAt none = {nullptr, 0.0, 0.0, 1.0, 0, 0};
  const SurfaceAt surface = {{in[0], in[1]}, in[2], in[3], in[4], none, nullptr};
  put(out + 6 * i, coefficients(surface, in[5], in[6]));
}

// field, k, n, r_s, r_p, excess
KERNEL void probe_reflect(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 18 * i;
  const Coefficients c = {complex_at(in + 12), complex_at(in + 14), complex_at(in + 16)};
  put(out + 6 * i, reflect(field_at(in), vec3(in + 6), vec3(in + 9), c));
}

// scene

KERNEL void probe_half_wave_amplitude(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + i, half_wave_amplitude(in[i]));
}

// theta, phi
KERNEL void probe_tr38901_gain_db(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(put(out + 2 * i, tr38901_gain_db(in[2 * i], in[2 * i + 1])), parabola_db(in[2 * i]));
}

// element, theta, phi
KERNEL void probe_amplitude(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 3 * i;
  put(out + i, amplitude(uint32_t(in[0]), in[1], in[2]));
}

// element, slant, theta, phi
KERNEL void probe_turned_pattern(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 4 * i;
  put(out + 2 * i, turned_pattern(uint32_t(in[0]), in[1], in[2], in[3]));
}

// element, slant model, slant, theta, phi
KERNEL void probe_pattern(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  put(out + 2 * i, pattern(uint32_t(in[0]), uint32_t(in[1]), in[2], in[3], in[4]));
}

// geometry

// axis, x, y, z
KERNEL void probe_pick(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Single p = single_at(in + 4 * i + 1);
  put(out + i, pick(uint32_t(in[4 * i]), p.xyz[0], p.xyz[1], p.xyz[2]));
}

// origin, direction, pad
KERNEL void probe_padded_ray(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 7 * i;
  put(out + 21 * i, padded_ray(single_at(in).xyz, single_at(in + 3).xyz, float(in[6])));
}

// origin, direction
KERNEL void probe_ray_from(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + 21 * i, ray_from(vec3(in + 6 * i), vec3(in + 6 * i + 3)));
}

// from, along, reach
KERNEL void probe_ray_along_segment(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 7 * i;
  const float reach = float(in[6]);
  put(put(out + 22 * i, ray_along_segment(vec3(in), vec3(in + 3), reach)), margin_of(reach));
}

KERNEL void probe_corners_of(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Corners corners = corners_of(geometry, uint32_t(in[i]));
  put(put(put(out + 9 * i, corners.a), corners.b), corners.c);
}

// p, d, corners
KERNEL void probe_intersect_segment(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 15 * i;
  put(out + i, intersect_segment(vec3(in), vec3(in + 3), corners_at(in + 6)));
}

// corners, normal, p, tolerance
KERNEL void probe_contains(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 16 * i;
  put(out + i, contains(corners_at(in), vec3(in + 9), vec3(in + 12), in[15]));
}

// node, origin, direction, pad, limit
KERNEL void probe_enter(const WideNode* nodes, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 9 * i;
  const WideNode& node = nodes[uint32_t(in[0])];
  const Ray ray = padded_ray(single_at(in + 1).xyz, single_at(in + 4).xyz, float(in[7]));
  const float limit = float(in[8]);
  const Entered entered = enter(ray.slabs, node, limit);
  out = put(put(out + 17 * i, entered.entry), entered.mask);
  for (uint32_t lane = 0; lane < NODE_WIDTH; ++lane) out = put(out, enters_child(ray.slabs, node, lane, limit));
}

// block, origin, direction, limit
KERNEL void probe_meet(const TriangleBlock* blocks, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 8 * i;
  const Ray ray = padded_ray(single_at(in + 1).xyz, single_at(in + 4).xyz, 0.0f);
  const Met met = meet(ray, blocks[uint32_t(in[0])], float(in[7]));
  put(put(out + 5 * i, met.mask), met.t);
}

// block, from, along, reach
KERNEL void probe_cross(const TriangleBlock* blocks, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 8 * i;
  const float reach = float(in[7]);
  const Ray ray = ray_along_segment(vec3(in + 1), vec3(in + 4), reach);
  const Crossing crossing = cross(ray, margin_of(reach), blocks[uint32_t(in[0])]);
  put(put(put(put(out + 10 * i, crossing.perhaps), crossing.surely), crossing.t), crossing.slack);
}

KERNEL void probe_sort_eight(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  uint32_t numbers[NODE_WIDTH];
  for (uint32_t k = 0; k < NODE_WIDTH; ++k) numbers[k] = uint32_t(in[NODE_WIDTH * i + k]);
  sort_eight(numbers);
  put(out + NODE_WIDTH * i, numbers);
}

// entries [8], mask
KERNEL void probe_lanes_in_order(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 9 * i;
  Entered entered;
  for (uint32_t lane = 0; lane < NODE_WIDTH; ++lane) entered.entry[lane] = float(in[lane]);
  entered.mask = uint32_t(in[NODE_WIDTH]);
  const uint32_t lanes = lanes_in_order(entered);
  put(put(out + 2 * i, lanes), without_first(lanes));
}

// origin, direction, skip
KERNEL void probe_closest_hit(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 7 * i;
  const Hit hit = closest_hit(geometry, ray_from(vec3(in), vec3(in + 3)), uint32_t(in[6]));
  put(put(put(out + 3 * i, hit.t), hit.triangle), hit.patch);
}

// from, to, skip [2]
KERNEL void probe_is_blocked(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 8 * i;
  put(out + i, is_blocked(geometry, vec3(in), vec3(in + 3), uint32_t(in[6]), uint32_t(in[7])));
}

// facet, p
KERNEL void probe_facet(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 4 * i;
  const uint32_t facet = uint32_t(in[0]);
  const Plane& plane = plane_of(geometry, facet);
  out = put(put(out + 6 * i, plane.normal), plane.offset);
  put(put(out, triangle_at(geometry, facet, vec3(in + 1))), owner_at(geometry, facet, vec3(in + 1)));
}

// path

// p, plane
KERNEL void probe_plane(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Vec3 p = vec3(in + 7 * i);
  const Plane plane = plane_at(in + 7 * i + 3);
  put(put(out + 4 * i, signed_distance(p, plane)), mirror(p, plane));
}

// Corners of a window that is probed, and rows of a frustum, at most.
constexpr uint32_t MOST_CORNERS = 8, MOST_ROWS = MOST_CORNERS + 1;

// apex, plane, reach, corners, window [8, xyz]
KERNEL void probe_build_frustum(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += (9 + 3 * MOST_CORNERS) * i;
  out += (1 + 4 * MOST_ROWS) * i;
  Row rows[MOST_ROWS];
  const uint32_t rows_made = build_frustum(vec3(in), in + 9, uint32_t(in[8]), plane_at(in + 3), in[7], rows);
  out = put(out, rows_made);
  for (uint32_t k = 0; k < rows_made; ++k) out = put(put(put(put(out, rows[k].x), rows[k].y), rows[k].z), rows[k].d);
}

// number of rows, rows [9, xyzd], p, low, high
KERNEL void probe_holds(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += (10 + 4 * MOST_ROWS) * i;
  Row rows[MOST_ROWS];
  for (uint32_t k = 0; k < MOST_ROWS; ++k) {
    const double* row = in + 1 + 4 * k;
    rows[k] = {row[0], row[1], row[2], row[3]};
  }
  const double* rest = in + 1 + 4 * MOST_ROWS;
  const Box3 box = {{rest[3], rest[4], rest[5]}, {rest[6], rest[7], rest[8]}};
  put(put(out + 2 * i, holds(rows, uint32_t(in[0]), vec3(rest))), meets_box(rows, uint32_t(in[0]), box));
}

// triangle, patch, p
KERNEL void probe_owner_of_hit(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  put(out + i, owner_of_hit(geometry, Hit{1.0f, uint32_t(in[0]), uint32_t(in[1])}, vec3(in + 2)));
}

constexpr uint32_t DEPTH = 4;

// origin, direction
KERNEL void probe_follow_ray(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  uint32_t chain[DEPTH];
  follow_ray(geometry, vec3(in + 6 * i), vec3(in + 6 * i + 3), NONE, DEPTH, chain);
  put(out + DEPTH * i, chain);
}

// window, quantiles [3]
KERNEL void probe_window(const AimedWindow* windows, const double* corners, const double* in, uint32_t count,
                         double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 4 * i;
  const AimedWindow& window = windows[uint32_t(in[0])];
  const double* own = corners + 3 * window.corner;
  out = put(out + 6 * i, point_in_window(window, own, in[1], in[2], in[3]));
  put(out, point_past_rim(window, own, in[1], in[2]));
}

// source, window, ray
KERNEL void probe_aim(GeometryView geometry, const AimedWindow* windows, const double* corners, const uint32_t* facets,
                      const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  put(out + 3 * i, aim(geometry, vec3(in), windows[uint32_t(in[3])], uint32_t(in[4]), corners, facets));
}

// node, receiver: two verdicts, whether the legs of a path that was found are free, vertices [depth, 5]
KERNEL void probe_refine(GeometryView geometry, const ChainNode* nodes, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 4 * i;
  const uint32_t node = uint32_t(in[0]);
  const Vec3 source = vec3(nodes[0].image), receiver = vec3(in + 1);
  PathVertex vertices[DEPTH] = {};
  out = put(out + (3 + 5 * DEPTH) * i, vertices_backwards(geometry, nodes, node, receiver, vertices));
  const Verdict verdict = refine(geometry, nodes, node, receiver, vertices);
  out = put(out, verdict);
  out = put(out, verdict == FOUND && legs_are_free(geometry, source, receiver, vertices, nodes[node].depth));
  for (const PathVertex& vertex : vertices) out = put(put(put(out, vertex.position), vertex.facet), vertex.triangle);
}

// path: its reach, whether its first vertex scatters, and how it leaves that
KERNEL void probe_reach(const ReplayedPath* paths, const ReplayedVertex* vertices, const double* in, uint32_t count,
                        double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const ReplayedPath& path = paths[uint32_t(in[i])];
  out = put(out + 5 * i, reach(path, vertices));
  if (path.vertices == 0) return;
  out = put(out, is_scattering(vertices[path.vertex].interaction));
  put(out, leaving(path, vertices, 0, vec3(path.departure)));
}

// path, frequency, polarisation: the field vector at the receiver
KERNEL void probe_carried(const ReplayedPath* paths, const ReplayedVertex* vertices, const SurfaceAt* surfaces,
                          const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 3 * i;
  const ReplayedPath& path = paths[uint32_t(in[0])];
  const Basis start = spherical_basis(vec3(path.departure));
  const CVec3 sent = complexified(in[2] == 0.0 ? start.theta : start.phi);
  put(out + 6 * i, carried(path, vertices, surfaces, in[1], sent));
}

// end, k
KERNEL void probe_own_axes(const RadioEnd* ends, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const RadioEnd& end = ends[uint32_t(in[4 * i])];
  const Vec3 k = vec3(in + 4 * i + 1);
  out = put(put(put(out + 15 * i, row_of(end, 0)), row_of(end, 1)), row_of(end, 2));
  put(put(out, into_own_axes(end, k)), out_of_own_axes(end, k));
}

// end, polarisation, k
KERNEL void probe_pattern_towards(const RadioEnd* ends, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  put(out + 2 * i, pattern_towards(ends[uint32_t(in[0])], uint32_t(in[1]), vec3(in + 2)));
}

// amplitudes, k
KERNEL void probe_in_space(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  put(out + 3 * i, in_space(Amplitudes{in[0], in[1]}, vec3(in + 2)));
}

// k, offset, frequency
KERNEL void probe_element_phase(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 7 * i;
  put(out + 2 * i, element_phase(vec3(in), vec3(in + 3), in[6]));
}
