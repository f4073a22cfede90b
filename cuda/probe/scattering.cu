// Probes of interaction/scattering: of the first part of a surface's pattern, of its pattern and of its lobe.
#include "probe/put.cuh"

// k_i, n, k_s
KERNEL void probe_directions_of(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 9 * i;
  const Directions at = directions_of(vec3(in), vec3(in + 3), vec3(in + 6));
  put(put(put(put(out + 4 * i, at.cos_i), at.cos_s), at.off_forward), at.off_backward);
}

// shape, sharpness, off, u
KERNEL void probe_lobe_at(const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 4 * i;
  const uint32_t shape = uint32_t(in[0]);
  const LobeAt h = lobe_at(shape, in[1], in[2]);
  put(put(put(put(out + 4 * i, h.value), h.by_off), h.by_log), off_at(shape, in[1], in[3]));
}

// surface, y
KERNEL void probe_normaliser(const SurfaceAt* surfaces, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  const SingleLobeAt& of = surfaces[uint32_t(in[2 * i])].lobe->forward;
  const double y = in[2 * i + 1];
  const NormaliserAt area = normaliser(of, y);
  const FurnaceAt q = of.nodes[1] > 0 ? furnace(of, y) : FurnaceAt{0.0, 0.0, 0.0};
  put(put(put(put(put(put(out + 6 * i, area.area), area.by_cosine), area.by_log), q.root), q.by_cosine), q.by_log);
}

// surface, k_i, n, k_s
KERNEL void probe_density(const SurfaceAt* surfaces, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 10 * i;
  const SurfaceAt& surface = surfaces[uint32_t(in[0])];
  const Vec3 k_i = vec3(in + 1), n = vec3(in + 4), k_s = vec3(in + 7);
  const Directions at = directions_of(k_i, n, k_s);
  const PartAt& part = surface.scattering.parts[0];
  out = put(put(out + 6 * i, part_density(part, at)), part_sample_density(part, at));
  out = put(put(out, density(surface.scattering, k_i, n, k_s)), sample_density(surface.scattering, k_i, n, k_s));
  put(put(out, density(*surface.lobe, k_i, n, k_s)), sample_density(*surface.lobe, k_i, n, k_s));
}

// surface, k_i, n, k_s, field, frequency
KERNEL void probe_scattered(const SurfaceAt* surfaces, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 17 * i;
  const SurfaceAt& surface = surfaces[uint32_t(in[0])];
  const Vec3 k_i = vec3(in + 1), n = vec3(in + 4), k_s = vec3(in + 7);
  const CVec3 field = field_at(in + 10);
  out = put(put(out + 14 * i, diffuse(field, k_i, n, k_s, surface, in[16])), lobe(field, k_i, n, k_s, surface, in[16]));
  put(put(out, reflected_share(field, k_i, n, surface, in[16])),
      diffuse_share(surface, cos_incidence(k_i, n), in[16]));
}

// surface, k_i, n, u [3]
KERNEL void probe_sample(const SurfaceAt* surfaces, const double* in, uint32_t count, double* out) {
  const uint64_t i = global_id();
  if (i >= count) return;
  in += 10 * i;
  const SurfaceAt& surface = surfaces[uint32_t(in[0])];
  const Vec3 k_i = vec3(in + 1), n = vec3(in + 4);
  out = put(out + 11 * i, draw(surface.scattering.parts[0], k_i, n, in[7], in[8], in[9]));
  out = put(out, sample(surface.scattering, k_i, n, in[7], in[8], in[9]));
  put(out, sample(*surface.lobe, k_i, n, in[8], in[9]));
}
