// The sampled part of a map: what is scattered (T83): the twin of src/map/forward.rs, which says how.
#pragma once
#include "map/grid.cuh"
#include "math/fixed.cuh"
#include "path/corners.cuh"
#include "path/field.cuh"
#include "path/launch.cuh"

// What of a wave is true: bits of its state.
enum WaveState : uint32_t {
  // Something has scattered, and the last reflection is not one that a lobe stands for: the leg counts.
  COUNTS = 1,
  // Something has scattered.
  SCATTERED = 2,
  // The wave ends with this leg.
  ENDS = 4,
  // The leg begins where surfaces meet.
  AT_SEAM = 8,
};

// A wave on its way.
struct Wave {
  // Where the leg begins, local [m], and its unit direction.
  Vec3 origin, k;
  // The field, without spreading.
  CVec3 field;
  // Length of the way so far [m].
  double length;
  // Density with which the direction was drawn at a scattering point, where the leg begins there, over the chance that the
  // point looks at the sheet [1/sr]; otherwise 0.
  double density;
  uint64_t ray;
  // Patch that the leg begins at, or NONE.
  uint32_t skip;
  // Interactions so far.
  uint32_t depth;
  uint32_t state;
  // Place, among the waves of the level before, of the one that it comes from.
  uint32_t parent;
  // The point before the leg, if it begins at a seam; otherwise 0.
  Vec3 before;
};
static_assert(sizeof(Wave) == 8 * WAVE_WORDS, "layout.rs");

// Power that a wave leaves in a cell; the cell is NONE where it leaves none.
struct Deposit {
  // Path gain, as a mean over the cell, of all rays together were they all like this one [-].
  double gain;
  // Length of the way beyond the direct one [m].
  double excess;
  uint32_t cell;
};

// A point of the sheet that a scattering point may see, and what is left there if nothing stands in the way.
struct Sight {
  Vec3 from, to;
  double gain, excess;
  // Patch of the scattering point.
  uint32_t skip;
  uint32_t cell;
  // Place, among the waves of its level, of the one that is scattered, and how it is (path/field.cuh).
  uint32_t wave;
  uint32_t interaction;
};
static_assert(sizeof(Sight) == 8 * SIGHT_WORDS, "layout.rs");

// The chances of src/map/forward.rs, which says why.
constexpr double FIRST_CHANCE = 0.7;
constexpr double NEXT_CHANCE = 0.2;
constexpr double ON_CHANCE = 0.5;
constexpr double FACING_LOSS = 0.9;

// The random numbers of one interaction of a ray.
struct TwoWords {
  Words first, more;
};

DEVICE TwoWords words_of(const uint32_t* key, uint64_t ray, uint32_t depth, uint32_t branch) {
  const uint32_t low = uint32_t(ray), high = uint32_t(ray >> 32);
  return {philox({{low, high, depth, 0x100u | branch}}, key[0], key[1]),
          philox({{low, high, depth, 0x200u | branch}}, key[0], key[1])};
}

// What the elements of an array make of a polarisation in direction `k`: their phases (T36), weighted.
DEVICE C64 array_factor(const FedAt& fed, uint32_t polarization, const Vec3& k, double frequency) {
  C64 sum{0.0, 0.0};
  for (uint32_t element = 0; element < fed.end.elements; ++element) {
    const double* weight = fed.weights + 2 * (size_t(polarization) * fed.end.elements + element);
    sum = sum + element_phase(k, vec3(fed.offsets + 3 * element), frequency) * C64{weight[0], weight[1]};
  }
  return sum;
}

// The field that leaves in direction `k` between weighted ports, without spreading.
DEVICE CVec3 transmitted(const FedAt& fed, const Vec3& k, double frequency) {
  CVec3 sum = complexified({0.0, 0.0, 0.0});
  for (uint32_t p = 0; p < fed.end.polarizations; ++p) {
    sum = sum + scaled(in_space(pattern_towards(fed.end, p, k), k), array_factor(fed, p, k, frequency));
  }
  return sum;
}

// The power that is received of a field that arrives along `k`.
DEVICE double received(const FedAt& fed, const Vec3& k, const CVec3& field, double frequency) {
  double powers = 0.0;
  C64 sum{0.0, 0.0};
  for (uint32_t p = 0; p < fed.end.polarizations; ++p) {
    const C64 heard = dot(in_space(pattern_towards(fed.end, p, -k), -k), field);
    if (fed.weights) {
      sum = sum + heard * array_factor(fed, p, -k, frequency);
    } else {
      // The elements of an array hear the same power.
      powers += norm_squared(heard) * double(fed.end.elements);
    }
  }
  return fed.weights ? norm_squared(sum) : powers;
}

