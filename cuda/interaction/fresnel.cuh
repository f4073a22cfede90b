// Reflection coefficients of a half space and of a slab (theory.md, "Fresnel", "Slab"): the twin of
// src/interaction/fresnel.rs, for what reflection needs.
#pragma once
#include "constants.cuh"
#include "math/complex.cuh"
#include "math/phase.cuh"

// Amplitude coefficients of a surface for a plane wave from vacuum.
struct Coefficients {
  C64 r_s, r_p;
  // (R_s + R_p)/sin^2 theta, finite at normal incidence.
  C64 excess;
};

// The square root with Im <= 0, the wave that decays inwards (T11); `z` with Im z <= 0.
DEVICE C64 root_of_decay(const C64& z) {
  const double modulus = sqrt(norm_squared(z));
  const double larger_part = sqrt((modulus + fabs(z.re)) / 2.0);
  if (larger_part == 0.0) return {0.0, 0.0};
  const double smaller_part = fabs(z.im) / (2.0 * larger_part);
  return z.re >= 0.0 ? C64{larger_part, -smaller_part} : C64{smaller_part, -larger_part};
}

// 1 - e^{-2jq} for Im q <= 0, without cancellation for small q.
DEVICE C64 one_minus_exp_minus_2j(const C64& q) {
  double sine, cosine;
  sincos_of_turns(q.re / TAU, &sine, &cosine);
  const double decay = exp(2.0 * q.im);
  const double lost = q.im < -1.0 ? 1.0 - decay : -expm1(2.0 * q.im);
  return {lost + 2.0 * decay * sine * sine, 2.0 * decay * sine * cosine};
}

// One interface between vacuum and eta: the normal component `a` of the wave vector within, one over the denominators
// cos theta + a and eta cos theta + a, and the coefficients.
struct Interface {
  C64 a, over_s, over_p;
  Coefficients reflected;
};

DEVICE Interface interface_of(const C64& eta, double cos_theta) {
  const C64 less_one = eta - 1.0;
  const double cos_squared = cos_theta * cos_theta;
  Interface wave;
  wave.a = root_of_decay(less_one + cos_squared);
  wave.over_s = inverse(wave.a + cos_theta);
  wave.over_p = inverse(eta * cos_theta + wave.a);
  if (is_zero(less_one)) {
    wave.reflected = {{0.0, 0.0}, {0.0, 0.0}, {0.0, 0.0}};
    return wave;
  }
  // Each expanded by its denominator: no difference of near equals is left but the one that makes Brewster's angle.
  const C64 by_p = less_one * wave.over_p;
  wave.reflected.r_s = -less_one * wave.over_s * wave.over_s;
  wave.reflected.r_p = by_p * (((eta + 1.0) * cos_squared - 1.0) * wave.over_p);
  wave.reflected.excess = by_p * wave.over_s * -2.0;
  return wave;
}

// The bar of x from that of an analytic function with the derivative `slope` there.
DEVICE C64 pulled(const C64& slope, const C64& bar) { return conj(slope) * bar; }

// The adjoint of `interface_of`, which is `wave`, for cos_theta above 0; `bar` holds those of its results. Adds to the bars
// of both arguments.
DEVICE void interface_of_vjp(const Interface& wave, const C64& eta, double cos_theta, const Interface& bar,
                             C64& eta_bar, double& cos_theta_bar) {
  const C64 less_one = eta - 1.0;
  const double cos_squared = cos_theta * cos_theta;
  const C64 &over_s = wave.over_s, &over_p = wave.over_p;
  const C64 brewster = (eta + 1.0) * cos_squared - 1.0;
  const C64 r_s_bar = pulled(over_s * over_s, bar.reflected.r_s);
  const C64 r_p_bar = pulled(over_p * over_p, bar.reflected.r_p);
  const C64 excess_bar = pulled(over_s * over_p * -2.0, bar.reflected.excess);
  const C64 less_one_bar = -r_s_bar + pulled(brewster, r_p_bar) + excess_bar;
  const C64 brewster_bar = pulled(less_one, r_p_bar);
  // Of the denominators.
  const C64 sum_s_bar = -pulled(over_s * over_s, bar.over_s) -
                        pulled(wave.reflected.r_s * 2.0 * over_s, bar.reflected.r_s) -
                        pulled(wave.reflected.excess * over_s, bar.reflected.excess);
  const C64 sum_p_bar = -pulled(over_p * over_p, bar.over_p) -
                        pulled(wave.reflected.r_p * 2.0 * over_p, bar.reflected.r_p) -
                        pulled(wave.reflected.excess * over_p, bar.reflected.excess);
  // a^2 = eta - 1 + c^2.
  const C64 square_bar = pulled(inverse(wave.a) * 0.5, bar.a + sum_s_bar + sum_p_bar);
  eta_bar += less_one_bar + brewster_bar * cos_squared + sum_p_bar * cos_theta + square_bar;
  const C64 by_square = pulled(eta + 1.0, brewster_bar) + square_bar;
  cos_theta_bar += 2.0 * cos_theta * by_square.re + sum_s_bar.re + pulled(eta, sum_p_bar).re;
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
  const C64 open_s = wave.a * (4.0 * cos_theta) * (wave.over_s * wave.over_s);
  const C64 open_p = eta * wave.a * (4.0 * cos_theta) * (wave.over_p * wave.over_p);
  const C64 over_s = inverse(open_s + half.r_s * half.r_s * one_less_e);
  const C64 over_p = inverse(open_p + half.r_p * half.r_p * one_less_e);
  const C64 share_s = one_less_e * over_s, share_p = one_less_e * over_p;
  const C64 cross = one - half.r_s * half.r_p * (one - one_less_e);
  return {half.r_s * share_s, half.r_p * share_p, half.excess * cross * share_s * over_p};
}

