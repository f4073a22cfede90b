// Smoothed visibility (T110) and its adjoint: the twin of src/path/smooth.
#pragma once
#include "geometry/clearance.cuh"
#include "geometry/facet.cuh"
#include "math/smoothing.cuh"
#include "path/refine_vjp.cuh"

// A chain of facets between two points, the transmitter's side first: its `images` `[facet + 1]` begin with the transmitter.
struct SoftChain {
  const uint32_t* facets;
  uint32_t depth;
  const Vec3* images;
  Vec3 receiver;
};

DEVICE const OutlineAt& outline_of_facet(const SoftAt& at, uint32_t facet) {
  return at.outlines[at.outline_of_facet[facet]];
}

// x/alpha, where 0/infinity and 0/0 are 0: how far away [m] a step's argument is.
DEVICE double over(double x, double alpha) { return x == 0.0 ? 0.0 : x / alpha; }

// alpha x, which keeps the sign of x: what a step takes.
DEVICE double times(double alpha, double x) { return x == 0.0 ? 0.0 : alpha * x; }

// Where the line from an image to a target meets a plane, continued to those on one side of it.
DEVICE Vec3 soft_meeting(const Vec3& image, const Vec3& target, const Plane& plane) {
  const double from = fabs(signed_distance(image, plane)), to = fabs(signed_distance(target, plane));
  return from + to == 0.0 ? image : image + (target - image) * (from / (from + to));
}

// What the leg unfolded at a vertex runs between: the image in its facet, and the next vertex or the receiver.
DEVICE Segment3 unfolded(const SoftChain& chain, uint32_t vertex, const Vec3* vertices) {
  return {{chain.images[vertex + 1], vertex + 1 < chain.depth ? vertices[vertex + 1] : chain.receiver}};
}

// The ends of a leg.
DEVICE Segment3 ends_of_leg(const SoftChain& chain, uint32_t leg, const Vec3* vertices) {
  return {{leg == 0 ? chain.images[0] : vertices[leg - 1], leg < chain.depth ? vertices[leg] : chain.receiver}};
}

// A bit for each child whose box comes nearer to the segment than `pad` [m].
DEVICE uint32_t children_near(const WideNode& node, const Segment3& segment, double pad) {
  const double from[3] = {segment.end[0].x, segment.end[0].y, segment.end[0].z};
  const double to[3] = {segment.end[1].x, segment.end[1].y, segment.end[1].z};
  uint32_t entered = 0;
  for (uint32_t lane = 0; lane < NODE_WIDTH; ++lane) {
    double near = 0.0, far = 1.0;
    bool apart = false;
    for (uint32_t axis = 0; axis < 3; ++axis) {
      const double inverse = 1.0 / (to[axis] - from[axis]);
      const double low = double(node.corner[0][axis][lane]) - pad, high = double(node.corner[1][axis][lane]) + pad;
      apart = apart || low > larger(from[axis], to[axis]) || high < smaller(from[axis], to[axis]);
      const double a = (low - from[axis]) * inverse, b = (high - from[axis]) * inverse;
      const double enters = inverse < 0.0 ? b : a, leaves = inverse < 0.0 ? a : b;
      // Of a segment along a side of the box, 0 x infinity is no number, and no bound.
      if (enters > near) near = enters;
      if (leaves < far) far = leaves;
    }
    entered |= uint32_t(!apart && near <= far + 1e-12) << lane;
  }
  return entered;
}

// The patch with the largest signed distance from the segment, of those not below `floor` [m] but the two `skip`, or NONE;
// of equal ones the lower. One that the segment goes through by more than `enough` [m] will do.
DEVICE uint32_t worst_obstacle(const SoftAt& at, const Segment3& segment, const uint32_t* skip, double floor,
                               double enough, ClearanceAt& worst) {
  uint32_t found = NONE;
  walk(
      at.geometry,
      [&](const WideNode& node) {
        // Boxes are rounded outwards; a hair more for what is computed here.
        return children_near(node, segment, larger(-floor, 0.0) * (1.0 + 1e-9) + 1e-9);
      },
      [&](const TriangleBlock& block) {
        uint32_t last = NONE;
        for (uint32_t lane = 0; lane < BLOCK_WIDTH; ++lane) {
          const uint32_t patch = block.patch[lane];
          // Neighbours in a leaf are often of one wall.
          if (patch == NONE || patch == last || patch == skip[0] || patch == skip[1]) continue;
          last = patch;
          const OutlineAt& outline = at.outlines[patch];
          ClearanceAt own;
          if (outline.edges == 0 || patch == found) continue;
          if (!clearance(segment, outline, at.edges + outline.first_edge, at.geometry.planes[patch], floor, own)) continue;
          if (found == NONE || own.signed_distance > worst.signed_distance ||
              (own.signed_distance == worst.signed_distance && patch < found)) {
            floor = own.signed_distance;
            worst = own;
            found = patch;
          }
        }
        return floor > enough;
      });
  return found;
}