// The wave that leaves in direction `k`.
DEVICE Wave first(const ForwardAt& forward, uint64_t ray, const Vec3& k) {
  const CVec3 field = transmitted(forward.source, k, forward.frequency);
  return {vec3(forward.position), k, field, 0.0, 0.0, ray, NONE, 0, 0, 0, {0.0, 0.0, 0.0}};
}

// Where a scattering point looks for the sheet: about its foot in the plane, with a density that falls as the square of
// the distance.
struct Target {
  // The foot [m, local].
  Vec3 foot;
  // Square of the height over the plane [m2], or of the least that counts.
  double height;
  // Square of the distance of the sheet's farthest corner from the foot over `height` [-].
  double reach;
  // Unit vectors in the plane.
  Vec3 u, v;
};

// Points nearer to the sheet than this look at it as from here [m].
constexpr double LEAST_HEIGHT_M = 0.05;

DEVICE Target target_of(const SheetAt& sheet, const Vec3& point) {
  Target target;
  target.u = direction_or_zero(vec3(sheet.step_u));
  target.v = direction_or_zero(vec3(sheet.step_v));
  const Vec3 normal = cross(target.u, target.v);
  const double height = dot(normal, point - vec3(sheet.corner));
  target.foot = point - normal * height;
  double far = 0.0;
  for (uint32_t corner = 0; corner < 4; ++corner) {
    const double u = corner & 1 ? double(sheet.cells[0]) : 0.0, v = corner & 2 ? double(sheet.cells[1]) : 0.0;
    const Vec3 away = point_at(sheet, u, v) - target.foot;
    far = larger(far, dot(away, away));
  }
  const double least = larger(fabs(height), LEAST_HEIGHT_M);
  target.height = least * least;
  target.reach = far / target.height;
  return target;
}

// Density of the draws at a point of the plane [1/m2].
DEVICE double target_density(const Target& target, const Vec3& point) {
  const Vec3 away = point - target.foot;
  return 1.0 / (PI * log1p(target.reach) * (dot(away, away) + target.height));
}

// A point of the plane, by two numbers in [0, 1).
DEVICE Vec3 drawn_point(const Target& target, double first, double second) {
  const double radius = sqrt(target.height * expm1(first * log1p(target.reach)));
  double sine, cosine;
  sincos_of_turns(second, &sine, &cosine);
  return target.foot + target.u * (radius * cosine) + target.v * (radius * sine);
}

DEVICE RayLeg leg_of(const Wave& wave) { return {wave.origin, wave.before, wave.skip, (wave.state & AT_SEAM) != 0}; }

// What a leg of `reach` [m] leaves on the sheet.
DEVICE Deposit deposit(const ForwardAt& forward, const Wave& wave, double reach) {
  constexpr Deposit NOTHING = {0.0, 0.0, NONE};
  if (!(wave.state & COUNTS)) return NOTHING;
  const Vec3 across = cross(vec3(forward.sheet.step_u), vec3(forward.sheet.step_v));
  const double area = norm(across), slope = dot(wave.k, across) / area;
  const double distance = dot(vec3(forward.sheet.corner) - wave.origin, across) / (slope * area);
  // Written so that a ray in the plane, whose distance is no number, is out.
  if (!(distance > 0.0 && distance < reach)) return NOTHING;
  const Vec3 point = wave.origin + wave.k * distance;
  const uint32_t cell = cell_at(forward.sheet, point);
  if (cell == NONE || !reaches(forward.geometry, leg_of(wave), point, NONE, false)) return NOTHING;
  const double power = received(forward.receiver, wave.k, wave.field, forward.frequency);
  const double excess = wave.length + distance - norm(point - vec3(forward.position));
  // Per area of the sheet: by rays in this direction, and by connections.
  double share = 1.0;
  if (wave.density > 0.0) {
    const double by_rays = wave.density * fabs(slope) / (distance * distance);
    share = by_rays / (by_rays + target_density(target_of(forward.sheet, wave.origin), point));
  }
  return {share * power / (fabs(slope) * area), excess, cell};
}

