// The adjoint of the field of one path (T90): the twin of src/path/field_vjp.rs and of its spans.rs. Where the CPU walks a
// path alone, this is the same walk in steps, each over all that is independent: a path's directions, its fields at a
// carrier, the elements of its ends, its fields backwards, where it runs.
//
// Functions add to their bars, unless they say that they overwrite. Of ends, 0 is the receiver and 1 the transmitter.
#pragma once
#include "geometry/attached.cuh"
#include "path/field.cuh"
#include "path/refine_vjp.cuh"
#include "search.cuh"

static_assert(sizeof(ScatterBar) == sizeof(double) * SCATTER_BAR, "SCATTER_BAR");
static_assert(offsetof(ScatterBar, surface) == sizeof(double) * SURFACE_IN_SCATTER_BAR, "SURFACE_IN_SCATTER_BAR");
static_assert(sizeof(Corners) == sizeof(double) * CORNERS_BAR, "CORNERS_BAR");

// Field vectors of the polarisations of both ends.
struct Vectors {
  Vec3 of[2][MOST_POLARIZATIONS];
};

// Couplings between the polarisations of both ends `[receiver's, transmitter's]`, or the bars of them.
struct Couplings {
  C64 of[MOST_POLARIZATIONS][MOST_POLARIZATIONS];
};

// Fields of the transmitter's polarisations.
struct Fields {
  CVec3 of[MOST_POLARIZATIONS];
};

// What an element of the receiver adds to the bars of couplings, and the largest difference of its coefficients to the
// channel's, squared.
struct ElementBar {
  Couplings couplings;
  double apart;
};
static_assert(sizeof(ElementBar) == sizeof(double) * ELEMENT_BAR, "ELEMENT_BAR");

// Bars of what a path has at each carrier.
struct CarrierBar {
  Vectors vectors;
  Vec3 departure, arrival;
  double reach, gain;
};
static_assert(sizeof(CarrierBar) == sizeof(double) * CARRIER_BAR, "CARRIER_BAR");

// A path and what its ends are.
struct OnePath {
  const ReplayedPath* path;
  const RadioEnd* ends[2];
  // Elements that the path speaks of, and the first of their slots.
  uint32_t elements[2];
  uint64_t slot;
  // First of the path's places among directions, fields and images: one more than it has vertices.
  uint64_t row;
};

DEVICE uint32_t elements_of(const RadioEnd& end, uint32_t element) {
  return element == ALL_ELEMENTS ? end.elements : 1;
}

DEVICE OnePath path_of(const AdjointAt& at, uint32_t index) {
  const ReplayedPath& path = at.paths[index];
  const RadioEnd &receiver = at.ends[0][path.receiver], &transmitter = at.ends[1][path.transmitter];
  return {&path,
          {&receiver, &transmitter},
          {elements_of(receiver, path.receiver_element), elements_of(transmitter, path.transmitter_element)},
          at.slots[index],
          path.vertex + index};
}

// The direction that an end's pattern is asked for.
DEVICE Vec3 direction_of(const ReplayedPath& path, uint32_t side) {
  return side == 0 ? -vec3(path.arrival) : vec3(path.departure);
}

DEVICE uint32_t element_of(const ReplayedPath& path, uint32_t side) {
  return side == 0 ? path.receiver_element : path.transmitter_element;
}

DEVICE uint32_t radio_of(const ReplayedPath& path, uint32_t side) {
  return side == 0 ? path.receiver : path.transmitter;
}

// Where a path's fields at a carrier begin: those that meet its vertices, and those that arrive.
DEVICE uint64_t fields_of(const OnePath& one, uint32_t carriers, uint32_t carrier) {
  return one.row * carriers + uint64_t(carrier) * (one.path->vertices + 1);
}

// Overwrites the directions along a path `[vertex + 1]`: those in which it meets its vertices, and that of its arrival.
DEVICE void begin(const AdjointAt& at, const OnePath& one, Vec3* ways) {
  Vec3 k = vec3(one.path->departure);
  for (uint32_t i = 0; i < one.path->vertices; ++i) {
    ways[i] = k;
    k = leaving(*one.path, at.vertices, i, k);
  }
  ways[one.path->vertices] = k;
}

