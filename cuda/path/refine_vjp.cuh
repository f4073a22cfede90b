// The adjoint of where a chain of reflections runs between two points (T91): the twin of `refine_vjp` of
// src/path/refine.rs.
#pragma once
#include "interaction/reflection.cuh"
#include "math/frame.cuh"
#include "path/beam.cuh"

// Bars of a plane: of its unit normal and of its offset.
struct PlaneBar {
  Vec3 normal;
  double offset;
};
static_assert(sizeof(PlaneBar) == sizeof(double) * PLANE_BAR, "PLANE_BAR");

// Bars of what a chain of reflections between two points amounts to.
struct RefinedBar {
  Vec3 departure, arrival;
  double length;
};

// An image of a chain's first end and its bar.
struct Image {
  Vec3 at, bar;
};
static_assert(sizeof(Image) == sizeof(double) * IMAGE, "IMAGE");

// A chain of reflections in a part of a path: `count` places `[reflection]`, their points in the coordinates of the scene
// file, whose bars follow those of the first one in `points_bar`, unless that is 0.
struct Span {
  const Plane* planes;
  const PlacedVertex* places;
  const ReplayedVertex* vertices;
  const double* points_bar;
  Vec3 origin;
  uint32_t count;
};

DEVICE const Plane& plane_along(const Span& span, uint32_t i) { return span.planes[span.places[i].patch]; }
DEVICE Vec3 vertex_along(const Span& span, uint32_t i) { return vec3(span.vertices[i].position) - span.origin; }
DEVICE bool has_points(const Span& span) { return span.points_bar; }
DEVICE Vec3 point_bar_along(const Span& span, uint32_t i) { return vec3(span.points_bar + 3 * size_t(i)); }
DEVICE Vec3 image_bar_along(const Span&, uint32_t) { return {0.0, 0.0, 0.0}; }

// The adjoint of the vertices (T45): adds to the bars of planes and images, and returns that of the last end.
template <class Chain>
DEVICE Vec3 vertices_vjp(const Chain& span, const Vec3& to, PlaneBar* planes_bar, Image* images) {
  Vec3 passed_on{0.0, 0.0, 0.0};
  if (!has_points(span)) return passed_on;
  for (uint32_t i = 0; i < span.count; ++i) {
    const Plane& plane = plane_along(span, i);
    const Vec3 image = images[i + 1].at, next = i + 1 < span.count ? vertex_along(span, i + 1) : to;
    const Vec3 n = vec3(plane.normal), vertex_bar = point_bar_along(span, i) + passed_on;
    const double s = signed_distance(image, plane), next_s = signed_distance(next, plane);
    // v_i = I_i + (v_{i+1} - I_i) t, t = |s|/(|s| + |s'|), which is s/(s - s') where the plane parts the two.
    const double apart = fabs(s) + fabs(next_s), over = apart > 0.0 ? 1.0 / apart : 0.0;
    const double t = fabs(s) * over, t_bar = dot(next - image, vertex_bar) * over * over;
    const double s_bar = t_bar * fabs(next_s) * copysign(1.0, s);
    const double next_s_bar = -t_bar * fabs(s) * copysign(1.0, next_s);
    planes_bar[i].normal += image * s_bar + next * next_s_bar;
    planes_bar[i].offset -= s_bar + next_s_bar;
    images[i + 1].bar += vertex_bar * (1.0 - t) + n * s_bar;
    passed_on = vertex_bar * t + n * next_s_bar;
  }
  return passed_on;
}

// The adjoint of a span between `from` and `to` (T44, T45, T91); adds to the bars of the ends and of the planes. `images`
// `[reflection + 1]` is scratch. A chain is a `Span`, or whatever answers the same questions: its planes, its vertices, their bars
// and those of its images.
template <class Chain>
DEVICE void refine_vjp(const Chain& span, const Vec3& from, const Vec3& to, const RefinedBar& bar, Vec3& from_bar,
                       Vec3& to_bar, PlaneBar* planes_bar, Image* images) {
  const Vec3 zero{0.0, 0.0, 0.0};
  images[0] = {from, image_bar_along(span, 0)};
  for (uint32_t i = 0; i < span.count; ++i) {
    images[i + 1] = {mirror(images[i].at, plane_along(span, i)), image_bar_along(span, i + 1)};
  }
  const Vec3 whole = to - images[span.count].at;
  const double length = norm(whole);
  const Vec3 arrival = whole / length;
  // The directions before the last are mirrored back one by one.
  Vec3 k = arrival, arrival_bar = bar.departure;
  for (uint32_t i = span.count; i-- > 0;) k = mirror(k, vec3(plane_along(span, i).normal));
  for (uint32_t i = 0; i < span.count; ++i) {
    const Vec3 n = vec3(plane_along(span, i).normal);
    Vec3 behind_bar = zero;
    k = mirror(k, n);
    mirror_vjp(k, n, arrival_bar, behind_bar, planes_bar[i].normal);
    arrival_bar = behind_bar;
  }
  const Vec3 whole_bar = normalized_vjp(arrival, length, arrival_bar + bar.arrival) + arrival * bar.length;
  images[span.count].bar -= whole_bar;
  to_bar += whole_bar + vertices_vjp(span, to, planes_bar, images);
  for (uint32_t i = span.count; i-- > 0;) {
    const Plane& plane = plane_along(span, i);
    const Vec3 n = vec3(plane.normal), before = images[i].at, image_bar = images[i + 1].bar;
    // I_i = I_{i-1} - 2 s n, s = n.I_{i-1} - d.
    const double s = signed_distance(before, plane), s_bar = -2.0 * dot(n, image_bar);
    planes_bar[i].normal += before * s_bar - image_bar * (2.0 * s);
    planes_bar[i].offset -= s_bar;
    images[i].bar += image_bar + n * s_bar;
  }
  from_bar += images[0].bar;
}