// The adjoint of a slab's R = r e_1/d, d = open + r^2 e_1, in one polarisation; `others_bar` is d times what else d is
// told. Adds to the bars of r and e_1 and returns that of `open`.
DEVICE C64 polarized_vjp(const C64& r, const C64& d, const C64& one_less_e, const C64& out_bar, const C64& others_bar,
                         C64& r_bar, C64& e_bar) {
  const C64 d_bar = pulled(inverse(d), others_bar - pulled(r * one_less_e / d, out_bar));
  r_bar += pulled(one_less_e / d, out_bar) + pulled(r * 2.0 * one_less_e, d_bar);
  e_bar += pulled(r / d, out_bar) + pulled(r * r, d_bar);
  return d_bar;
}

// The adjoint of `slab`, for cos_theta above 0: adds to the bars of its four arguments. A half space has no bar of its
// thickness, and a surface at exactly grazing incidence none at all.
DEVICE void slab_vjp(const C64& eta, double cos_theta, double thickness, double frequency, const Coefficients& bar,
                     C64& eta_bar, double& cos_theta_bar, double& thickness_bar, double& frequency_bar) {
  if (cos_theta == 0.0) return;
  const Interface wave = interface_of(eta, cos_theta);
  const C64 zero{0.0, 0.0}, one{1.0, 0.0};
  Interface wave_bar = {zero, zero, zero, bar};
  if (thickness > 1.7976931348623157e308) {
    interface_of_vjp(wave, eta, cos_theta, wave_bar, eta_bar, cos_theta_bar);
    return;
  }
  const Coefficients& half = wave.reflected;
  const double wave_number = TAU * thickness * frequency / SPEED_OF_LIGHT;
  const C64 q = wave.a * wave_number, one_less_e = one_minus_exp_minus_2j(q), e = one - one_less_e;
  // open = m o^2, m = 4 c a or 4 eta c a.
  const double four = 4.0 * cos_theta;
  const C64 m_s = wave.a * four, m_p = eta * wave.a * four;
  const C64 squared_s = wave.over_s * wave.over_s, squared_p = wave.over_p * wave.over_p;
  const C64 open_s = m_s * squared_s, open_p = m_p * squared_p;
  const C64 d_s = open_s + half.r_s * half.r_s * one_less_e, d_p = open_p + half.r_p * half.r_p * one_less_e;
  // G = g e_1 X/(d_s d_p), X = 1 - r_s r_p (1 - e_1).
  const C64 cross = one - half.r_s * half.r_p * e;
  const C64 over = inverse(d_s * d_p), share = one_less_e * cross * over;
  wave_bar.reflected.excess = pulled(share, bar.excess);
  const C64 cross_bar = pulled(half.excess * one_less_e * over, bar.excess);
  C64 e_bar = pulled(half.excess * cross * over, bar.excess) + pulled(half.r_s * half.r_p, cross_bar);
  const C64 others_bar = pulled(-half.excess * share, bar.excess);
  wave_bar.reflected.r_s = pulled(-half.r_p * e, cross_bar);
  wave_bar.reflected.r_p = pulled(-half.r_s * e, cross_bar);
  const C64 open_s_bar =
      polarized_vjp(half.r_s, d_s, one_less_e, bar.r_s, others_bar, wave_bar.reflected.r_s, e_bar);
  const C64 open_p_bar =
      polarized_vjp(half.r_p, d_p, one_less_e, bar.r_p, others_bar, wave_bar.reflected.r_p, e_bar);
  wave_bar.over_s = pulled(m_s * wave.over_s * 2.0, open_s_bar);
  wave_bar.over_p = pulled(m_p * wave.over_p * 2.0, open_p_bar);
  const C64 m_s_bar = pulled(squared_s, open_s_bar), m_p_bar = pulled(squared_p, open_p_bar);
  wave_bar.a = m_s_bar * four + pulled(eta * four, m_p_bar);
  eta_bar += pulled(wave.a * four, m_p_bar);
  cos_theta_bar += pulled(wave.a * 4.0, m_s_bar).re + pulled(eta * wave.a * 4.0, m_p_bar).re;
  // e_1 = 1 - e^{-2jq}.
  const C64 q_bar = pulled(C64{0.0, 2.0} * e, e_bar);
  wave_bar.a += q_bar * wave_number;
  const double by_number = pulled(wave.a, q_bar).re * TAU / SPEED_OF_LIGHT;
  thickness_bar += by_number * frequency;
  frequency_bar += by_number * thickness;
  interface_of_vjp(wave, eta, cos_theta, wave_bar, eta_bar, cos_theta_bar);
}

// Amplitude factor of the specular reflection at a rough surface (T15).
DEVICE double roughness_factor(double sigma_h, double cos_theta, double frequency) {
  const double phase = TAU * frequency / SPEED_OF_LIGHT * sigma_h * cos_theta;
  return exp(-2.0 * phase * phase);
}

// The adjoint of `roughness_factor`; adds to the bars of its three arguments.
DEVICE void roughness_factor_vjp(double sigma_h, double cos_theta, double frequency, double factor_bar,
                                 double& sigma_h_bar, double& cos_theta_bar, double& frequency_bar) {
  const double wave_number = TAU * frequency / SPEED_OF_LIGHT;
  const double phase = wave_number * sigma_h * cos_theta;
  const double phase_bar = -4.0 * phase * exp(-2.0 * phase * phase) * factor_bar;
  sigma_h_bar += phase_bar * wave_number * cos_theta;
  cos_theta_bar += phase_bar * wave_number * sigma_h;
  frequency_bar += phase_bar * TAU / SPEED_OF_LIGHT * sigma_h * cos_theta;
}