// Whether a path that moves has derivatives.
DEVICE uint32_t check(const AdjointAt& at, const OnePath& one, const Vec3* ways) {
  if (!at.moves) return REGULAR;
  if (is_pole(into_own_axes(*one.ends[0], direction_of(*one.path, 0)))) return AXIS_OF_RECEIVER;
  if (is_pole(into_own_axes(*one.ends[1], direction_of(*one.path, 1)))) return AXIS_OF_TRANSMITTER;
  for (uint32_t i = 0; i < one.path->vertices; ++i) {
    if (at.vertices[one.path->vertex + i].interaction != DIFFUSE) continue;
    if (is_pole(ways[i]) || is_pole(ways[i + 1])) return VERTICAL;
  }
  return REGULAR;
}

// A place among the elements of the ends of all paths.
struct Slot {
  uint32_t path, carrier, side, element;
};

DEVICE Slot slot_of(const AdjointAt& at, uint64_t slot) {
  const uint32_t index = last_beginning_by(slot, at.path_count, [&](uint32_t k) { return at.slots[k]; });
  const OnePath one = path_of(at, index);
  const uint32_t both = one.elements[0] + one.elements[1];
  const uint32_t place = uint32_t((slot - one.slot) % both), carrier = uint32_t((slot - one.slot) / both);
  return place < one.elements[0] ? Slot{index, carrier, 0, place} : Slot{index, carrier, 1, place - one.elements[0]};
}

// Offset of an element of an end in global axes [m].
DEVICE Vec3 offset_of(const AdjointAt& at, const RadioEnd& end, uint32_t side, uint32_t element) {
  return vec3(at.offsets[side] + 3 * (end.first_element + element));
}

// The bars of one element's turns: returns what its phase is told, and overwrites what it tells of the couplings, whose
// forward values are `bases`; `phases` are those of the path at the carrier, the receiver's first.
DEVICE double pairs_vjp(const AdjointAt& at, const OnePath& one, const Slot& slot, const C64* phases,
                        const Couplings& bases, ElementBar& bar) {
  const uint32_t rows = one.elements[0], columns = one.elements[1];
  const uint32_t receiving = one.ends[0]->polarizations, sending = one.ends[1]->polarizations;
  const uint64_t per_carrier = uint64_t(receiving) * rows * sending * columns;
  const uint64_t first = one.path->coefficient + slot.carrier * per_carrier;
  const uint32_t others = slot.side == 0 ? columns : rows;
  const C64 own = phases[slot.side == 0 ? slot.element : rows + slot.element];
  bar = {};
  double turn = 0.0;
  for (uint32_t r = 0; r < receiving; ++r) {
    for (uint32_t t = 0; t < sending; ++t) {
      C64 base_bar{0.0, 0.0};
      for (uint32_t other = 0; other < others; ++other) {
        const uint32_t i = slot.side == 0 ? slot.element : other, j = slot.side == 0 ? other : slot.element;
        const uint64_t place = first + (uint64_t(r) * rows + i) * sending * columns + uint64_t(t) * columns + j;
        const C64 a{at.coefficients[2 * place], at.coefficients[2 * place + 1]};
        const C64 a_bar{at.coefficients_bar[2 * place], at.coefficients_bar[2 * place + 1]};
        const C64 phase = own * phases[slot.side == 0 ? rows + other : other];
        const C64 replayed = bases.of[r][t] * phase;
        bar.apart = larger(bar.apart, norm_squared(replayed - a));
        turn += (conj(replayed) * a_bar).im;
        base_bar += conj(phase) * a_bar;
      }
      bar.couplings.of[r][t] = base_bar;
    }
  }
  return turn;
}

