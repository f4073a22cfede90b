// The two hot tests, eight boxes and four triangles at a time: the twin of src/geometry/simd, bit for bit its scalar
// reference.
#pragma once
#include "geometry/triangle.cuh"

// The distances at which a ray enters each child's box, and a bit for each child that it enters before `limit`. A ray in
// a box's face is in the box: 0 x inf is not a number and drops out.
struct Entered {
  float entry[NODE_WIDTH];
  uint32_t mask;
};

DEVICE Entered enter(const Slabs& slabs, const WideNode& node, float limit) {
  Entered entered;
  float far[NODE_WIDTH];
  for (uint32_t lane = 0; lane < NODE_WIDTH; ++lane) {
    entered.entry[lane] = 0.0f;
    far[lane] = limit;
  }
  for (uint32_t axis = 0; axis < 3; ++axis) {
    const uint32_t near_corner = slabs.near_corner[axis];
    const float* first = node.corner[near_corner][axis];
    const float* last = node.corner[1 - near_corner][axis];
    for (uint32_t half = 0; half < NODE_WIDTH; half += 4) {
      const Four near_side = load_four(first + half), far_side = load_four(last + half);
      for (uint32_t i = 0; i < 4; ++i) {
        const float enters = (near_side.lane[i] - slabs.near_origin[axis]) * slabs.inverse[axis];
        const float leaves = (far_side.lane[i] - slabs.far_origin[axis]) * slabs.inverse[axis];
        entered.entry[half + i] = larger(entered.entry[half + i], enters);
        far[half + i] = smaller(far[half + i], leaves);
      }
    }
  }
  entered.mask = 0;
  for (uint32_t lane = 0; lane < NODE_WIDTH; ++lane) {
    entered.mask |= uint32_t(entered.entry[lane] <= far[lane] * SLAB_SLACK) << lane;
  }
  return entered;
}

// Whether a ray enters the box of one child before `limit`.
DEVICE bool enters_child(const Slabs& slabs, const WideNode& node, uint32_t lane, float limit) {
  float near = 0.0f, far = limit;
  for (uint32_t axis = 0; axis < 3; ++axis) {
    const uint32_t near_corner = slabs.near_corner[axis];
    const float first = node.corner[near_corner][axis][lane], last = node.corner[1 - near_corner][axis][lane];
    near = larger(near, (first - slabs.near_origin[axis]) * slabs.inverse[axis]);
    far = smaller(far, (last - slabs.far_origin[axis]) * slabs.inverse[axis]);
  }
  return near <= far * SLAB_SLACK;
}

// The edge functions of a triangle (T42), and of each corner: its distance along the ray, and how far it lies off the
// ray, |x| + |y|, in sheared coordinates.
struct Edges {
  float edge[3];
  float z[3];
  float size[3];
};

// The corners of four triangles in sheared coordinates.
struct Sheared {
  float x[3][BLOCK_WIDTH];
  float y[3][BLOCK_WIDTH];
  float z[3][BLOCK_WIDTH];
};

DEVICE Sheared shear(const Ray& ray, const TriangleBlock& block) {
  Sheared sheared;
  for (uint32_t corner = 0; corner < 3; ++corner) {
    const Four x = load_four(block.corner[corner][ray.axes[0]]);
    const Four y = load_four(block.corner[corner][ray.axes[1]]);
    const Four z = load_four(block.corner[corner][ray.axes[2]]);
    for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
      const float along = z.lane[lane] - ray.origin[2];
      sheared.x[corner][lane] = (x.lane[lane] - ray.origin[0]) - ray.shear[0] * along;
      sheared.y[corner][lane] = (y.lane[lane] - ray.origin[1]) - ray.shear[1] * along;
      sheared.z[corner][lane] = ray.shear[2] * along;
    }
  }
  return sheared;
}

DEVICE Edges edges_of(const Sheared& s, uint32_t lane) {
  Edges e;
  e.edge[0] = s.x[2][lane] * s.y[1][lane] - s.y[2][lane] * s.x[1][lane];
  e.edge[1] = s.x[0][lane] * s.y[2][lane] - s.y[0][lane] * s.x[2][lane];
  e.edge[2] = s.x[1][lane] * s.y[0][lane] - s.y[1][lane] * s.x[0][lane];
  for (uint32_t corner = 0; corner < 3; ++corner) {
    e.z[corner] = s.z[corner][lane];
    e.size[corner] = fabsf(s.x[corner][lane]) + fabsf(s.y[corner][lane]);
  }
  return e;
}

// Where a ray meets each triangle of a leaf (T42), and a bit for each that it meets between 0 and `limit`.
struct Met {
  float t[BLOCK_WIDTH];
  uint32_t mask;
};

DEVICE Met meet(const Ray& ray, const TriangleBlock& block, float limit) {
  const Sheared sheared = shear(ray, block);
  Met met;
  met.mask = 0;
  for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
    const Edges e = edges_of(sheared, lane);
    const float u = e.edge[0], v = e.edge[1], w = e.edge[2];
    const float determinant = u + v + w;
    met.t[lane] = (u * e.z[0] + v * e.z[1] + w * e.z[2]) / determinant;
    // A lane without a triangle is not a number and fails this; a triangle seen edge-on has no determinant.
    const bool inside = (u >= 0.0f && v >= 0.0f && w >= 0.0f) || (u <= 0.0f && v <= 0.0f && w <= 0.0f);
    const bool counts = inside && determinant != 0.0f && met.t[lane] >= 0.0f && met.t[lane] <= limit;
    met.mask |= uint32_t(counts) << lane;
  }
  return met;
}

// What f32 can say of a segment's line and four triangles: a bit for each. A triangle with neither bit is missed.
struct Crossing {
  uint32_t perhaps;
  uint32_t surely;
  float t[BLOCK_WIDTH];
  float slack[BLOCK_WIDTH];
};

DEVICE Crossing cross(const Ray& ray, float margin, const TriangleBlock& block) {
  const Sheared sheared = shear(ray, block);
  Crossing crossing;
  crossing.perhaps = 0;
  crossing.surely = 0;
  for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
    const Edges e = edges_of(sheared, lane);
    const float u = e.edge[0], v = e.edge[1], w = e.edge[2];
    const float a = e.size[0] + margin, b = e.size[1] + margin, c = e.size[2] + margin;
    const float du = (b + c) * margin, dv = (c + a) * margin, dw = (a + b) * margin;
    const bool perhaps = (u >= -du && v >= -dv && w >= -dw) || (u <= du && v <= dv && w <= dw);
    const bool surely = (u > du && v > dv && w > dw) || (u < -du && v < -dv && w < -dw);
    crossing.perhaps |= uint32_t(perhaps) << lane;
    crossing.surely |= uint32_t(surely) << lane;
    const float determinant = u + v + w;
    const float farthest = larger(larger(fabsf(e.z[0]), fabsf(e.z[1])), fabsf(e.z[2]));
    crossing.t[lane] = (u * e.z[0] + v * e.z[1] + w * e.z[2]) / determinant;
    crossing.slack[lane] = (du + dv + dw) * farthest * 2.0f / fabsf(determinant) + margin * fabsf(ray.shear[2]);
  }
  return crossing;
}
