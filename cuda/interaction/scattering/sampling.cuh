// Directions drawn as patterns and lobes scatter (T74): the twin of src/interaction/scattering/sampling.rs, which says why
// some draws are lost.
#pragma once
#include "interaction/scattering/pattern.cuh"
#include "math/frame.cuh"

// A direction that was drawn, and its probability density [1/sr]: 0 for one that would enter the surface.
struct Drawn {
  Vec3 k_s;
  double density;
};

// What the lobes of a part hold over the whole sphere, by their shares [sr]; 0 and 0 of a Lambertian part.
struct Masses {
  double forward, backward;
};

DEVICE Masses masses(const PartAt& part) {
  // A lobe that is not there holds nothing.
  return {part.forward_share * part.forward.full, (1.0 - part.forward_share) * part.backward.full};
}

// 1 - c of a lobe below which the share `u` of its sphere lies, from 0 to 2 (T74).
DEVICE double off_at(uint32_t shape, double sharpness, double u) {
  if (shape == VON_MISES_FISHER) return smaller(-log1p(u * expm1(-2.0 * sharpness)) / sharpness, 2.0);
  return -2.0 * expm1(log1p(-u) / (sharpness + 1.0));
}

// The direction whose cosine to `axis` is 1 - `off`, at the turn `u` in [0, 1) about it.
DEVICE Vec3 around(const Vec3& axis, double off, double u) {
  const Tangents t = tangents_of(axis);
  double sine, cosine;
  sincos_of_turns(u, &sine, &cosine);
  return axis * (1.0 - off) + (t.u * cosine + t.v * sine) * sqrt(larger(off * (2.0 - off), 0.0));
}

// Draws a direction from one part, into the surface too; `u1` chooses between its lobes.
DEVICE Vec3 draw(const PartAt& part, const Vec3& k_i, const Vec3& n, double u1, double u2, double u3) {
  const double along = dot(k_i, n);
  const Masses m = masses(part);
  if (m.forward + m.backward == 0.0) {
    // 1 - cos of the cosine law: sin^2 uniform.
    return around(along > 0.0 ? -n : n, u2 / (1.0 + sqrt(1.0 - u2)), u3);
  }
  if (u1 * (m.forward + m.backward) < m.forward) {
    return around(k_i - n * (2.0 * along), off_at(part.forward.shape, part.forward.sharpness, u2), u3);
  }
  return around(-k_i, off_at(part.backward.shape, part.backward.sharpness, u2), u3);
}

// Probability density of a direction drawn from one part [1/sr]; 0 into the surface.
DEVICE double part_sample_density(const PartAt& part, const Directions& at) {
  if (at.cos_s <= 0.0) return 0.0;
  const Masses m = masses(part);
  if (m.forward + m.backward == 0.0) return at.cos_s / PI;
  const double value = over_lobes(part, at, [](double share, const SingleLobeAt& lobe, double off) {
    return share * lobe_at(lobe.shape, lobe.sharpness, off).value;
  });
  return value / (m.forward + m.backward);
}

// Probability density with which a pattern draws `k_s` [1/sr]; 0 into the surface.
DEVICE double sample_density(const ScatteringAt& scattering, const Vec3& k_i, const Vec3& n, const Vec3& k_s) {
  const Directions at = directions_of(k_i, n, k_s);
  double sum = 0.0;
  for (uint32_t i = 0; i < scattering.part_count; ++i) {
    const PartAt& part = scattering.parts[i];
    sum += part.weight * part_sample_density(part, at);
  }
  return sum / scattering.total_weight;
}

// The same of a lobe.
DEVICE double sample_density(const PartAt& lobe, const Vec3& k_i, const Vec3& n, const Vec3& k_s) {
  return part_sample_density(lobe, directions_of(k_i, n, k_s));
}

// A part of a pattern, and where within its share of the weights.
struct Chosen {
  const PartAt* part;
  double u;
};

// The part that `u` in [0, 1) falls on, by weight.
DEVICE Chosen part_at(const ScatteringAt& scattering, double u) {
  double rest = u * scattering.total_weight;
  const PartAt* heaviest = scattering.parts;
  for (uint32_t i = 0; i < scattering.part_count; ++i) {
    const PartAt* part = scattering.parts + i;
    if (rest < part->weight) return {part, rest / part->weight};
    rest -= part->weight;
    if (part->weight >= heaviest->weight) heaviest = part;
  }
  // Rounding may leave nothing for the last part that has a weight.
  return {heaviest, 0.0};
}

// Draws a direction of a pattern by three numbers, uniform in [0, 1).
DEVICE Drawn sample(const ScatteringAt& scattering, const Vec3& k_i, const Vec3& n, double u1, double u2, double u3) {
  const Chosen chosen = part_at(scattering, u1);
  const Vec3 k_s = draw(*chosen.part, k_i, n, chosen.u, u2, u3);
  return {k_s, sample_density(scattering, k_i, n, k_s)};
}

// Draws a direction of a lobe by two.
DEVICE Drawn sample(const PartAt& lobe, const Vec3& k_i, const Vec3& n, double u2, double u3) {
  const Vec3 k_s = draw(lobe, k_i, n, 0.0, u2, u3);
  return {k_s, sample_density(lobe, k_i, n, k_s)};
}