// The adjoint of the phases of all elements of an end at a carrier, 2 pi f k.d/c: adds to the bar of its direction and
// returns that of the frequency.
DEVICE double phases_vjp(const AdjointAt& at, const OnePath& one, uint32_t side, double frequency,
                         const double* turns, Vec3& k_bar) {
  double frequency_bar = 0.0;
  if (element_of(*one.path, side) != ALL_ELEMENTS) return frequency_bar;
  const Vec3 k = direction_of(*one.path, side);
  for (uint32_t element = 0; element < one.elements[side]; ++element) {
    const Vec3 d = offset_of(at, *one.ends[side], side, element);
    k_bar += d * (turns[element] * TAU * frequency / SPEED_OF_LIGHT);
    frequency_bar += turns[element] * TAU * dot(k, d) / SPEED_OF_LIGHT;
  }
  return frequency_bar;
}

DEVICE const SurfaceAt& surface_of(const AdjointAt& at, const ReplayedVertex& vertex, uint32_t carrier) {
  return at.surfaces[size_t(carrier) * at.material_count + vertex.material];
}

// The adjoint of a specular reflection at a carrier; adds to `bar`.
DEVICE void mirrored_vjp(const CVec3& field, const Vec3& k, const Vec3& n, const SurfaceAt& surface, double frequency,
                         const CVec3& left_bar, ScatterBar& bar) {
  const double cos_theta = cos_incidence(k, n);
  const Coefficients c = coefficients(surface, cos_theta, frequency);
  ReflectBar own = {};
  reflect_vjp(field, k, n, c, left_bar, own);
  bar.field += own.field;
  bar.directions.k_i += own.k;
  bar.directions.n += own.n;
  double cos_bar = 0.0;
  coefficients_vjp(surface, cos_theta, frequency, c, own.coefficients, bar.surface, cos_bar, bar.frequency);
  cos_incidence_vjp(k, n, cos_bar, bar.directions.k_i, bar.directions.n);
}

// Of the adjoint of a vertex at a carrier, the bar of a field that meets it; `ways` are the directions to and from it. What
// else the adjoint yields is not computed, for nobody asks.
DEVICE CVec3 field_vjp(const ReplayedVertex& vertex, const SurfaceAt& surface, const CVec3& field, const Vec3* ways,
                       double frequency, const CVec3& left_bar) {
  const Vec3 k = ways[0], n = vec3(vertex.normal), k_s = ways[1];
  ScatterBar bar = {};
  switch (vertex.interaction) {
    case DIFFUSE: but_for_pattern_vjp(field, k, n, k_s, surface, frequency, left_bar, bar); break;
    case LOBE: lobe_vjp(field, k, n, k_s, surface, frequency, left_bar, bar); break;
    default: mirrored_vjp(field, k, n, surface, frequency, left_bar, bar);
  }
  return bar.field;
}

// A vertex that a path's fields meet: the first of its two directions, its place among the fields at a carrier, and how many
// polarisations there are.
struct Meeting {
  uint64_t way, field;
  uint32_t sending;
};

DEVICE Meeting meeting_of(const AdjointAt& at, uint32_t vertex, uint32_t carrier) {
  const uint32_t index = last_beginning_by(vertex, at.path_count, [&](uint32_t k) { return at.paths[k].vertex; });
  const OnePath one = path_of(at, index);
  const uint64_t own = vertex - one.path->vertex;
  return {one.row + own, fields_of(one, at.carrier_count, carrier) + own, one.ends[1]->polarizations};
}

DEVICE Vec3 real_part(const CVec3& v) { return {v.x.re, v.y.re, v.z.re}; }

// Adds what another element of the receiver says.
DEVICE void add_element(ElementBar& sum, const ElementBar& bar) {
  for (uint32_t r = 0; r < MOST_POLARIZATIONS; ++r) {
    for (uint32_t t = 0; t < MOST_POLARIZATIONS; ++t) sum.couplings.of[r][t] += bar.couplings.of[r][t];
  }
  sum.apart = larger(sum.apart, bar.apart);
}

// Adds what a path has at another carrier.
DEVICE void add_carrier(CarrierBar& sum, const CarrierBar& bar) {
  for (uint32_t side = 0; side < 2; ++side) {
    for (uint32_t p = 0; p < MOST_POLARIZATIONS; ++p) sum.vectors.of[side][p] += bar.vectors.of[side][p];
  }
  sum.departure += bar.departure;
  sum.arrival += bar.arrival;
  sum.reach += bar.reach;
  sum.gain += bar.gain;
}

