// The waves of a map's sampled part: from lists to lists, level by level, one level for each interaction. Lists grow by
// atomics, in no particular order, and so do the sums of cells, which do not depend on it (math/fixed.cuh).
//
// `counts` holds, from `place` on, the number of a level's waves, that of the points of the sheet that they may see, and
// that of the next level's waves; its first number is that of deposits that sums cannot hold.
#include "map/forward.cuh"

// The waves of rays `first_ray` to `first_ray + count` of a lattice.
KERNEL void start_waves(ForwardAt forward, LatticeAt lattice, uint64_t first_ray, uint32_t count,
                        Wave* RESTRICT waves) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Vec3 k = fibonacci_direction(first_ray + i, lattice.rays);
  const Vec3 turned = {dot(vec3(lattice.turn[0]), k), dot(vec3(lattice.turn[1]), k), dot(vec3(lattice.turn[2]), k)};
  waves[i] = first(forward, first_ray + i, turned);
}

// What each wave meets `[wave]`.
KERNEL void trace_waves(GeometryView geometry, const Wave* RESTRICT waves, const uint32_t* RESTRICT counts,
                        uint32_t place, uint32_t count, Hit* RESTRICT hits) {
  const uint64_t i = global_id();
  if (i >= count || i >= counts[place]) return;
  hits[i] = closest_hit(geometry, ray_from(waves[i].origin, waves[i].k), waves[i].skip);
}

// What a wave leaves on the sheet before it meets something.
DEVICE Deposit left_before(const ForwardAt& forward, const Wave& wave, const Hit& hit) {
  return deposit(forward, wave, hit.triangle == NONE ? INFINITY : double(hit.t));
}

// Adds what waves leave on the sheet before they meet something to the sums `[cell, moment, word]`.
KERNEL void leave_deposits(ForwardAt forward, const Wave* RESTRICT waves, const Hit* RESTRICT hits, uint32_t place,
                           uint32_t count, uint32_t* RESTRICT counts, uint64_t* RESTRICT sums) {
  const uint64_t i = global_id();
  if (i >= count || i >= counts[place]) return;
  const Deposit left = left_before(forward, waves[i], hits[i]);
  if (left.cell != NONE) add_deposit(forward, left, sums, counts);
}

// What the host is told of waves `[wave]`: what they leave on the sheet as well.
KERNEL void record_waves(ForwardAt forward, const Wave* RESTRICT waves, const Hit* RESTRICT hits, uint32_t place,
                         uint32_t count, const uint32_t* RESTRICT counts, RecordedWave* RESTRICT recorded) {
  const uint64_t i = global_id();
  if (i >= count || i >= counts[place]) return;
  const Wave& wave = waves[i];
  const Vec3 from = wave.origin, k = wave.k;
  const Deposit left = left_before(forward, wave, hits[i]);
  const uint32_t scattered = wave.density > 0.0 ? DIFFUSE : REFLECTION;
  recorded[i] = {{from.x, from.y, from.z}, {k.x, k.y, k.z}, left.gain, left.excess, wave.ray, left.cell, wave.parent,
                 wave.state & ENDS ? LOBE : scattered, 0};
}

// Lists what becomes of waves that meet a surface: `next` waves, of which a wave makes two at the most, and `sights`, as
// many.
KERNEL void scatter_waves(ForwardAt forward, LatticeAt lattice, const Wave* RESTRICT waves, const Hit* RESTRICT hits,
                          uint32_t place, uint32_t count, uint32_t* RESTRICT counts, Wave* RESTRICT next,
                          Sight* RESTRICT sights) {
  const uint64_t i = global_id();
  if (i >= count || i >= counts[place] || hits[i].triangle == NONE) return;
  const Wave& wave = waves[i];
  // Of the waves of a ray only one goes on from hit to hit: it has met as many surfaces before as its depth says.
  const TwoWords words = words_of(lattice.key, wave.ray, wave.depth, wave.depth);
  met(
      forward, wave, hits[i], words,
      [&](const Wave& on) {
        Wave& own = next[atomic_add(counts + place + 2, 1)];
        own = on;
        own.parent = uint32_t(i);
      },
      [&](const Sight& sight) {
        Sight& own = sights[atomic_add(counts + place + 1, 1)];
        own = sight;
        own.wave = uint32_t(i);
      });
}

// Whether something hides a point of the sheet.
DEVICE bool is_hidden(const GeometryView& geometry, const Sight& sight) {
  return is_blocked(geometry, sight.from, sight.to, sight.skip, NONE);
}

// Adds what is left at those points of the sheet that nothing hides.
KERNEL void connect_sights(ForwardAt forward, const Sight* RESTRICT sights, uint32_t place, uint32_t count,
                           uint32_t* RESTRICT counts, uint64_t* RESTRICT sums) {
  const uint64_t i = global_id();
  if (i >= count || i >= counts[place + 1]) return;
  const Sight& sight = sights[i];
  if (is_hidden(forward.geometry, sight)) return;
  add_deposit(forward, Deposit{sight.gain, sight.excess, sight.cell}, sums, counts);
}

// What the host is told of points of the sheet `[sight]`; those that something hides lie in no cell.
KERNEL void record_sights(GeometryView geometry, const Sight* RESTRICT sights, uint32_t place, uint32_t count,
                          const uint32_t* RESTRICT counts, RecordedSight* RESTRICT recorded) {
  const uint64_t i = global_id();
  if (i >= count || i >= counts[place + 1]) return;
  const Sight& sight = sights[i];
  const Vec3 from = sight.from, to = sight.to;
  recorded[i] = {{from.x, from.y, from.z}, {to.x, to.y, to.z}, sight.gain, sight.excess,
                 is_hidden(geometry, sight) ? NONE : sight.cell, sight.wave, sight.interaction, 0};
}

// Adds the sums of a replicate to the moments `[cell, 3]` of all and to their spread `[cell, 2]`, squares of gains and how many
// are above 0, and sets them to 0.
KERNEL void end_replicate(LatticeAt lattice, uint32_t count, uint64_t* RESTRICT sums, double* RESTRICT moments,
                          double* RESTRICT spread) {
  const uint64_t i = global_id();
  if (i >= count) return;
  for (uint32_t k = 0; k < 3; ++k) {
    uint64_t* own = sums + (i * 3 + k) * FIXED_WORDS;
    const double moment = value_of(own) * lattice.scales[k];
    moments[3 * i + k] += moment;
    if (k == 0) {
      spread[2 * i] += moment * moment;
      spread[2 * i + 1] += moment > 0 ? 1.0 : 0.0;
    }
    for (uint32_t word = 0; word < FIXED_WORDS; ++word) own[word] = 0;
  }
}
