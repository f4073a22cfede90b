// The adjoint of the coefficients, delays, angles and points of paths (T90-T93), step by step; the host launches the steps
// one after another. Every thread overwrites places of its own: no result depends on blocks.
#include "path/field_vjp.cuh"

// Directions `[path, vertex + 1]`, reaches `[path]` [m], field vectors of the ends `[path]`, and whether a path has
// derivatives `[path]`: one thread for a path.
KERNEL void begin_paths(AdjointAt at, Vec3* RESTRICT ways, double* RESTRICT reaches, Vectors* RESTRICT vectors,
                        uint32_t* RESTRICT singular) {
  const uint64_t i = global_id();
  if (i >= at.path_count) return;
  const OnePath one = path_of(at, uint32_t(i));
  begin(at, one, ways + one.row);
  reaches[i] = reach(*one.path, at.vertices);
  for (uint32_t side = 0; side < 2; ++side) {
    for (uint32_t p = 0; p < one.ends[side]->polarizations; ++p) {
      vectors[i].of[side][p] = vector_towards(*one.ends[side], p, direction_of(*one.path, side));
    }
  }
  singular[i] = check(at, one, ways + one.row);
}

// Fields that meet each vertex and that arrive `[path, carrier, vertex + 1, polarisation]`, and coefficients without the
// phases of elements `[path, carrier]`: one thread for a path and a carrier.
KERNEL void replay_fields(AdjointAt at, const Vec3* RESTRICT ways, const double* RESTRICT reaches,
                          const Vectors* RESTRICT vectors, Fields* RESTRICT fields, Couplings* RESTRICT bases) {
  const uint64_t i = global_id();
  if (i >= uint64_t(at.path_count) * at.carrier_count) return;
  const uint32_t index = uint32_t(i / at.carrier_count), carrier = uint32_t(i % at.carrier_count);
  const OnePath one = path_of(at, index);
  const double frequency = at.carriers[carrier], spread = spreading(reaches[index], frequency);
  const uint32_t count = one.path->vertices, sending = one.ends[1]->polarizations;
  Fields* own = fields + fields_of(one, at.carrier_count, carrier);
  for (uint32_t t = 0; t < sending; ++t) {
    CVec3 field = complexified(vectors[index].of[1][t]);
    own[0].of[t] = field;
    for (uint32_t v = 0; v < count; ++v) {
      const ReplayedVertex& vertex = at.vertices[one.path->vertex + v];
      const Vec3 k = ways[one.row + v], k_s = ways[one.row + v + 1];
      field = met_at(vertex, surface_of(at, vertex, carrier), field, k, k_s, frequency);
      own[v + 1].of[t] = field;
    }
    for (uint32_t r = 0; r < one.ends[0]->polarizations; ++r) {
      bases[i].of[r][t] = dot(vectors[index].of[0][r], field) * spread;
    }
  }
}

// Phases of elements `[slot]`: one thread for each.
KERNEL void turn_elements(AdjointAt at, uint64_t slot_count, C64* RESTRICT phases) {
  const uint64_t i = global_id();
  if (i >= slot_count) return;
  const Slot slot = slot_of(at, i);
  const ReplayedPath& path = at.paths[slot.path];
  if (element_of(path, slot.side) != ALL_ELEMENTS) {
    phases[i] = {1.0, 0.0};
    return;
  }
  const Vec3 d = offset_of(at, at.ends[slot.side][radio_of(path, slot.side)], slot.side, slot.element);
  phases[i] = element_phase(direction_of(path, slot.side), d, at.carriers[slot.carrier]);
}

