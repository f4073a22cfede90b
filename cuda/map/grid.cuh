// The cells of a map on a plane: the twin of what src/map/grid.rs does for rays.
#pragma once
#include "layout.cuh"
#include "math/vector.cuh"

// The point at (`u`, `v`), in cells from the corner [m].
DEVICE Vec3 point_at(const SheetAt& sheet, double u, double v) {
  return vec3(sheet.corner) + vec3(sheet.step_u) * u + vec3(sheet.step_v) * v;
}

// The cell of a point of the plane, or NONE if it is in none.
DEVICE uint32_t cell_at(const SheetAt& sheet, const Vec3& point) {
  const Vec3 from_corner = point - vec3(sheet.corner), step_u = vec3(sheet.step_u), step_v = vec3(sheet.step_v);
  const double u = floor(dot(from_corner, step_u) / dot(step_u, step_u));
  const double v = floor(dot(from_corner, step_v) / dot(step_v, step_v));
  if (!(u >= 0.0 && v >= 0.0 && u < double(sheet.cells[0]) && v < double(sheet.cells[1]))) return NONE;
  return uint32_t(v) * sheet.cells[0] + uint32_t(u);
}