// Adds a deposit to the sums `[cell, moment, word]`; one that they cannot hold is counted in `lost`.
DEVICE void add_deposit(const ForwardAt& forward, const Deposit& deposit, uint64_t* sums, uint32_t* lost) {
  double moment = deposit.gain;
  for (uint32_t k = 0; k < 3; ++k, moment *= deposit.excess) {
    const double scaled = moment * forward.units[k];
    if (fabs(scaled) < FIXED_LIMIT) {
      add_fixed(sums + (size_t(deposit.cell) * 3 + k) * FIXED_WORDS, fixed_of(scaled));
    } else {
      atomic_add(lost, 1);
    }
  }
}

// A point where a wave is scattered: the wave as it leaves there but for direction and field, the direction in which it
// arrives, the normal of the surface, the surface, and the chances that it is scattered at all, that it goes on then, and
// that the point looks at the sheet.
struct Turn {
  Wave on;
  Vec3 k, n;
  const SurfaceAt* surface;
  double chance, goes_on, look;
  // Whether the surface's lobe scatters it, or else its pattern.
  bool by_lobe;
};

DEVICE CVec3 scattered_field(const Turn& turn, const Vec3& k_s, double frequency) {
  return turn.by_lobe ? lobe(turn.on.field, turn.k, turn.n, k_s, *turn.surface, frequency)
                      : diffuse(turn.on.field, turn.k, turn.n, k_s, *turn.surface, frequency);
}

// How squarely a surface at `point`, whose outside `outward` points to, faces the plane of the sheet: the cosine of the angle
// between its normal and the way to the plane, 0 where that is beyond 90 degrees.
DEVICE double facing(const SheetAt& sheet, const Vec3& point, const Vec3& outward) {
  const Vec3 across = cross(vec3(sheet.step_u), vec3(sheet.step_v));
  const double height = dot(across, point - vec3(sheet.corner));
  return larger(-copysign(1.0, height) * dot(outward, across) / norm(across), 0.0);
}

// A wave on from where one is scattered; its density is 0 where it would enter the surface.
DEVICE Wave scattered_on(const ForwardAt& forward, const Turn& turn, double first, double second, double third) {
  const Drawn drawn = turn.by_lobe ? sample(*turn.surface->lobe, turn.k, turn.n, second, third)
                                   : sample(turn.surface->scattering, turn.k, turn.n, first, second, third);
  Wave wave = turn.on;
  const double density = drawn.density * turn.goes_on;
  wave.density = density / turn.look;
  if (!(density > 0.0)) return wave;
  wave.k = drawn.k_s;
  wave.field = scattered_field(turn, drawn.k_s, forward.frequency) * (1.0 / sqrt(density * turn.chance));
  wave.state = COUNTS | SCATTERED | (turn.by_lobe ? ENDS : 0u) | (turn.on.state & AT_SEAM);
  return wave;
}

// A point of the sheet that is seen from where a wave is scattered; the cell is NONE where there is none.
DEVICE Sight sight_of(const ForwardAt& forward, const Turn& turn, double first, double second) {
  const Target target = target_of(forward.sheet, turn.on.origin);
  const Vec3 to = drawn_point(target, first, second);
  const uint32_t interaction = turn.by_lobe ? LOBE : DIFFUSE;
  Sight sight = {turn.on.origin, to, 0.0, 0.0, turn.on.skip, cell_at(forward.sheet, to), NONE, interaction};
  if (sight.cell == NONE) return sight;
  const RayLeg leg = leg_of(turn.on);
  if (leg.begins_at_seam && turns_through(forward.geometry, leg.before, leg.from, leg.skip, to)) {
    sight.cell = NONE;
    return sight;
  }
  const Vec3 along = to - turn.on.origin;
  const double distance = norm(along);
  const Vec3 k_s = along / distance;
  const CVec3 field = scattered_field(turn, k_s, forward.frequency);
  const double power = received(forward.receiver, k_s, field, forward.frequency);
  // Written so that what is no number is out.
  if (!(power > 0.0 && power < 1.7976931348623157e308)) {
    sight.cell = NONE;
    return sight;
  }
  const Vec3 across = cross(vec3(forward.sheet.step_u), vec3(forward.sheet.step_v));
  const double area = norm(across), squared = distance * distance;
  const double density = turn.by_lobe ? sample_density(*turn.surface->lobe, turn.k, turn.n, k_s)
                                      : sample_density(turn.surface->scattering, turn.k, turn.n, k_s);
  const double by_rays = turn.goes_on * density * fabs(dot(k_s, across) / area) / squared;
  sight.gain = power / (squared * area * turn.chance * (by_rays + turn.look * target_density(target, to)));
  sight.excess = turn.on.length + distance - norm(to - vec3(forward.position));
  return sight;
}