// Bars of the turns of elements and of their offsets in global axes, and what the receiver's elements say of the couplings,
// all `[slot]`: one thread for each.
KERNEL void pull_elements(AdjointAt at, uint64_t slot_count, const C64* RESTRICT phases,
                          const Couplings* RESTRICT bases, double* RESTRICT turns, Vec3* RESTRICT offsets_bar,
                          ElementBar* RESTRICT elements_bar) {
  const uint64_t i = global_id();
  if (i >= slot_count) return;
  const Slot slot = slot_of(at, i);
  const OnePath one = path_of(at, slot.path);
  const uint64_t first = one.slot + uint64_t(slot.carrier) * (one.elements[0] + one.elements[1]);
  const Couplings& own = bases[uint64_t(slot.path) * at.carrier_count + slot.carrier];
  turns[i] = pairs_vjp(at, one, slot, phases + first, own, elements_bar[i]);
  const bool is_one = element_of(*one.path, slot.side) != ALL_ELEMENTS;
  const double radians = is_one ? 0.0 : turns[i] * TAU * at.carriers[slot.carrier] / SPEED_OF_LIGHT;
  offsets_bar[i] = direction_of(*one.path, slot.side) * radians;
}

// Bars of what a path has at a carrier, of the carrier and of the fields that arrive, all `[path, carrier]`; marks paths
// whose replay is not what the channel holds: one thread for a path and a carrier.
KERNEL void pull_ports(AdjointAt at, const double* RESTRICT reaches, const Vectors* RESTRICT vectors,
                       const Fields* RESTRICT fields, const Couplings* RESTRICT bases, const double* RESTRICT turns,
                       const ElementBar* RESTRICT elements_bar, CarrierBar* RESTRICT at_carriers_bar,
                       double* RESTRICT carriers_bar, Fields* RESTRICT fields_bar, uint32_t* RESTRICT singular) {
  const uint64_t i = global_id();
  if (i >= uint64_t(at.path_count) * at.carrier_count) return;
  const uint32_t index = uint32_t(i / at.carrier_count), carrier = uint32_t(i % at.carrier_count);
  const OnePath one = path_of(at, index);
  const double frequency = at.carriers[carrier], spread = spreading(reaches[index], frequency);
  const uint32_t sending = one.ends[1]->polarizations, receiving = one.ends[0]->polarizations;
  const uint64_t slot = one.slot + uint64_t(carrier) * (one.elements[0] + one.elements[1]);

  ElementBar sum = {};
  for (uint32_t element = 0; element < one.elements[0]; ++element) add_element(sum, elements_bar[slot + element]);
  CarrierBar& bar = at_carriers_bar[i];
  bar = {};
  double frequency_bar = phases_vjp(at, one, 1, frequency, turns + slot + one.elements[0], bar.departure);
  Vec3 back_bar{0.0, 0.0, 0.0};
  frequency_bar += phases_vjp(at, one, 0, frequency, turns + slot, back_bar);
  bar.arrival -= back_bar;

  const uint64_t arrival = fields_of(one, at.carrier_count, carrier) + one.path->vertices;
  double spreading_bar = 0.0, whole = 0.0;
  for (uint32_t t = 0; t < sending; ++t) {
    const CVec3 arrived = fields[arrival].of[t];
    const double size = norm_squared(arrived.x) + norm_squared(arrived.y) + norm_squared(arrived.z);
    CVec3 field_bar = {};
    for (uint32_t r = 0; r < receiving; ++r) {
      const Vec3 vector = vectors[index].of[0][r];
      // A coefficient in which polarisations cancel is known to the digits of what cancels.
      whole = larger(whole, dot(vector, vector) * size * spread * spread);
      const C64 base_bar = sum.couplings.of[r][t];
      // A gain is a factor of the power: its root is one of the amplitude.
      bar.gain += 0.5 * (conj(bases[i].of[r][t]) * base_bar).re;
      spreading_bar += (conj(dot(vector, arrived)) * base_bar).re;
      bar.vectors.of[0][r] += inner(arrived, base_bar * spread);
      field_bar += scaled(vector, base_bar * spread);
    }
    fields_bar[arrival].of[t] = field_bar;
  }
  if (!(sum.apart <= SAME * SAME * whole) && singular[index] == REGULAR) singular[index] = FOREIGN;
  spreading_vjp(reaches[index], frequency, spreading_bar, bar.reach, frequency_bar);
  carriers_bar[i] = frequency_bar;
}