DEVICE void add_directions(DirectionsBar& sum, const DirectionsBar& bar) {
  sum.k_i += bar.k_i;
  sum.n += bar.n;
  sum.k_s += bar.k_s;
}

// The adjoints of angles and Doppler shifts (T1, T37); adds to the bars of both directions, of velocities and of the
// carriers `[carrier]`.
DEVICE void kinematics_vjp(const AdjointAt& at, const OnePath& one, const KinematicsBar& bar, const double* doppler_bar,
                           Vec3& departure_bar, Vec3& arrival_bar, EndBar* ends_bar, double* carriers_bar) {
  const Vec3 departure = vec3(one.path->departure), arrival = vec3(one.path->arrival);
  angles_of_vjp(departure, bar.theta_t, bar.phi_t, departure_bar);
  Vec3 back_bar{0.0, 0.0, 0.0};
  angles_of_vjp(-arrival, bar.theta_r, bar.phi_r, back_bar);
  arrival_bar -= back_bar;
  const Vec3 receiver = vec3(at.radios[0][one.path->receiver].velocity);
  const Vec3 transmitter = vec3(at.radios[1][one.path->transmitter].velocity);
  const double speed = dot(transmitter, departure) - dot(receiver, arrival);
  for (uint32_t carrier = 0; carrier < at.carrier_count; ++carrier) {
    const double per_speed = doppler_bar[carrier] * at.carriers[carrier] / SPEED_OF_LIGHT;
    ends_bar[1].velocity += departure * per_speed;
    ends_bar[0].velocity -= arrival * per_speed;
    departure_bar += transmitter * per_speed;
    arrival_bar -= receiver * per_speed;
    carriers_bar[carrier] += doppler_bar[carrier] * speed / SPEED_OF_LIGHT;
  }
}

// The adjoint of the patterns of both ends.
DEVICE void radiation_vjp(const OnePath& one, const Vectors& vectors_bar, Vec3& departure_bar, Vec3& arrival_bar,
                          EndBar* ends_bar) {
  for (uint32_t side = 0; side < 2; ++side) {
    Vec3 k_bar{0.0, 0.0, 0.0};
    for (uint32_t p = 0; p < one.ends[side]->polarizations; ++p) {
      vector_towards_vjp(*one.ends[side], p, direction_of(*one.path, side), vectors_bar.of[side][p], k_bar,
                         ends_bar[side].rotation);
    }
    if (side == 0) {
      arrival_bar -= k_bar;
    } else {
      departure_bar += k_bar;
    }
  }
}

// What a path says of where it runs, in places of its own `[vertex]`: bars of directions at the first of `carriers`, which are
// used up, of planes and of the corners of triangles, which are overwritten; `images` is scratch `[vertex + 1]`.
struct Ground {
  const Vec3* ways;
  ScatterBar* vertices_bar;
  uint32_t carriers;
  PlaneBar* planes_bar;
  Corners* corners_bar;
  Image* images;
};

DEVICE DirectionsBar& directions_bar_of(const Ground& ground, uint32_t i) {
  return ground.vertices_bar[size_t(i) * ground.carriers].directions;
}

DEVICE bool is_anchor(const AdjointAt& at, const OnePath& one, uint32_t i) {
  return is_scattering(at.vertices[one.path->vertex + i].interaction);
}

// The bar of the direction in which the span of the vertices from `first` to `end` begins: what they and its last anchor
// say of their directions, mirrored back (T16).
DEVICE Vec3 departure_bar_of(const AdjointAt& at, const OnePath& one, uint32_t first, uint32_t end,
                             const Vec3& departure_bar, const Ground& ground) {
  Vec3 k_bar{0.0, 0.0, 0.0};
  if (end < one.path->vertices) k_bar = directions_bar_of(ground, end).k_i;
  for (uint32_t i = end; i-- > first;) {
    DirectionsBar& own = directions_bar_of(ground, i);
    Vec3 own_bar = own.k_i;
    mirror_vjp(ground.ways[i], vec3(at.vertices[one.path->vertex + i].normal), k_bar, own_bar, own.n);
    k_bar = own_bar;
  }
  return k_bar + (first == 0 ? departure_bar : directions_bar_of(ground, first - 1).k_s);
}

