// The coefficients of paths: first between the polarisations of each path's ends, then between all its ports.
#include "path/field.cuh"
#include "search.cuh"

// Couplings of a path at a carrier `[path, carrier, receiver polarisation, transmitter polarisation]`: one thread for a path
// and a carrier.
KERNEL void couple_polarizations(const ReplayedPath* RESTRICT paths, uint32_t path_count,
                                 const ReplayedVertex* RESTRICT vertices, const SurfaceAt* RESTRICT surfaces,
                                 uint32_t material_count, const double* RESTRICT carriers, uint32_t carrier_count,
                                 const RadioEnd* RESTRICT transmitters, const RadioEnd* RESTRICT receivers,
                                 C64* RESTRICT couplings) {
  const uint64_t i = global_id();
  if (i >= uint64_t(path_count) * carrier_count) return;
  const uint32_t carrier = uint32_t(i % carrier_count);
  const ReplayedPath& path = paths[i / carrier_count];
  const double frequency = carriers[carrier];
  const RadioEnd &transmitter = transmitters[path.transmitter], &receiver = receivers[path.receiver];
  const Vec3 k_t = vec3(path.departure), k_r = -vec3(path.arrival);
  const double spread = spreading(reach(path, vertices), frequency);
  for (uint32_t s = 0; s < transmitter.polarizations; ++s) {
    const CVec3 sent = complexified(in_space(pattern_towards(transmitter, s, k_t), k_t));
    const CVec3 arrived =
        carried(path, vertices, surfaces + size_t(carrier) * material_count, frequency, sent) * spread;
    for (uint32_t r = 0; r < receiver.polarizations; ++r) {
      const Vec3 heard = in_space(pattern_towards(receiver, r, k_r), k_r);
      couplings[(i * MOST_POLARIZATIONS + r) * MOST_POLARIZATIONS + s] = dot(heard, arrived);
    }
  }
}

// The port's share of an end: its polarisation, and the phase of its element.
DEVICE C64 port_phase(const RadioEnd& end, uint32_t element, uint32_t port, const double* offsets, const Vec3& k,
                      double frequency, uint32_t& polarization) {
  if (element != ALL_ELEMENTS) {
    polarization = port;
    return {1.0, 0.0};
  }
  polarization = port / end.elements;
  const double* offset = offsets + 3 * (end.first_element + port % end.elements);
  return element_phase(k, vec3(offset), frequency);
}

DEVICE uint32_t ports_of(const RadioEnd& end, uint32_t element) {
  return element == ALL_ELEMENTS ? end.polarizations * end.elements : end.polarizations;
}

// Coefficients `[path][carrier, receiver port, transmitter port]` from `first` on: one thread for each.
KERNEL void weigh_ports(const ReplayedPath* RESTRICT paths, uint32_t path_count, const double* RESTRICT carriers,
                        uint32_t carrier_count, const RadioEnd* RESTRICT transmitters,
                        const double* RESTRICT transmitter_offsets, const RadioEnd* RESTRICT receivers,
                        const double* RESTRICT receiver_offsets, const C64* RESTRICT couplings, uint64_t first,
                        uint32_t count, C64* RESTRICT coefficients_out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const uint32_t index =
      last_beginning_by(first + i, path_count, [&](uint32_t k) { return paths[k].coefficient; });
  const ReplayedPath& path = paths[index];
  const RadioEnd &transmitter = transmitters[path.transmitter], &receiver = receivers[path.receiver];
  const uint32_t columns = ports_of(transmitter, path.transmitter_element);
  const uint32_t rows = ports_of(receiver, path.receiver_element);
  const uint64_t place = first + i - path.coefficient;
  const uint32_t column = uint32_t(place % columns), row = uint32_t(place / columns % rows);
  const uint64_t carrier = place / columns / rows;
  const double frequency = carriers[carrier];
  uint32_t r, s;
  const C64 at_transmitter = port_phase(transmitter, path.transmitter_element, column, transmitter_offsets,
                                        vec3(path.departure), frequency, s);
  const C64 at_receiver =
      port_phase(receiver, path.receiver_element, row, receiver_offsets, -vec3(path.arrival), frequency, r);
  const C64 between =
      couplings[((uint64_t(index) * carrier_count + carrier) * MOST_POLARIZATIONS + r) * MOST_POLARIZATIONS + s];
  coefficients_out[i] = between * at_transmitter * at_receiver;
}
