// From a chain and a receiver to the vertices of the path, or the reason why there is none (T44, T45): the twin of
// src/path/refine.rs.
#pragma once
#include "path/beam.cuh"

// Why a candidate is no path, and that it is one: places in the counts that the host reads.
enum Verdict : uint32_t { FOUND, OFF_FACET, WRONG_SIDE, DEGENERATE, COINCIDENT, BLOCKED, VERDICTS };

// Finds the vertices of the path over a chain to `receiver` into `vertices`, the receiver's side first.
DEVICE Verdict vertices_backwards(const GeometryView& geometry, const ChainNode* nodes, uint32_t node,
                                  const Vec3& receiver, PathVertex* vertices) {
  Vec3 target = receiver;
  for (; node != 0; ++vertices) {
    const uint32_t facet = nodes[node].facet;
    const Plane& plane = plane_of(geometry, facet);
    const Vec3 apex = vec3(nodes[node].image);
    const double from = signed_distance(apex, plane), to = signed_distance(target, plane);
    if (fabs(from) <= IN_PLANE_M || fabs(to) <= IN_PLANE_M) return DEGENERATE;
    // The image and the target must be on different sides; the source side is then the target's.
    if ((from > 0.0) == (to > 0.0)) return WRONG_SIDE;
    const Vec3 position = apex + (target - apex) * (from / (from - to));
    const uint32_t triangle = triangle_at(geometry, facet, position);
    if (triangle == NONE) return OFF_FACET;
    *vertices = PathVertex{{position.x, position.y, position.z}, facet, triangle};
    target = position;
    node = nodes[node].parent;
  }
  return FOUND;
}

// The vertices of a candidate, the receiver's side first, and all that does not need visibility.
DEVICE Verdict refine(const GeometryView& geometry, const ChainNode* nodes, uint32_t node, const Vec3& receiver,
                      PathVertex* vertices) {
  const Verdict verdict = vertices_backwards(geometry, nodes, node, receiver, vertices);
  if (verdict != FOUND) return verdict;
  if (norm(receiver - vec3(nodes[node].image)) <= IN_PLANE_M) return DEGENERATE;
  for (uint32_t i = 0; i < nodes[node].depth; ++i) {
    const PathVertex& vertex = vertices[i];
    if (owner_at(geometry, vertex.facet, vec3(vertex.position)) != vertex.facet) return COINCIDENT;
  }
  return FOUND;
}

// Whether nothing blocks any segment of a path; `vertices` has the receiver's side first.
DEVICE bool legs_are_free(const GeometryView& geometry, const Vec3& source, const Vec3& receiver,
                          const PathVertex* vertices, uint32_t depth) {
  Vec3 from = source;
  uint32_t skip = NONE;
  for (uint32_t i = depth; i-- > 0;) {
    const Vec3 to = vec3(vertices[i].position);
    const uint32_t next = geometry.patch_of_facet[vertices[i].facet];
    if (is_blocked(geometry, from, to, skip, next)) return false;
    from = to;
    skip = next;
  }
  return !is_blocked(geometry, from, receiver, skip, NONE);
}