// Scatters a wave: `add(wave)` for one ray on, `look(sight)` for one point of the sheet, both by `lot` in [0, 1).
template <class Add, class Look>
DEVICE void scatter(const ForwardAt& forward, const Turn& turn, double lot, double first, double second, double third,
                    const uint32_t* towards, const Add& add, const Look& look) {
  if (lot < turn.goes_on) {
    const Wave wave = scattered_on(forward, turn, first, second, third);
    if (wave.density > 0.0) add(wave);
  }
  if (!(lot >= 1.0 - turn.look)) return;
  const Sight sight = sight_of(forward, turn, unit_interval(towards[0]), unit_interval(towards[1]));
  if (sight.cell != NONE) look(sight);
}

// What becomes of a wave that meets a surface: two waves and two points of the sheet at the most.
template <class Add, class Look>
DEVICE void met(const ForwardAt& forward, const Wave& wave, const Hit& hit, const TwoWords& words, const Add& add,
                const Look& look) {
  if (wave.state & ENDS || wave.depth >= forward.max_depth) return;
  const GeometryView& geometry = forward.geometry;
  Turn turn;
  Wave& on = turn.on = wave;
  on.origin = wave.origin + wave.k * double(hit.t);
  const uint32_t facet = owner_of_hit(geometry, hit, on.origin);
  const Plane& plane = geometry.planes[hit.patch];
  turn.k = wave.k;
  turn.n = vec3(plane.normal);
  on.origin = on.origin - turn.n * signed_distance(on.origin, plane);
  const bool seam = is_at_seam(geometry, hit.patch, on.origin);
  if (!reaches(geometry, leg_of(wave), on.origin, hit.patch, seam)) return;
  on.before = seam ? wave.origin : Vec3{0.0, 0.0, 0.0};
  on.state = (wave.state & ~AT_SEAM) | (seam ? AT_SEAM : 0u);
  on.skip = hit.patch;
  on.length = wave.length + norm(on.origin - wave.origin);
  on.depth = wave.depth + 1;
  on.density = 0.0;
  const SurfaceAt& surface = forward.surfaces[geometry.material_of_facet[facet]];
  turn.surface = &surface;
  const double choice = unit_interval(words.first.word[0]), first = unit_interval(words.first.word[1]),
               second = unit_interval(words.first.word[2]), third = unit_interval(words.first.word[3]);
  const bool has_lobe = forward.lobe && surface.lobe;
  const bool is_diffuse = forward.diffuse && (surface.scattering.coefficient > 0.0 || surface.roughness > 0.0);
  // A specular wave that nothing can scatter any more is the exact part's.
  const bool goes_on = forward.specular && (on.state & SCATTERED || on.depth < forward.max_depth);
  if (has_lobe) {
    turn.chance = turn.goes_on = turn.look = 1.0;
    turn.by_lobe = true;
    scatter(forward, turn, 0.0, first, second, third, words.more.word, add, look);
  }
  const double either = on.state & SCATTERED ? NEXT_CHANCE : FIRST_CHANCE;
  const double chance = is_diffuse ? (goes_on ? either : 1.0) : 0.0;
  if (choice < chance) {
    const Vec3 outward = turn.n * -copysign(1.0, dot(turn.k, turn.n));
    turn.chance = chance;
    turn.goes_on = ON_CHANCE;
    turn.look = 1.0 - FACING_LOSS * facing(forward.sheet, on.origin, outward);
    turn.by_lobe = false;
    scatter(forward, turn, choice / chance, first, second, third, words.more.word + 2, add, look);
  } else if (goes_on) {
    const Coefficients c = coefficients(surface, cos_incidence(wave.k, turn.n), forward.frequency);
    on.field = reflect(wave.field, wave.k, turn.n, c) * (1.0 / sqrt(1.0 - chance));
    on.k = mirror(wave.k, turn.n);
    const bool counts = (on.state & SCATTERED) && !has_lobe;
    on.state = (on.state & ~COUNTS) | (counts ? COUNTS : 0u);
    add(on);
  }
}