// Walks back from the bars of the fields that arrive to those of the fields that leave
// `[path, carrier, vertex + 1, polarisation]`; adds to the bars of the transmitter's vectors: one thread for a path and a
// carrier.
KERNEL void pull_fields(AdjointAt at, const Vec3* RESTRICT ways, const Fields* RESTRICT fields,
                        Fields* RESTRICT fields_bar, CarrierBar* RESTRICT at_carriers_bar) {
  const uint64_t i = global_id();
  if (i >= uint64_t(at.path_count) * at.carrier_count) return;
  const uint32_t index = uint32_t(i / at.carrier_count), carrier = uint32_t(i % at.carrier_count);
  const OnePath one = path_of(at, index);
  const uint64_t first = fields_of(one, at.carrier_count, carrier);
  for (uint32_t t = 0; t < one.ends[1]->polarizations; ++t) {
    CVec3 field_bar = fields_bar[first + one.path->vertices].of[t];
    for (uint32_t v = one.path->vertices; v-- > 0;) {
      const ReplayedVertex& vertex = at.vertices[one.path->vertex + v];
      field_bar = field_vjp(vertex, surface_of(at, vertex, carrier), fields[first + v].of[t], ways + one.row + v,
                            at.carriers[carrier], field_bar);
      fields_bar[first + v].of[t] = field_bar;
    }
    at_carriers_bar[i].vectors.of[1][t] += real_part(field_bar);
  }
}

// Bars of reflecting vertices and of those with a lobe `[vertex, carrier]`, between the fields and their bars: one thread for
// each.
KERNEL void pull_mirrors(AdjointAt at, uint32_t vertex_count, const Vec3* RESTRICT ways, const Fields* RESTRICT fields,
                         const Fields* RESTRICT fields_bar, ScatterBar* RESTRICT vertices_bar) {
  const uint64_t i = global_id();
  if (i >= uint64_t(vertex_count) * at.carrier_count) return;
  const uint32_t place = uint32_t(i / at.carrier_count), carrier = uint32_t(i % at.carrier_count);
  const ReplayedVertex& vertex = at.vertices[place];
  if (vertex.interaction == DIFFUSE) return;
  const Meeting met = meeting_of(at, place, carrier);
  const Vec3 *own = ways + met.way, n = vec3(vertex.normal);
  const SurfaceAt& surface = surface_of(at, vertex, carrier);
  ScatterBar& bar = vertices_bar[i];
  bar = {};
  for (uint32_t t = 0; t < met.sending; ++t) {
    const CVec3 field = fields[met.field].of[t], left_bar = fields_bar[met.field + 1].of[t];
    if (vertex.interaction == LOBE) {
      lobe_vjp(field, own[0], n, own[1], surface, at.carriers[carrier], left_bar, bar);
    } else {
      mirrored_vjp(field, own[0], n, surface, at.carriers[carrier], left_bar, bar);
    }
  }
}

// The same of vertices that scatter diffusely, and bars of the parts of their patterns `[vertex, carrier, part]`.
KERNEL void pull_diffuse(AdjointAt at, uint32_t vertex_count, const Vec3* RESTRICT ways, const Fields* RESTRICT fields,
                         const Fields* RESTRICT fields_bar, ScatterBar* RESTRICT vertices_bar,
                         PartBar* RESTRICT parts_bar) {
  const uint64_t i = global_id();
  if (i >= uint64_t(vertex_count) * at.carrier_count) return;
  const uint32_t place = uint32_t(i / at.carrier_count), carrier = uint32_t(i % at.carrier_count);
  const ReplayedVertex& vertex = at.vertices[place];
  if (vertex.interaction != DIFFUSE) return;
  const Meeting met = meeting_of(at, place, carrier);
  const SurfaceAt& surface = surface_of(at, vertex, carrier);
  const uint32_t parts = surface.scattering.part_count;
  PartBar* own = parts_bar + size_t(at.places[place].part) * at.carrier_count + size_t(carrier) * parts;
  for (uint32_t part = 0; part < parts; ++part) own[part] = {};
  ScatterBar& bar = vertices_bar[i];
  bar = {};
  for (uint32_t t = 0; t < met.sending; ++t) {
    diffuse_vjp(fields[met.field].of[t], ways[met.way], vec3(vertex.normal), ways[met.way + 1], surface,
                at.carriers[carrier], fields_bar[met.field + 1].of[t], bar, own);
  }
}

