// Reflection coefficients of a half space and of a slab (theory.md, "Fresnel", "Slab"): the twin of
// src/interaction/fresnel.rs, for what reflection needs.
#pragma once
#include "constants.cuh"
#include "math/complex.cuh"

// Amplitude coefficients of a surface for a plane wave from vacuum.
struct Coefficients {
  C64 r_s, r_p;
  // (R_s + R_p)/sin^2 theta, finite at normal incidence.
  C64 excess;
};

// The square root with Im <= 0, the wave that decays inwards (T11); `z` with Im z <= 0.
DEVICE C64 root_of_decay(const C64& z) {
  const double modulus = hypot(z.re, z.im);
  const double larger_part = sqrt((modulus + fabs(z.re)) / 2.0);
  if (larger_part == 0.0) return {0.0, 0.0};
  const double smaller_part = fabs(z.im) / (2.0 * larger_part);
  return z.re >= 0.0 ? C64{larger_part, -smaller_part} : C64{smaller_part, -larger_part};
}

// 1 - e^{-2jq} for Im q <= 0, without cancellation for small q.
DEVICE C64 one_minus_exp_minus_2j(const C64& q) {
  double sine, cosine;
  sincos(q.re, &sine, &cosine);
  const double decay = exp(2.0 * q.im);
  return {-expm1(2.0 * q.im) + 2.0 * decay * sine * sine, 2.0 * decay * sine * cosine};
}

// One interface between vacuum and eta: the normal component `a` of the wave vector within, the denominators and the
// coefficients.
struct Interface {
  C64 a, sum_s, sum_p;
  Coefficients reflected;
};

DEVICE Interface interface_of(const C64& eta, double cos_theta) {
  const C64 less_one = eta - 1.0;
  const double cos_squared = cos_theta * cos_theta;
  Interface wave;
  wave.a = root_of_decay(less_one + cos_squared);
  wave.sum_s = wave.a + cos_theta;
  wave.sum_p = eta * cos_theta + wave.a;
  if (is_zero(less_one)) {
    wave.reflected = {{0.0, 0.0}, {0.0, 0.0}, {0.0, 0.0}};
    return wave;
  }
  // Each expanded by its denominator: no difference of near equals is left but the one that makes Brewster's angle.
  wave.reflected.r_s = -less_one / wave.sum_s / wave.sum_s;
  wave.reflected.r_p = less_one / wave.sum_p * (((eta + 1.0) * cos_squared - 1.0) / wave.sum_p);
  wave.reflected.excess = less_one * -2.0 / wave.sum_s / wave.sum_p;
  return wave;
}

// Reflection by a single-layer slab of `thickness` [m] in vacuum at `frequency` [Hz] (T12-T14); an infinite thickness is a
// half space.
DEVICE Coefficients slab(const C64& eta, double cos_theta, double thickness, double frequency) {
  const Interface wave = interface_of(eta, cos_theta);
  const Coefficients& half = wave.reflected;
  if (thickness > 1.7976931348623157e308 || is_zero(half.excess)) return half;
  // Grazing: the limits for eta != 1, at which numerator and denominator may vanish together.
  if (cos_theta == 0.0) return {{-1.0, 0.0}, {-1.0, 0.0}, half.excess};
  const C64 q = wave.a * (TAU * thickness * frequency / SPEED_OF_LIGHT);
  const C64 one{1.0, 0.0}, one_less_e = one_minus_exp_minus_2j(q);
  // 1 - r^2 in closed form: 4 c a/(c + a)^2 and 4 eta c a/(eta c + a)^2.
  const C64 open_s = wave.a * (4.0 * cos_theta) / wave.sum_s / wave.sum_s;
  const C64 open_p = eta * wave.a * (4.0 * cos_theta) / wave.sum_p / wave.sum_p;
  const C64 d_s = open_s + half.r_s * half.r_s * one_less_e, d_p = open_p + half.r_p * half.r_p * one_less_e;
  const C64 cross = one - half.r_s * half.r_p * (one - one_less_e);
  return {half.r_s * one_less_e / d_s, half.r_p * one_less_e / d_p, half.excess * one_less_e * cross / d_s / d_p};
}

// Amplitude factor of the specular reflection at a rough surface (T15).
DEVICE double roughness_factor(double sigma_h, double cos_theta, double frequency) {
  const double phase = TAU * frequency / SPEED_OF_LIGHT * sigma_h * cos_theta;
  return exp(-2.0 * phase * phase);
}
