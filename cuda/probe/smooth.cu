// Probes of smoothed visibility.
#include "path/smooth.cuh"
#include "probe/put.cuh"

// A place, or -1 for NONE: numbers of a size.
DEVICE double place_of(uint32_t i) { return i == NONE ? -1.0 : double(i); }
DEVICE double* put(double* out, const ClearanceAt& at) {
  return put(put(put(put(out, at.signed_distance), at.at), place_of(at.edge)), double(at.end));
}
DEVICE double* put(double* out, const PlaneBar& bar) { return put(put(out, bar.normal), bar.offset); }

// alpha, x, kind
KERNEL void probe_smooth_step(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 3 * i;
  const Step step = smooth_step(uint32_t(in[2]), in[0], in[1]);
  put(put(out + 2 * i, step.value), step.slope);
}

// image, target, plane
KERNEL void probe_soft_meeting(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 10 * i;
  put(out + 3 * i, soft_meeting(vec3(in), vec3(in + 3), plane_at(in + 6)));
}

constexpr uint32_t MOST_EDGES = 6;

// segment, floor, bar, plane, middle and radius of the ball, whether it is convex, number of edges, edges
KERNEL void probe_clearance(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 54 * i;
  out += 22 * i;
  const Segment3 segment = {{vec3(in), vec3(in + 3)}};
  const double floor = in[6], bar = in[7];
  const Plane plane = plane_at(in + 8);
  OutlineEdge edges[MOST_EDGES];
  const OutlineAt outline = {{in[12], in[13], in[14]}, in[15], 0, uint32_t(in[17]), uint32_t(in[16]), 0};
  for (uint32_t k = 0; k < 6 * outline.edges; ++k) edges[k / 6].ends[k % 6 / 3][k % 3] = in[18 + k];
  const Vec3 zero{0.0, 0.0, 0.0};
  ClearanceAt at = {0.0, {0.0, 0.0}, NONE, 0};
  ClearanceBar own = {{zero, zero}, zero, 0.0, {zero, zero}};
  const bool found = clearance(segment, outline, edges, plane, floor, at);
  if (found) clearance_vjp(segment, edges, plane, at, bar, own);
  out = put(put(out, double(found)), found ? at : ClearanceAt{0.0, {0.0, 0.0}, NONE, 0});
  out = put(put(put(put(out, own.segment[0]), own.segment[1]), own.normal), own.offset);
  put(put(out, own.edge[0]), own.edge[1]);
}

// from, to, patches that are skipped, floor
KERNEL void probe_worst_obstacle(SoftAt at, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 9 * i;
  const uint32_t skip[2] = {in[6] < 0.0 ? NONE : uint32_t(in[6]), in[7] < 0.0 ? NONE : uint32_t(in[7])};
  ClearanceAt own = {0.0, {0.0, 0.0}, NONE, 0};
  const uint32_t patch = worst_obstacle(at, {{vec3(in), vec3(in + 3)}}, skip, in[8], INFINITY, own);
  put(put(out + 6 * i, place_of(patch)), own);
}

constexpr uint32_t MOST_FACETS = 3;

// from, to, bar, number of facets, facets
KERNEL void probe_visibility(SoftAt at, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 11 * i;
  out += 47 * i;
  at.depth = uint32_t(in[7]);
  uint32_t facets[MOST_FACETS];
  Vec3 images[MOST_FACETS + 1], images_bar[MOST_FACETS + 1], vertices[MOST_FACETS], vertices_bar[MOST_FACETS];
  PlaneBar planes_bar[MOST_FACETS];
  Image scratch[MOST_FACETS + 1];
  images[0] = vec3(in);
  for (uint32_t k = 0; k < at.depth; ++k) {
    facets[k] = uint32_t(in[8 + k]);
    images[k + 1] = mirror(images[k], plane_of(at.geometry, facets[k]));
  }
  const SoftChain chain{facets, at.depth, images, vec3(in + 3)};
  SoftVisibility visibility;
  const bool found = visibility_of(at, chain, vertices, visibility);
  for (uint32_t k = 0; k < 47; ++k) out[k] = 0.0;
  if (!found) return;
  out = put(put(put(out, 1.0), visibility.value), double(visibility.test));
  out = put(put(put(out, double(visibility.place)), place_of(visibility.patch)), visibility.clearance);
  double* behind = out + 3 * MOST_FACETS;
  for (uint32_t k = 0; k < at.depth; ++k) out = put(out, vertices[k]);
  const SoftBars bars{images_bar, vertices_bar, planes_bar};
  const SoftBar bar = visibility_vjp(at, chain, vertices, visibility, in[6], bars, scratch);
  out = put(put(put(put(put(behind, bar.from), bar.to), bar.normal), bar.offset), bar.edge[0]);
  out = put(out, bar.edge[1]);
  for (uint32_t k = 0; k < at.depth; ++k) out = put(out, planes_bar[k]);
}
