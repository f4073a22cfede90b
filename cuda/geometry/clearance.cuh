// How far a segment is from being blocked, or from being free (T109): the twin of src/geometry/clearance.rs.
#pragma once
#include "constants.cuh"
#include "geometry/traverse.cuh"

struct Segment3 {
  Vec3 end[2];
};

DEVICE Segment3 ends_of(const OutlineEdge& edge) { return {{vec3(edge.ends[0]), vec3(edge.ends[1])}}; }

// Bars of what a signed distance is made of: the segment's ends, the plane, and the ends of the edge in question.
struct ClearanceBar {
  Vec3 segment[2], normal;
  double offset;
  Vec3 edge[2];
};

// A point of a segment by its parameter, and how far it is from another [m].
struct Nearest {
  double t, distance;
};

DEVICE Nearest point_to_segment(const Vec3& p, const Vec3& from, const Vec3& to) {
  const Vec3 along = to - from;
  const double length = dot(along, along);
  const double t = length > 0.0 ? smaller(larger(dot(p - from, along) / length, 0.0), 1.0) : 0.0;
  return {t, norm(p - from - along * t)};
}

// Nearest points of two segments: their parameters, and their distance [m].
struct Between {
  double at[2], distance;
};

DEVICE Between between_segments(const Segment3& a, const Segment3& b) {
  const Vec3 u = a.end[1] - a.end[0], v = b.end[1] - b.end[0], w = a.end[0] - b.end[0];
  const double uu = dot(u, u), uv = dot(u, v), vv = dot(v, v), uw = dot(u, w), vw = dot(v, w);
  const double denominator = uu * vv - uv * uv;
  // Lines that are not parallel have one pair of nearest points, which counts where it is within both.
  if (denominator > PARALLEL * uu * vv) {
    const double s = (uv * vw - vv * uw) / denominator, t = (uu * vw - uv * uw) / denominator;
    if (0.0 <= s && s <= 1.0 && 0.0 <= t && t <= 1.0) return {{s, t}, norm(w + u * s - v * t)};
  }
  // Otherwise an end of one is nearest.
  Between best = {{0.0, 0.0}, INFINITY};
  for (uint32_t k = 0; k < 2; ++k) {
    const Nearest on_b = point_to_segment(a.end[k], b.end[0], b.end[1]);
    if (on_b.distance < best.distance) best = {{double(k), on_b.t}, on_b.distance};
    const Nearest on_a = point_to_segment(b.end[k], a.end[0], a.end[1]);
    if (on_a.distance < best.distance) best = {{on_a.t, double(k)}, on_a.distance};
  }
  return best;
}

// A distance [m] that the segment and the outline's piece are apart at least; below 0 if they need not be.
DEVICE double distance_to_ball(const Segment3& segment, const OutlineAt& outline) {
  return point_to_segment(vec3(outline.middle), segment.end[0], segment.end[1]).distance - outline.radius;
}

// Whether a point, projected to the plane, lies inside the outline: the edges turn about it once or more.
DEVICE bool is_inside(const OutlineAt& outline, const OutlineEdge* edges, const Vec3& n, const Vec3& p) {
  double turned = 0.0;
  for (uint32_t i = 0; i < outline.edges; ++i) {
    const Segment3 edge = ends_of(edges[i]);
    const Vec3 a = edge.end[0] - p, b = edge.end[1] - p;
    const double across = dot(n, cross(a, b));
    if (outline.is_convex && !(across > 0.0)) return false;
    if (!outline.is_convex) {
      const Vec3 flat_a = a - n * dot(n, a), flat_b = b - n * dot(n, b);
      turned += atan2(across, dot(flat_a, flat_b));
    }
  }
  return outline.is_convex || turned > PI;
}

// The signed distance of the segment and the piece within an outline, which has edges; false if it is below `floor` [m].
DEVICE bool clearance(const Segment3& segment, const OutlineAt& outline, const OutlineEdge* edges, const Plane& plane,
                      double floor, ClearanceAt& best) {
  if (-distance_to_ball(segment, outline) < floor) return false;
  const Vec3 n = vec3(plane.normal);
  const double heights[2] = {dot(n, segment.end[0]) - plane.offset, dot(n, segment.end[1]) - plane.offset};
  const bool crosses_plane = (heights[0] > 0.0) != (heights[1] > 0.0);
  if (!crosses_plane && -smaller(fabs(heights[0]), fabs(heights[1])) < floor) return false;
  Between nearest = {{0.0, 0.0}, INFINITY};
  uint32_t edge = 0;
  for (uint32_t i = 0; i < outline.edges; ++i) {
    const Between own = between_segments(segment, ends_of(edges[i]));
    if (own.distance < nearest.distance) {
      nearest = own;
      edge = i;
    }
  }
  bool is_through = false;
  if (crosses_plane) {
    const double t = heights[0] / (heights[0] - heights[1]);
    is_through = is_inside(outline, edges, n, segment.end[0] + (segment.end[1] - segment.end[0]) * t);
  }
  best = {is_through ? nearest.distance : -nearest.distance, {nearest.at[0], nearest.at[1]}, edge, 0};
  for (uint32_t end = 0; end < 2; ++end) {
    const double own = fabs(heights[end]);
    // On the way through, ends count wherever they are: the plane is all that parts them from being free.
    if (own < fabs(best.signed_distance) && (is_through || is_inside(outline, edges, n, segment.end[end]))) {
      best = {is_through ? own : -own, {0.0, 0.0}, NONE, end};
    }
  }
  return best.signed_distance >= floor;
}

// The unit vector along which the segment's point has to move for the signed distance to grow.
DEVICE Vec3 inward_between(const Segment3& segment, const Segment3& edge, const Vec3& n, const ClearanceAt& at) {
  const Vec3 d = segment.end[1] - segment.end[0], e = edge.end[1] - edge.end[0];
  const Vec3 apart = segment.end[0] + d * at.at[0] - edge.end[0] - e * at.at[1];
  if (norm(apart) > TOUCHING_M) return apart / norm(apart) * copysign(1.0, at.signed_distance);
  const Vec3 across = cross(d, e), inward = cross(n, e) / norm(cross(n, e));
  const double size = norm(across);
  if (!(size > ALONG * norm(d) * norm(e))) return inward;
  const Vec3 unit = across / size;
  return unit * copysign(1.0, dot(unit, inward));
}

// The adjoint of `clearance`: adds to the bars.
DEVICE void clearance_vjp(const Segment3& segment, const OutlineEdge* edges, const Plane& plane, const ClearanceAt& at,
                          double signed_bar, ClearanceBar& bar) {
  const Vec3 n = vec3(plane.normal);
  if (at.edge == NONE) {
    const Vec3 own = segment.end[at.end], other = segment.end[1 - at.end];
    double side = dot(n, own) - plane.offset;
    // In the plane: beyond it is what has the other end's side.
    if (side == 0.0) side = -(dot(n, other) - plane.offset);
    const double height_bar = signed_bar * copysign(1.0, at.signed_distance) * copysign(1.0, side);
    bar.segment[at.end] += n * height_bar;
    bar.normal += own * height_bar;
    bar.offset -= height_bar;
    return;
  }
  const Vec3 inward = inward_between(segment, ends_of(edges[at.edge]), n, at);
  // Points at parameters that are best do not move the distance to first order.
  const double s = at.at[0], t = at.at[1];
  bar.segment[0] += inward * (signed_bar * (1.0 - s));
  bar.segment[1] += inward * (signed_bar * s);
  bar.edge[0] -= inward * (signed_bar * (1.0 - t));
  bar.edge[1] -= inward * (signed_bar * t);
}