// Bars of both ends `[path, end]`, of the planes and of the triangles' corners that vertices lie on `[vertex]`; adds to the
// bars of carriers `[path, carrier]` and to those of directions, and writes those of the offsets of single elements `[slot]`:
// one thread for a path.
KERNEL void pull_paths(AdjointAt at, const Vec3* RESTRICT ways, const double* RESTRICT reaches,
                       const CarrierBar* RESTRICT at_carriers_bar, double* RESTRICT carriers_bar,
                       ScatterBar* RESTRICT vertices_bar, Vec3* RESTRICT offsets_bar, EndBar* RESTRICT ends_bar,
                       PlaneBar* RESTRICT planes_bar, Corners* RESTRICT corners_bar, Image* RESTRICT images) {
  const uint64_t i = global_id();
  if (i >= at.path_count) return;
  const OnePath one = path_of(at, uint32_t(i));
  const uint32_t carriers = at.carrier_count;
  CarrierBar sum = {};
  for (uint32_t carrier = 0; carrier < carriers; ++carrier) add_carrier(sum, at_carriers_bar[i * carriers + carrier]);
  EndBar* ends = ends_bar + 2 * i;
  for (uint32_t side = 0; side < 2; ++side) {
    ends[side] = {};
    ends[side].gain = sum.gain;
  }
  kinematics_vjp(at, one, at.kinematics_bar[i], at.doppler_bar + i * carriers, sum.departure, sum.arrival, ends,
                 carriers_bar + i * carriers);
  ScatterBar* own = vertices_bar + one.path->vertex * carriers;
  for (uint32_t v = 0; v < one.path->vertices; ++v) {
    for (uint32_t carrier = 0; carrier < carriers; ++carrier) {
      carriers_bar[i * carriers + carrier] += own[size_t(v) * carriers + carrier].frequency;
    }
  }
  if (!at.moves) return;
  radiation_vjp(one, sum.vectors, sum.departure, sum.arrival, ends);
  // The bars of a vertex at all carriers are added up in the place of the first one.
  for (uint32_t v = 0; v < one.path->vertices; ++v) {
    DirectionsBar& all = own[size_t(v) * carriers].directions;
    for (uint32_t carrier = 1; carrier < carriers; ++carrier) {
      add_directions(all, own[size_t(v) * carriers + carrier].directions);
    }
  }
  const Ground ground = {ways + one.row, own, carriers, planes_bar + one.path->vertex, corners_bar + one.path->vertex,
                         images + one.row};
  const double tau_bar = at.kinematics_bar[i].tau, log_reach_bar = sum.reach * reaches[i];
  const EndPoints bars = geometry_vjp(at, one, tau_bar, log_reach_bar, sum.departure, sum.arrival, ground);
  for (uint32_t side = 0; side < 2; ++side) {
    ends[side].position += bars.of[side];
    if (element_of(*one.path, side) == ALL_ELEMENTS) continue;
    offsets_bar[one.slot + (side == 0 ? 0 : one.elements[0])] = bars.of[side];
  }
}

// Sums of `width` numbers from the `first` on of the `values` `[item, stride]` of each segment of `items`, in their order: one
// thread for a segment and a number.
KERNEL void sum_segments(const double* RESTRICT values, uint32_t stride, uint32_t first, uint32_t width,
                         const uint32_t* RESTRICT items, const uint32_t* RESTRICT begins, uint32_t segment_count,
                         double* RESTRICT sums) {
  const uint64_t i = global_id();
  if (i >= uint64_t(segment_count) * width) return;
  const uint64_t segment = i / width, number = i % width;
  double sum = 0.0;
  for (uint32_t k = begins[segment]; k < begins[segment + 1]; ++k) {
    sum += values[size_t(items[k]) * stride + first + number];
  }
  sums[i] = sum;
}
