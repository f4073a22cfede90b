// Points that are attached to a triangle (T93): the twin of src/geometry/attached.rs.
#pragma once
#include "geometry/triangle.cuh"

// Barycentric coordinates.
struct Shares {
  double a, b, c;
};

// The barycentric coordinates of a point's projection on a triangle's plane [-].
DEVICE Shares barycentric(const Corners& corners, const Vec3& point) {
  const Vec3 u = corners.b - corners.a, v = corners.c - corners.a, w = point - corners.a;
  const Vec3 across = cross(u, v);
  const double square = dot(across, across);
  const double along_u = dot(cross(w, v), across) / square, along_v = dot(cross(u, w), across) / square;
  return {1.0 - along_u - along_v, along_u, along_v};
}

// The adjoint of an attached point that stands for `area` [m2]: the bars of the triangle's corners.
DEVICE Corners attached_vjp(const Corners& corners, const Vec3& point, double area, const Vec3& point_bar,
                            double area_bar) {
  const Vec3 u = corners.b - corners.a, v = corners.c - corners.a;
  const Vec3 across = cross(u, v);
  // d ln|u x v| = n . (du x v + u x dv)/|u x v|.
  const Vec3 relative = across * (area_bar * area / dot(across, across));
  const Vec3 u_bar = cross(v, relative), v_bar = cross(relative, u);
  const Shares at = barycentric(corners, point);
  return {point_bar * at.a - u_bar - v_bar, point_bar * at.b + u_bar, point_bar * at.c + v_bar};
}
