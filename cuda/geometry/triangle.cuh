// Rays in f32, and the exact tests of triangles in f64 (T42, T43): the twin of src/geometry/triangle.rs.
#pragma once
#include "layout.cuh"
#include "math/vector.cuh"

// What a ray is where it meets boxes.
struct Slabs {
  float near_origin[3];
  float far_origin[3];
  float inverse[3];
  uint32_t near_corner[3];
};

// A ray in f32, with the shear that takes its direction to the z axis.
struct Ray {
  Slabs slabs;
  // The axes in the order (x, y, z) of the sheared frame: z is the direction's largest component.
  uint32_t axes[3];
  // Origin [m], in the order of `axes`.
  float origin[3];
  // What the shear takes off x and y for each unit of z, and the scale of z.
  float shear[3];
};

// A component by its number, without an array: arrays that are indexed live in slow memory.
DEVICE float pick(uint32_t axis, float x, float y, float z) { return axis == 0 ? x : axis == 1 ? y : z; }

DEVICE Ray padded_ray(const float* origin, const float* direction, float pad) {
  const float size[3] = {fabsf(direction[0]), fabsf(direction[1]), fabsf(direction[2])};
  const uint32_t kz = size[0] > size[1] && size[0] > size[2] ? 0u : 1u + uint32_t(size[2] >= size[1]);
  uint32_t kx = kz == 2 ? 0 : kz + 1, ky = kx == 2 ? 0 : kx + 1;
  const float along = pick(kz, direction[0], direction[1], direction[2]);
  if (along < 0.0f) {  // Swapping keeps the winding.
    const uint32_t other = kx;
    kx = ky;
    ky = other;
  }
  Ray ray;
  const uint32_t axes[3] = {kx, ky, kz};
  for (int i = 0; i < 3; ++i) {
    ray.axes[i] = axes[i];
    ray.origin[i] = pick(axes[i], origin[0], origin[1], origin[2]);
  }
  ray.shear[0] = pick(kx, direction[0], direction[1], direction[2]) / along;
  ray.shear[1] = pick(ky, direction[0], direction[1], direction[2]) / along;
  ray.shear[2] = 1.0f / along;
  for (int axis = 0; axis < 3; ++axis) {
    const float inverse = 1.0f / direction[axis];
    const float shift = copysignf(pad, inverse);
    ray.slabs.inverse[axis] = inverse;
    ray.slabs.near_origin[axis] = origin[axis] + shift;
    ray.slabs.far_origin[axis] = origin[axis] - shift;
    ray.slabs.near_corner[axis] = inverse < 0.0f ? 1u : 0u;
  }
  return ray;
}

// A ray from `origin` along `direction`.
DEVICE Ray ray_from(const Vec3& origin, const Vec3& direction) {
  const float from[3] = {float(origin.x), float(origin.y), float(origin.z)};
  const float along[3] = {float(direction.x), float(direction.y), float(direction.z)};
  return padded_ray(from, along, 0.0f);
}

// The segment from `from` over `along`, no coordinate beyond `reach` [m], as a ray that enters every box it touches.
DEVICE Ray ray_along_segment(const Vec3& from, const Vec3& along, float reach) {
  const float start[3] = {float(from.x), float(from.y), float(from.z)};
  const float way[3] = {float(along.x), float(along.y), float(along.z)};
  return padded_ray(start, way, ROUNDINGS_OF_A_SLAB * ROUNDING * reach);
}

// The error of a sheared coordinate, where no coordinate is beyond `reach` [m].
DEVICE float margin_of(float reach) { return ROUNDINGS_OF_AN_EDGE * ROUNDING * reach; }

struct Corners {
  Vec3 a, b, c;
};

DEVICE Corners corners_of(const GeometryView& geometry, uint32_t triangle) {
  const uint32_t* vertex = geometry.triangles + 3 * size_t(triangle);
  return {vec3(geometry.vertices + 3 * size_t(vertex[0])), vec3(geometry.vertices + 3 * size_t(vertex[1])),
          vec3(geometry.vertices + 3 * size_t(vertex[2]))};
}

// What `intersect_segment` answers where the segment misses.
constexpr double MISSED = -1.0;

// Parameter in [0, 1] at which the segment from `p` along `d` crosses the triangle, edges included, or MISSED (T43).
DEVICE double intersect_segment(const Vec3& p, const Vec3& d, const Corners& corners) {
  const Vec3 a = corners.a - p, b = corners.b - p, c = corners.c - p;
  // Signed volumes of the tetrahedra that the segment makes with each edge.
  const double u = dot(d, cross(c, b));
  const double v = dot(d, cross(a, c));
  const double w = dot(d, cross(b, a));
  if (!((u >= 0.0 && v >= 0.0 && w >= 0.0) || (u <= 0.0 && v <= 0.0 && w <= 0.0))) return MISSED;
  const Vec3 normal = cross(b - a, c - a);
  const double speed = dot(normal, d);
  if (speed == 0.0) return MISSED;
  const double t = dot(normal, a) / speed;
  return t >= 0.0 && t <= 1.0 ? t : MISSED;
}

DEVICE bool is_inside_edge(const Vec3& from, const Vec3& to, const Vec3& normal, double sign, const Vec3& p,
                           double tolerance) {
  const Vec3 edge = to - from;
  // The distance of p from the edge's line, inwards, times the edge's length.
  return sign * dot(cross(edge, p - from), normal) >= -tolerance * norm(edge);
}

// Whether `p`, projected along `normal`, lies in the triangle or within `tolerance` [m] of its edges' lines.
DEVICE bool contains(const Corners& t, const Vec3& normal, const Vec3& p, double tolerance) {
  const double sign = copysign(1.0, dot(cross(t.b - t.a, t.c - t.a), normal));
  return is_inside_edge(t.a, t.b, normal, sign, p, tolerance) && is_inside_edge(t.b, t.c, normal, sign, p, tolerance) &&
         is_inside_edge(t.c, t.a, normal, sign, p, tolerance);
}
