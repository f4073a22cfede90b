// All chains against all receivers: beams meet boxes of receivers, pairs are refined, what is left is tested for
// visibility. Lists grow by atomics, in no particular order; a list that is full only counts on, and the host comes again
// with more room or less work.
#include "path/refine.cuh"

// The frusta of chains `first` to `first + count`: rows `[corner of the window + chain]`, and their number.
KERNEL void build_frusta(GeometryView geometry, const ChainNode* RESTRICT nodes, const double* RESTRICT corners,
                         Box3 run, uint32_t first, uint32_t count, uint64_t first_corner, Row* RESTRICT rows,
                         uint32_t* RESTRICT row_counts) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const ChainNode& node = nodes[first + i];
  if (node.corners == 0) {
    row_counts[i] = 0;
    return;
  }
  const Vec3 apex = vec3(node.image), low = vec3(run.low) - apex, high = vec3(run.high) - apex;
  // The largest distance of a receiver of the run, or more.
  const Vec3 far = {larger(fabs(low.x), fabs(high.x)), larger(fabs(low.y), fabs(high.y)),
                    larger(fabs(low.z), fabs(high.z))};
  const Plane& plane = plane_of(geometry, node.facet);
  row_counts[i] = build_frustum(apex, corners + 3 * node.corner, node.corners, plane, norm(far),
                                rows + (node.corner - first_corner) + i);
}

// Pairs of a chain and a receiver in its beam: one thread for a chain and a box of receivers.
KERNEL void meet_receivers(const ChainNode* RESTRICT nodes, const Row* RESTRICT rows,
                           const uint32_t* RESTRICT row_counts, uint32_t first, uint32_t count, uint64_t first_corner,
                           const Box3* RESTRICT boxes, uint32_t box_count, const double* RESTRICT receivers,
                           uint32_t receiver_count, Pair* RESTRICT pairs, uint32_t capacity,
                           uint32_t* RESTRICT pair_count) {
  const uint64_t i = global_id();
  if (i >= uint64_t(count) * box_count) return;
  const uint32_t chain = uint32_t(i / box_count), box = uint32_t(i % box_count);
  const uint32_t row_count = row_counts[chain];
  const Row* own = rows + (nodes[first + chain].corner - first_corner) + chain;
  if (row_count == 0 || !meets_box(own, row_count, boxes[box])) return;
  const uint32_t start = box * BOX_SIZE;
  uint32_t inside = 0;
  for (uint32_t k = 0; k < BOX_SIZE && start + k < receiver_count; ++k) {
    inside |= uint32_t(holds(own, row_count, vec3(receivers + 3 * size_t(start + k)))) << k;
  }
  if (!inside) return;
  uint32_t place = atomic_add(pair_count, count_bits(inside));
  for (; inside; inside &= inside - 1, ++place) {
    if (place < capacity) pairs[place] = Pair{first + chain, start + lowest_bit(inside)};
  }
}

// Refines pairs: what may be a path is listed in `left`, the rest is counted. Vertices `[pair, depth]`.
KERNEL void refine_pairs(GeometryView geometry, const ChainNode* RESTRICT nodes, const double* RESTRICT receivers,
                         const Pair* RESTRICT pairs, uint32_t count, uint32_t depth, PathVertex* RESTRICT vertices,
                         uint32_t* RESTRICT left, uint32_t* RESTRICT left_count, uint32_t* RESTRICT verdicts) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Vec3 receiver = vec3(receivers + 3 * size_t(pairs[i].receiver));
  const Verdict verdict = refine(geometry, nodes, pairs[i].node, receiver, vertices + i * depth);
  if (verdict == FOUND) {
    left[atomic_add(left_count, 1)] = uint32_t(i);
  } else {
    atomic_add(verdicts + verdict, 1);
  }
}

// Keeps what nothing blocks: the pair, and its vertices `[found, depth]`, the source's side first.
KERNEL void keep_visible(GeometryView geometry, const ChainNode* RESTRICT nodes, const double* RESTRICT receivers,
                         const Pair* RESTRICT pairs, uint32_t depth, const PathVertex* RESTRICT vertices,
                         const uint32_t* RESTRICT left, const uint32_t* RESTRICT left_count, uint32_t count,
                         Pair* RESTRICT found, PathVertex* RESTRICT found_vertices, uint32_t* RESTRICT verdicts) {
  const uint64_t i = global_id();
  if (i >= count || i >= *left_count) return;
  const Pair pair = pairs[left[i]];
  const PathVertex* own = vertices + size_t(left[i]) * depth;
  const uint32_t facets = nodes[pair.node].depth;
  const Vec3 receiver = vec3(receivers + 3 * size_t(pair.receiver));
  if (!legs_are_free(geometry, vec3(nodes[0].image), receiver, own, facets)) {
    atomic_add(verdicts + BLOCKED, 1);
    return;
  }
  const uint32_t place = atomic_add(verdicts + FOUND, 1);
  found[place] = pair;
  for (uint32_t k = 0; k < facets; ++k) found_vertices[size_t(place) * depth + k] = own[facets - 1 - k];
}
