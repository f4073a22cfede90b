// Probes of maps, and of the sums that they are made of.
#include "map/forward.cuh"
#include "probe/put.cuh"

DEVICE double* put(double* out, const Wave& wave) {
  out = put(put(put(out, wave.origin), wave.k), wave.field);
  out = put(put(put(out, wave.length), wave.density), double(wave.ray));
  return put(put(put(put(out, wave.skip), wave.depth), wave.state), wave.before);
}
DEVICE double* put(double* out, const Sight& sight) {
  out = put(put(put(out, sight.from), sight.to), sight.gain);
  return put(put(put(out, sight.excess), sight.skip), sight.cell);
}

// Numbers of a wave and of a point of the sheet.
constexpr uint32_t WAVE_NUMBERS = 21, SIGHT_NUMBERS = 10;

// math/fixed.cuh

// x
KERNEL void probe_fixed_of(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + i, value_of(fixed_of(in[i]).word));
}

// cell, gain, excess: moments that were lost, counted in `lost` [item]
KERNEL void probe_add_deposit(ForwardAt forward, uint64_t* sums, uint32_t* lost, const double* in, uint32_t count,
                              double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  add_deposit(forward, Deposit{in[3 * i + 1], in[3 * i + 2], uint32_t(in[3 * i])}, sums, lost + i);
  put(out + i, lost[i]);
}

// place
KERNEL void probe_value_of(const uint64_t* sums, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  put(out + i, value_of(sums + FIXED_WORDS * uint32_t(in[i])));
}

// a, b: what both words make of the place
KERNEL void probe_atomic_add_long(uint64_t* totals, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const uint64_t before = atomic_add(totals, uint64_t(in[i]));
  put(put(out + 2 * i, double(before >> 32)), double(uint32_t(before)));
}

// map/grid.cuh

// u, v, p
KERNEL void probe_sheet(ForwardAt forward, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 5 * i;
  put(put(out + 4 * i, point_at(forward.sheet, in[0], in[1])), cell_at(forward.sheet, vec3(in + 2)));
}

// path/corners.cuh

// p, patch
KERNEL void probe_is_at_seam(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 4 * i;
  put(out + i, double(is_at_seam(geometry, uint32_t(in[3]), vec3(in))));
}

// before, vertex, behind, patch
KERNEL void probe_turns_through(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 10 * i;
  put(out + i, double(turns_through(geometry, vec3(in), vec3(in + 3), uint32_t(in[9]), vec3(in + 6))));
}

// before, from, to, skip, at, whether the leg begins at a seam, and whether it ends at one
KERNEL void probe_reaches(GeometryView geometry, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 13 * i;
  const RayLeg leg = {vec3(in + 3), vec3(in), uint32_t(in[9]), in[11] > 0.0};
  put(out + i, double(reaches(geometry, leg, vec3(in + 6), uint32_t(in[10]), in[12] > 0.0)));
}

// map/forward.cuh

// key [2], ray [low, high], depth, branch
KERNEL void probe_words_of(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 6 * i;
  const uint32_t key[2] = {uint32_t(in[0]), uint32_t(in[1])};
  const uint64_t ray = uint64_t(in[3]) << 32 | uint64_t(in[2]);
  const TwoWords words = words_of(key, ray, uint32_t(in[4]), uint32_t(in[5]));
  put(put(out + 8 * i, words.first.word), words.more.word);
}

// k, field: what is sent towards k, the first wave there, what is received of the field that arrives along k
KERNEL void probe_radios(ForwardAt forward, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 9 * i;
  const Vec3 k = vec3(in);
  out = put(out + (7 + WAVE_NUMBERS) * i, transmitted(forward.source, k, forward.frequency));
  put(put(out, first(forward, 0, k)), received(forward.receiver, k, field_at(in + 3), forward.frequency));
}

// wave, reach
KERNEL void probe_deposit(ForwardAt forward, const Wave* waves, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const Deposit left = deposit(forward, waves[uint32_t(in[2 * i])], in[2 * i + 1]);
  put(put(put(out + 3 * i, left.cell), left.gain), left.excess);
}

// wave, key [2]: waves that go on, points of the sheet, and their numbers
KERNEL void probe_met(ForwardAt forward, const Wave* waves, const Hit* hits, const double* in, uint32_t count,
                      double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 3 * i;
  out += (2 + 2 * WAVE_NUMBERS + 2 * SIGHT_NUMBERS) * i;
  const Wave& wave = waves[uint32_t(in[0])];
  const uint32_t key[2] = {uint32_t(in[1]), uint32_t(in[2])};
  double *next = out + 2, *seen = out + 2 + 2 * WAVE_NUMBERS;
  met(
      forward, wave, hits[uint32_t(in[0])], words_of(key, wave.ray, wave.depth, wave.depth),
      [&](const Wave& on) {
        next = put(next, on);
        out[0] += 1.0;
      },
      [&](const Sight& sight) {
        seen = put(seen, sight);
        out[1] += 1.0;
      });
}