// Heights of the last image and of the receiver over the last facet [m].
struct Heights {
  double image, receiver;
};

DEVICE Heights heights_of(const SoftAt& at, const SoftChain& chain) {
  const Plane& plane = plane_of(at.geometry, chain.facets[chain.depth - 1]);
  return {signed_distance(chain.images[chain.depth], plane), signed_distance(chain.receiver, plane)};
}

// What is kept of the field where an image and the receiver are on the same side of the last facet, and may meet. 1 for every
// path.
DEVICE double kept_of(const SoftAt& at, const SoftChain& chain) {
  if (chain.depth == 0) return 1.0;
  const Heights heights = heights_of(at, chain);
  if ((heights.image > 0.0) != (heights.receiver > 0.0)) return 1.0;
  const double apart = fabs(heights.image) + fabs(heights.receiver);
  const double length = norm(chain.receiver - chain.images[chain.depth]);
  return length < apart ? length / apart : 1.0;
}

// `s(x)` of the test that is least passed and its derivative by the test's signed distance [1/m]; of a leg, by how far it is from
// blocked.
DEVICE Step step_of(const SoftAt& at, const SoftVisibility& visibility) {
  const double distance = visibility.clearance.signed_distance;
  if (visibility.test == LEG) return smooth_step(at.kind, at.blocking, -distance);
  if (visibility.test == VERTEX) return smooth_step(at.kind, at.on_facet, distance);
  return {1.0, 0.0};
}

// The visibility of a chain, and its continued vertices into `vertices` [m]; false where it is 0.
DEVICE bool visibility_of(const SoftAt& at, const SoftChain& chain, Vec3* vertices, SoftVisibility& visibility) {
  double least = at.reach;
  visibility = {0.0, {0.0, {0.0, 0.0}, NONE, 0}, PASSED, 0, NONE, 0};
  if (norm(chain.receiver - chain.images[chain.depth]) <= IN_PLANE_M) return false;
  for (uint32_t vertex = chain.depth; vertex-- > 0;) {
    const uint32_t facet = chain.facets[vertex];
    const Plane& plane = plane_of(at.geometry, facet);
    const Segment3 segment = unfolded(chain, vertex, vertices);
    vertices[vertex] = soft_meeting(segment.end[0], segment.end[1], plane);
    const OutlineAt& outline = outline_of_facet(at, facet);
    ClearanceAt own;
    if (outline.edges == 0) return false;
    if (!clearance(segment, outline, at.edges + outline.first_edge, plane, -over(at.reach, at.on_facet), own)) return false;
    if (own.signed_distance > 0.0 && owner_at(at.geometry, facet, vertices[vertex]) != facet) return false;
    const double x = times(at.on_facet, own.signed_distance);
    if (x < least) {
      least = x;
      visibility.clearance = own;
      visibility.test = VERTEX;
      visibility.place = vertex;
    }
  }
  for (uint32_t leg = 0; leg <= chain.depth; ++leg) {
    const uint32_t* patches = at.geometry.patch_of_facet;
    const uint32_t skip[2] = {leg > 0 ? patches[chain.facets[leg - 1]] : NONE,
                              leg < chain.depth ? patches[chain.facets[leg]] : NONE};
    // What passes better than the worst known need not be looked at; what is blocked by more than the reach is no path, with a
    // hair for rounding.
    ClearanceAt own;
    const double enough = over(at.reach, at.blocking) * (1.0 + 1e-9);
    const uint32_t patch =
        worst_obstacle(at, ends_of_leg(chain, leg, vertices), skip, -over(least, at.blocking), enough, own);
    const double x = patch == NONE ? least : -times(at.blocking, own.signed_distance);
    if (x < least) {
      least = x;
      visibility.clearance = own;
      visibility.test = LEG;
      visibility.place = leg;
      visibility.patch = patch;
    }
    // Of the step itself, whose reach is 0, a test is passed that finds nothing.
    if (least <= -at.reach && least < 0.0) return false;
  }
  visibility.value = step_of(at, visibility).value * kept_of(at, chain);
  return visibility.value > 0.0;
}

// A soft chain as the adjoint of refinement sees it.
struct SoftSpan {
  const GeometryView& geometry;
  const uint32_t* facets;
  const Vec3* vertices;
  const Vec3* vertices_bar;
  const Vec3* images_bar;
  uint32_t count;
};

