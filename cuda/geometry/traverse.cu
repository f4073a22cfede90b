// Rays and segments by themselves: what benches and tests launch.
#include "geometry/traverse.cuh"

KERNEL void closest_hits(GeometryView geometry, const LoneRay* RESTRICT rays, uint32_t count, Hit* RESTRICT hits) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const LoneRay ray = rays[i];
  hits[i] = closest_hit(geometry, padded_ray(ray.origin, ray.direction, 0.0f), ray.skip);
}

KERNEL void any_hits(GeometryView geometry, const LoneSegment* RESTRICT segments, uint32_t count,
                     uint32_t* RESTRICT blocked) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const LoneSegment s = segments[i];
  blocked[i] = is_blocked(geometry, vec3(s.from), vec3(s.to), s.skip[0], s.skip[1]);
}
