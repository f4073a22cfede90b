// The rays of the guided launch: one thread a ray, the chain that it meets as long as the depth `[ray, depth]`.
#include "path/launch.cuh"
#include "search.cuh"

KERNEL void shoot_all_around(GeometryView geometry, Point source, uint64_t first, uint64_t all_rays, uint32_t depth,
                             uint32_t count, uint32_t* RESTRICT chains) {
  const uint64_t i = global_id();
  if (i >= count) return;
  follow_ray(geometry, vec3(source.xyz), fibonacci_direction(first + i, all_rays), NONE, depth, chains + i * depth);
}

KERNEL void shoot_at_windows(GeometryView geometry, Point source, const AimedWindow* RESTRICT windows,
                             uint32_t window_count, const double* RESTRICT corners, const uint32_t* RESTRICT facets,
                             uint32_t depth, uint32_t count, uint32_t* RESTRICT chains) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const uint32_t own = last_beginning_by(i, window_count, [&](uint32_t k) { return windows[k].first_ray; });
  const AimedWindow& window = windows[own];
  const Vec3 from = vec3(source.xyz);
  const Vec3 direction = aim(geometry, from, window, uint32_t(i - window.first_ray), corners, facets);
  follow_ray(geometry, from, direction, NONE, depth, chains + i * depth);
}

KERNEL void follow_flights(GeometryView geometry, const Flight* RESTRICT flights, uint32_t depth, uint32_t count,
                           uint32_t* RESTRICT chains) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Flight& flight = flights[i];
  follow_ray(geometry, vec3(flight.origin), vec3(flight.direction), flight.skip, depth, chains + i * depth);
}
