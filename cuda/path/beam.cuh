// Beams: the part of space that a chain of reflections can reach at all (T46): the twin of what src/path/beam.rs does
// for receivers.
#pragma once
#include "geometry/facet.cuh"

// Signed distance of `p` from a plane [m].
DEVICE double signed_distance(const Vec3& p, const Plane& plane) { return dot(vec3(plane.normal), p) - plane.offset; }

// The mirror image of `p` in a plane (T44).
DEVICE Vec3 mirror(const Vec3& p, const Plane& plane) {
  return p - vec3(plane.normal) * (2.0 * signed_distance(p, plane));
}

// A half space: p may be inside if n . p + d >= 0.
struct Row {
  double x, y, z, d;
};

// The rows of the frustum from `apex` through a window in `plane`, padded for points up to `reach` [m] from the apex: at
// most one more than the window has corners. Returns their number.
DEVICE uint32_t build_frustum(const Vec3& apex, const double* window, uint32_t corners, const Plane& plane,
                              double reach, Row* rows) {
  const double away = -copysign(1.0, signed_distance(apex, plane));
  const Vec3 normal = vec3(plane.normal) * away;
  uint32_t count = 0;
  rows[count++] = {normal.x, normal.y, normal.z, -plane.offset * away};
  Vec3 middle{0.0, 0.0, 0.0};
  for (uint32_t k = 0; k < corners; ++k) middle = middle + vec3(window + 3 * k);
  middle = middle / double(corners);
  for (uint32_t k = 0; k < corners; ++k) {
    const Vec3 from = vec3(window + 3 * k), to = vec3(window + 3 * ((k + 1) % corners));
    const Vec3 across = cross(from - apex, to - apex);
    const double size = norm(across), length = norm(to - from);
    // An edge that points at the apex bounds nothing.
    if (size <= 1e-12 * length || length == 0.0) continue;
    const Vec3 inward = across * (copysign(1.0, dot(across, middle - apex)) / size);
    // The outline's tolerance at the edge, seen from the apex, grows with distance.
    const double pad = 2.0 * OUTLINE_M + 2.0 * OUTLINE_M * length / size * reach;
    rows[count++] = {inward.x, inward.y, inward.z, pad - dot(inward, apex)};
  }
  return count;
}

// Whether `p` may be inside all rows.
DEVICE bool holds(const Row* rows, uint32_t count, const Vec3& p) {
  for (uint32_t i = 0; i < count; ++i) {
    if (!(rows[i].x * p.x + rows[i].y * p.y + rows[i].z * p.z + rows[i].d >= 0.0)) return false;
  }
  return true;
}

// Whether a box may hold a point that is inside all rows.
DEVICE bool meets_box(const Row* rows, uint32_t count, const Box3& box) {
  for (uint32_t i = 0; i < count; ++i) {
    const Row& r = rows[i];
    const double x = larger(r.x * box.low[0], r.x * box.high[0]), y = larger(r.y * box.low[1], r.y * box.high[1]),
                 z = larger(r.z * box.low[2], r.z * box.high[2]);
    if (!(x + y + z + r.d >= 0.0)) return false;
  }
  return true;
}
