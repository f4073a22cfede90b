// Where paths turn: whether one slips through there (T45): the twin of src/path/corners.rs, which says how.
#pragma once
#include "geometry/facet.cuh"

// Corners are cut off as far from them as this [m], or in the middle of a shorter segment.
constexpr double CUT_M = 2.0 * TOUCH_M;
// Roundings of the largest coordinate in the place where a ray meets a surface.
constexpr double ROUNDINGS_OF_A_HIT = 32.0;

// How far f32 may be off about a point [m].
DEVICE double rounding_at(const GeometryView& geometry, const Vec3& point) {
  return ROUNDINGS_OF_A_HIT * double(ROUNDING) * larger(double(geometry.reach), largest_of(point));
}

// Whether a triangle crosses the segment between `from` and `to`, its ends included, other than those of patch `skip`.
DEVICE bool crosses_anything(const GeometryView& geometry, const Vec3& from, const Vec3& to, uint32_t skip) {
  const Vec3 along = to - from;
  const double pad = rounding_at(geometry, from);
  const Vec3 low = {smaller(from.x, to.x) - pad, smaller(from.y, to.y) - pad, smaller(from.z, to.z) - pad};
  const Vec3 high = {larger(from.x, to.x) + pad, larger(from.y, to.y) + pad, larger(from.z, to.z) + pad};
  return walk(
      geometry, [&](const WideNode& node) { return children_in(node, low, high); },
      [&](const TriangleBlock& block) {
        for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
          const uint32_t triangle = block.triangle[lane];
          if (triangle == NONE || block.patch[lane] == skip) continue;
          if (intersect_segment(from, along, corners_of(geometry, triangle)) != MISSED) return true;
        }
        return false;
      });
}

// Where a corner at `vertex` is cut off towards `end`.
DEVICE Vec3 cut_towards(const Vec3& vertex, const Vec3& end) {
  const Vec3 way = end - vertex;
  return vertex + way * smaller(CUT_M / norm(way), 0.5);
}

// Whether something other than its own `patch` stands in the corner that a path has at `vertex`, between `before` and
// `behind`.
DEVICE bool turns_through(const GeometryView& geometry, const Vec3& before, const Vec3& vertex, uint32_t patch,
                          const Vec3& behind) {
  return crosses_anything(geometry, cut_towards(vertex, before), cut_towards(vertex, behind), patch);
}

// Whether `p` is within `near` of the range of `a`, `b` and `c`.
DEVICE bool is_about(double p, double a, double b, double c, double near) {
  return p >= smaller(smaller(a, b), c) - near && p <= larger(larger(a, b), c) + near;
}

// Whether a point is within `near` [m] of a triangle's box and of its plane.
DEVICE bool is_about(const Vec3& p, const Corners& corners, double near) {
  const Vec3 &a = corners.a, &b = corners.b, &c = corners.c;
  if (!is_about(p.x, a.x, b.x, c.x, near) || !is_about(p.y, a.y, b.y, c.y, near) ||
      !is_about(p.z, a.z, b.z, c.z, near)) {
    return false;
  }
  const Vec3 normal = cross(b - a, c - a);
  return fabs(dot(normal, p - a)) <= near * norm(normal);
}

// Whether a triangle of another patch may be so near to a point of `patch` that f32 cannot tell the two apart.
DEVICE bool is_at_seam(const GeometryView& geometry, uint32_t patch, const Vec3& point) {
  const double near = CUT_M + rounding_at(geometry, point);
  // Boxes of f32 are a rounding off as well.
  const double about = 1.125 * near;
  return walk(
      geometry, [&](const WideNode& node) { return children_at(node, point, about); },
      [&](const TriangleBlock& block) {
        for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
          const uint32_t triangle = block.triangle[lane];
          if (triangle == NONE || block.patch[lane] == patch) continue;
          if (is_about(point, corners_of(geometry, triangle), near)) return true;
        }
        return false;
      });
}

// A leg of a ray: where it begins, the patch of that point or NONE, and the point before it, if it is at a seam.
struct RayLeg {
  Vec3 from, before;
  uint32_t skip;
  bool begins_at_seam;
};

// Whether f64 agrees that the leg runs to `to` on patch `at`, where f32 may be wrong: it begins at a seam, or ends at one.
DEVICE bool reaches(const GeometryView& geometry, const RayLeg& leg, const Vec3& to, uint32_t at, bool ends_at_seam) {
  if (!leg.begins_at_seam && !ends_at_seam) return true;
  if (is_blocked(geometry, leg.from, to, leg.skip, at)) return false;
  return !leg.begins_at_seam || !turns_through(geometry, leg.before, leg.from, leg.skip, to);
}