// Where a path begins or ends, local [m].
DEVICE Vec3 point_of(const AdjointAt& at, const OnePath& one, uint32_t side) {
  const Vec3 position = vec3(at.radios[side][radio_of(*one.path, side)].position);
  const uint32_t element = element_of(*one.path, side);
  return element == ALL_ELEMENTS ? position : position + offset_of(at, *one.ends[side], side, element);
}

// The adjoint of a scattering vertex: a point and its area, attached to a triangle (T93), and the facet's normal.
DEVICE void anchor_vjp(const AdjointAt& at, const OnePath& one, uint32_t i, const Vec3& point_bar,
                       double log_reach_bar, const Ground& ground) {
  const uint64_t place = one.path->vertex + i;
  const ReplayedVertex& vertex = at.vertices[place];
  Vec3 whole_bar = point_bar;
  if (at.points_bar) whole_bar += vec3(at.points_bar + 3 * place);
  ground.planes_bar[i] = {directions_bar_of(ground, i).n, 0.0};
  ground.corners_bar[i] =
      attached_vjp(corners_of(at.geometry, at.places[place].triangle), vec3(vertex.position) - vec3(at.origin),
                   vertex.area, whole_bar, -0.5 * log_reach_bar / vertex.area);
}

// Bars of where a path ends.
struct EndPoints {
  Vec3 of[2];
};

// From directions, reach and length to the ends, planes and points (T76, T90-T93): span by span, from the receiver on. A
// span is what lies between two anchors, which are ends and scattering vertices.
DEVICE EndPoints geometry_vjp(const AdjointAt& at, const OnePath& one, double tau_bar, double log_reach_bar,
                              const Vec3& departure_bar, const Vec3& arrival_bar, const Ground& ground) {
  const ReplayedPath& path = *one.path;
  const ReplayedVertex* vertices = at.vertices + path.vertex;
  for (uint32_t i = 0; i < path.vertices; ++i) {
    if (!is_anchor(at, one, i)) continue;
    const Vec3 k = ground.ways[i], n = vec3(vertices[i].normal);
    DirectionsBar& own = directions_bar_of(ground, i);
    cos_incidence_vjp(k, n, -0.5 * log_reach_bar / cos_incidence(k, n), own.k_i, own.n);
  }
  const Vec3 zero{0.0, 0.0, 0.0}, origin = vec3(at.origin);
  uint32_t end = path.vertices;
  EndPoints bars = {};
  Vec3 to = point_of(at, one, 0), to_bar = zero;
  for (;;) {
    // The span's first vertex, behind its first anchor.
    uint32_t first = end;
    while (first > 0 && !is_anchor(at, one, first - 1)) --first;
    const double begun = first > 0 ? vertices[first - 1].distance : 0.0;
    const double ended = end < path.vertices ? vertices[end].distance : path.length;
    const RefinedBar bar = {departure_bar_of(at, one, first, end, departure_bar, ground),
                            end == path.vertices ? arrival_bar : zero,
                            tau_bar / SPEED_OF_LIGHT + log_reach_bar / (ended - begun)};
    const Vec3 from = first > 0 ? vec3(vertices[first - 1].position) - origin : point_of(at, one, 1);
    for (uint32_t i = first; i < end; ++i) ground.planes_bar[i] = {directions_bar_of(ground, i).n, 0.0};
    const uint64_t place = path.vertex + first;
    const Span span = {at.geometry.planes, at.places + place, at.vertices + place,
                       at.points_bar ? at.points_bar + 3 * place : nullptr, origin, end - first};
    Vec3 from_bar = zero;
    refine_vjp(span, from, to, bar, from_bar, to_bar, ground.planes_bar + first, ground.images + first);
    if (end == path.vertices) {
      bars.of[0] = to_bar;
    } else {
      anchor_vjp(at, one, end, to_bar, log_reach_bar, ground);
    }
    if (first == 0) {
      bars.of[1] = from_bar;
      return bars;
    }
    end = first - 1;
    to = from;
    to_bar = from_bar;
  }
}
