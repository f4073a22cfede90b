// Guided ray launch: the twin of src/path/launch.rs. Rays fly in f32; where they meet a plane is put back into it in f64.
#pragma once
#include "math/random.cuh"
#include "path/beam.cuh"

// The facet that owns a point where a ray met a triangle (T41).
DEVICE uint32_t owner_of_hit(const GeometryView& geometry, const Hit& hit, const Vec3& point) {
  const uint32_t facet = geometry.facet_of_triangle[hit.triangle];
  const bool is_alone = geometry.patch_offsets[hit.patch + 1] - geometry.patch_offsets[hit.patch] == 1;
  return is_alone ? facet : owner_at(geometry, facet, point);
}

// Follows a ray, which starts from patch `skip` or NONE, through specular reflections and writes the facet of each into `chain`, as long as the depth; what is left
// of it becomes NONE.
DEVICE void follow_ray(const GeometryView& geometry, Vec3 origin, Vec3 direction, uint32_t skip, uint32_t depth,
                       uint32_t* chain) {
  uint32_t met = 0;
  while (met < depth) {
    const Hit hit = closest_hit(geometry, ray_from(origin, direction), skip);
    if (hit.triangle == NONE) break;
    origin = origin + direction * double(hit.t);
    chain[met++] = owner_of_hit(geometry, hit, origin);
    // Back into the plane, then onwards along the mirrored direction.
    const Plane& plane = geometry.planes[hit.patch];
    const Vec3 normal = vec3(plane.normal);
    origin = origin - normal * signed_distance(origin, plane);
    direction = direction - normal * (2.0 * dot(direction, normal));
    skip = hit.patch;
  }
  for (; met < depth; ++met) chain[met] = NONE;
}

// Where the rays of a window go (src/path/launch.rs, Aim).
constexpr uint32_t AIM_RIM = 1;

// The point of a window at the quantile `area` of its fan of triangles, and at (`s`, `t`) within the triangle.
DEVICE Vec3 point_in_window(const AimedWindow& window, const double* corners, double area, double s, double t) {
  const double wanted = area * window.area;
  const Vec3 apex = vec3(corners);
  const uint32_t triangles = window.corners - 2;
  double up_to = 0.0;
  uint32_t triangle = 0;
  for (;; ++triangle) {
    const Vec3 p = vec3(corners + 3 * (triangle + 1)), q = vec3(corners + 3 * (triangle + 2));
    up_to += norm(cross(p - apex, q - apex)) / 2.0;
    if (wanted <= up_to || triangle + 1 == triangles) break;
  }
  const double root = sqrt(s);
  const Vec3 p = vec3(corners + 3 * (triangle + 1)), q = vec3(corners + 3 * (triangle + 2));
  return apex + (p - apex) * (root * (1.0 - t)) + (q - apex) * (root * t);
}

// The point at the quantile `along` of a window's rim, moved out of it by the quantile `past` of the distances past it.
DEVICE Vec3 point_past_rim(const AimedWindow& window, const double* corners, double along, double past) {
  double left = along * window.perimeter;
  uint32_t at = 0;
  for (; at + 1 < window.corners; ++at) {
    const double length = norm(vec3(corners + 3 * (at + 1)) - vec3(corners + 3 * at));
    if (!(left > length)) break;
    left -= length;
  }
  const Vec3 from = vec3(corners + 3 * at), to = vec3(corners + 3 * ((at + 1) % window.corners));
  const Vec3 edge = direction_or_zero(to - from);
  const Vec3 inwards = vec3(window.middle) - from;
  const Vec3 outwards = direction_or_zero(edge * dot(inwards, edge) - inwards);
  const double doublings = past * DOUBLINGS, whole = floor(doublings);
  const double times = double(1u << uint32_t(whole)) * (1.0 + (doublings - whole));
  return from + edge * left + outwards * (sqrt(window.area) * PAST_RIM * times);
}

// The direction from the source of ray number `ray` of a window, `corners` and `facets` being the batch's.
DEVICE Vec3 aim(const GeometryView& geometry, const Vec3& source, const AimedWindow& window, uint32_t ray,
                const double* corners, const uint32_t* facets) {
  const double* own = corners + 3 * size_t(window.corner);
  const Words words = philox({{ray, window.turn, window.aim, 0}}, uint32_t(window.key), uint32_t(window.key >> 32));
  const double first = unit_interval(words.word[0]), second = unit_interval(words.word[1]),
               third = unit_interval(words.word[2]);
  const double stratum = (double(ray) + first) / double(window.rays);
  Vec3 point = window.aim == AIM_RIM ? point_past_rim(window, own, stratum, second)
                                     : point_in_window(window, own, stratum, second, third);
  // Seen from the source: mirrored back in each facet of the chain, the last one first.
  for (uint32_t i = window.facets; i-- > 0;) point = mirror(point, plane_of(geometry, facets[window.facet + i]));
  return point - source;
}
