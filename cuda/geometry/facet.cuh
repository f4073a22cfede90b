// Which triangle of a facet holds a point, and which facet owns it (T41): the twin of the queries of
// src/geometry/facet.rs.
#pragma once
#include "geometry/traverse.cuh"

// A bit for each child whose box meets the one between `from` and `to`.
DEVICE uint32_t children_in(const WideNode& node, const Vec3& from, const Vec3& to) {
  const double low[3] = {from.x, from.y, from.z}, high[3] = {to.x, to.y, to.z};
  uint32_t met = 0;
  for (uint32_t lane = 0; lane < NODE_WIDTH; ++lane) {
    bool meets = true;
    for (uint32_t axis = 0; axis < 3; ++axis) {
      meets = meets && double(node.corner[0][axis][lane]) <= high[axis] &&
              double(node.corner[1][axis][lane]) >= low[axis];
    }
    met |= uint32_t(meets) << lane;
  }
  return met;
}

// A bit for each child whose box may hold a triangle within `reach` of `p`.
DEVICE uint32_t children_at(const WideNode& node, const Vec3& p, double reach) {
  const Vec3 about = {reach, reach, reach};
  return children_in(node, p - about, p + about);
}

// Calls `found(triangle)` for every triangle that may hold the point `p` of its patch's plane.
template <class Found>
DEVICE void for_each_at(const GeometryView& geometry, const Vec3& p, Found&& found) {
  walk(
      geometry, [&](const WideNode& node) { return children_at(node, p, geometry.point_reach); },
      [&](const TriangleBlock& block) {
        for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
          if (block.triangle[lane] != NONE) found(block.triangle[lane]);
        }
        return false;
      });
}

DEVICE const Plane& plane_of(const GeometryView& geometry, uint32_t facet) {
  return geometry.planes[geometry.patch_of_facet[facet]];
}

// The lowest triangle of `facet` that holds the point `p` of its plane, or NONE.
DEVICE uint32_t triangle_at(const GeometryView& geometry, uint32_t facet, const Vec3& p) {
  const Vec3 normal = vec3(plane_of(geometry, facet).normal);
  const uint32_t first = geometry.facet_offsets[facet], end = geometry.facet_offsets[facet + 1];
  if (end - first <= FEW_TRIANGLES) {
    for (uint32_t i = first; i < end; ++i) {
      const uint32_t triangle = geometry.facet_triangles[i];
      if (contains(corners_of(geometry, triangle), normal, p, OUTLINE_M)) return triangle;
    }
    return NONE;
  }
  uint32_t lowest = NONE;
  for_each_at(geometry, p, [&](uint32_t t) {
    if (geometry.facet_of_triangle[t] == facet && t < lowest &&
        contains(corners_of(geometry, t), normal, p, OUTLINE_M)) {
      lowest = t;
    }
  });
  return lowest;
}

// The facet that owns the point `p` of `facet`: the lowest one of its patch that holds `p` (T41).
DEVICE uint32_t owner_at(const GeometryView& geometry, uint32_t facet, const Vec3& p) {
  const uint32_t patch = geometry.patch_of_facet[facet];
  if (geometry.patch_facets[geometry.patch_offsets[patch]] == facet) return facet;
  const Vec3 normal = vec3(geometry.planes[patch].normal);
  uint32_t owner = facet;
  for_each_at(geometry, p, [&](uint32_t t) {
    const uint32_t rival = geometry.facet_of_triangle[t];
    if (rival < owner && geometry.patch_of_facet[rival] == patch &&
        contains(corners_of(geometry, t), normal, p, OUTLINE_M)) {
      owner = rival;
    }
  });
  return owner;
}