DEVICE const Plane& plane_along(const SoftSpan& span, uint32_t i) { return plane_of(span.geometry, span.facets[i]); }
DEVICE Vec3 vertex_along(const SoftSpan& span, uint32_t i) { return span.vertices[i]; }
DEVICE bool has_points(const SoftSpan&) { return true; }
DEVICE Vec3 point_bar_along(const SoftSpan& span, uint32_t i) { return span.vertices_bar[i]; }
DEVICE Vec3 image_bar_along(const SoftSpan& span, uint32_t i) { return span.images_bar[i]; }

// Bars on the way, each begun with zero: of images `[facet + 1]`, and of vertices and planes `[facet]`.
struct SoftBars {
  Vec3* images;
  Vec3* vertices;
  PlaneBar* planes;
};

DEVICE void kept_vjp(const SoftAt& at, const SoftChain& chain, double kept_bar, const SoftBars& bars, Vec3& to_bar) {
  const double kept = kept_of(at, chain);
  if (kept == 1.0) return;
  const Heights heights = heights_of(at, chain);
  const Vec3 image = chain.images[chain.depth], n = vec3(plane_of(at.geometry, chain.facets[chain.depth - 1]).normal);
  const double apart = fabs(heights.image) + fabs(heights.receiver);
  const Vec3 whole = chain.receiver - image, along = whole / norm(whole) * (kept_bar / apart);
  const double image_bar = -kept_bar * kept / apart * copysign(1.0, heights.image);
  const double receiver_bar = -kept_bar * kept / apart * copysign(1.0, heights.receiver);
  bars.images[chain.depth] += n * image_bar - along;
  to_bar += n * receiver_bar + along;
  PlaneBar& plane_bar = bars.planes[chain.depth - 1];
  plane_bar.normal += image * image_bar + chain.receiver * receiver_bar;
  plane_bar.offset -= image_bar + receiver_bar;
}

// The adjoint of the test that is least passed: bars of its segment's ends go to what they are, those of the outline to `own`.
DEVICE void test_vjp(const SoftAt& at, const SoftChain& chain, const Vec3* vertices, const SoftVisibility& visibility,
                     double x_bar, const SoftBars& bars, Vec3& to_bar, ClearanceBar& own) {
  const uint32_t place = visibility.place, depth = chain.depth;
  if (visibility.test == LEG) {
    const OutlineAt& outline = at.outlines[visibility.patch];
    clearance_vjp(ends_of_leg(chain, place, vertices), at.edges + outline.first_edge, at.geometry.planes[visibility.patch],
                  visibility.clearance, -x_bar, own);
    (place == 0 ? bars.images[0] : bars.vertices[place - 1]) += own.segment[0];
    (place == depth ? to_bar : bars.vertices[place]) += own.segment[1];
  } else if (visibility.test == VERTEX) {
    const uint32_t facet = chain.facets[place];
    clearance_vjp(unfolded(chain, place, vertices), at.edges + outline_of_facet(at, facet).first_edge,
                  plane_of(at.geometry, facet), visibility.clearance, x_bar, own);
    bars.images[place + 1] += own.segment[0];
    (place + 1 == depth ? to_bar : bars.vertices[place + 1]) += own.segment[1];
  }
}

// The adjoint of `visibility_of` with the `vertices` that it made: bars of the ends, of the outline that the test is of, and of the
// chain's planes, which it overwrites. `images` `[facet + 1]` is scratch.
DEVICE SoftBar visibility_vjp(const SoftAt& at, const SoftChain& chain, const Vec3* vertices,
                              const SoftVisibility& visibility, double value_bar, const SoftBars& bars, Image* images) {
  const Vec3 zero{0.0, 0.0, 0.0};
  for (uint32_t i = 0; i < chain.depth; ++i) {
    bars.vertices[i] = zero;
    bars.planes[i] = {zero, 0.0};
  }
  for (uint32_t i = 0; i <= chain.depth; ++i) bars.images[i] = zero;
  Vec3 from_bar = zero, to_bar = zero, end_bar = zero;
  ClearanceBar own = {{zero, zero}, zero, 0.0, {zero, zero}};
  const Step step = step_of(at, visibility);
  kept_vjp(at, chain, value_bar * step.value, bars, end_bar);
  test_vjp(at, chain, vertices, visibility, value_bar * kept_of(at, chain) * step.slope, bars, end_bar, own);
  const SoftSpan span{at.geometry, chain.facets, vertices, bars.vertices, bars.images, chain.depth};
  to_bar += end_bar;
  refine_vjp(span, chain.images[0], chain.receiver, RefinedBar{zero, zero, 0.0}, from_bar, to_bar, bars.planes, images);
  return {{from_bar.x, from_bar.y, from_bar.z},
          {to_bar.x, to_bar.y, to_bar.z},
          {own.normal.x, own.normal.y, own.normal.z},
          own.offset,
          {{own.edge[0].x, own.edge[0].y, own.edge[0].z}, {own.edge[1].x, own.edge[1].y, own.edge[1].z}}};
}
