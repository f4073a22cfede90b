// Element patterns and polarisations (T30-T34): the twin of src/scene/antenna.rs.
#pragma once
#include "constants.cuh"
#include "math/frame.cuh"

// src/scene/antenna.rs, Element.
enum Element : uint32_t { ISOTROPIC, DIPOLE, HALF_WAVE_DIPOLE, TR_38901 };

constexpr double DIPOLE_GAIN = 1.5;
constexpr double HALF_WAVE_DIPOLE_GAIN = 1.643;
// TR 38.901 table 7.3-1: half-power beam width [rad], SLA_V = A_max [dB], G_E,max [dB].
constexpr double TR38901_BEAM_WIDTH = 65.0 / 180.0 * PI;
constexpr double TR38901_MAX_ATTENUATION_DB = 30.0;
constexpr double TR38901_GAIN_DB = 8.0;

// sqrt(1.643) cos(pi/2 cos theta)/sin theta (T32), without cancellation at the poles.
DEVICE double half_wave_amplitude(double theta) {
  double sine, cosine;
  sincos(theta, &sine, &cosine);
  if (sine == 0.0) return 0.0;
  const double one_less_cos = sine * sine / (1.0 + fabs(cosine));
  return sqrt(HALF_WAVE_DIPOLE_GAIN) * fabs(sin(PI / 2.0 * one_less_cos) / sine);
}

// The derivative of `half_wave_amplitude` by theta, from 0 to pi [1/rad].
DEVICE double half_wave_slope(double theta) {
  double sine, cosine;
  sincos(theta, &sine, &cosine);
  const double side = copysign(1.0, cosine);
  // cos(pi/2 cos theta) tends to pi/4 sin^2 theta.
  if (sine == 0.0) return sqrt(HALF_WAVE_DIPOLE_GAIN) * (PI / 4.0) * side;
  const double angle = PI / 2.0 * sine * sine / (1.0 + fabs(cosine));
  return sqrt(HALF_WAVE_DIPOLE_GAIN) * (PI / 2.0 * side * cos(angle) - sin(angle) / sine * (cosine / sine));
}

DEVICE double parabola_db(double angle) {
  const double x = angle / TR38901_BEAM_WIDTH;
  return smaller(12.0 * x * x, TR38901_MAX_ATTENUATION_DB);
}

// The derivative of `parabola_db` [dB/rad]; 0 on its floor.
DEVICE double parabola_slope(double angle) {
  const double square = TR38901_BEAM_WIDTH * TR38901_BEAM_WIDTH;
  return 12.0 * angle * angle / square < TR38901_MAX_ATTENUATION_DB ? 24.0 * angle / square : 0.0;
}

// Gain of the TR 38.901 table 7.3-1 element [dB] (T33).
DEVICE double tr38901_gain_db(double theta, double phi) {
  const double turned = phi - TAU * round(phi / TAU);
  const double attenuation = parabola_db(theta - PI / 2.0) + parabola_db(turned);
  return TR38901_GAIN_DB - smaller(attenuation, TR38901_MAX_ATTENUATION_DB);
}

// Amplitude = sqrt(gain over isotropic) in a direction [rad] of the element's own frame (T30-T33).
DEVICE double amplitude(uint32_t element, double theta, double phi) {
  switch (element) {
    case DIPOLE: return sqrt(DIPOLE_GAIN) * fabs(sin(theta));
    case HALF_WAVE_DIPOLE: return half_wave_amplitude(theta);
    case TR_38901: return pow(10.0, tr38901_gain_db(theta, phi) / 20.0);
    default: return 1.0;
  }
}

// Derivatives by the zenith and the azimuth.
struct Slopes {
  double by_theta, by_phi;
};

// The derivatives of `tr38901_gain_db` [dB/rad]; 0 where the attenuation is at its most.
DEVICE Slopes tr38901_gain_slopes(double theta, double phi) {
  const double turned = phi - TAU * round(phi / TAU), risen = theta - PI / 2.0;
  if (parabola_db(risen) + parabola_db(turned) >= TR38901_MAX_ATTENUATION_DB) return {0.0, 0.0};
  return {-parabola_slope(risen), -parabola_slope(turned)};
}

// The derivatives of `amplitude`, which is `value`, [1/rad]; `theta` from 0 to pi. On a floor of the pattern they are 0.
DEVICE Slopes amplitude_slopes(uint32_t element, double value, double theta, double phi) {
  switch (element) {
    case DIPOLE: return {sqrt(DIPOLE_GAIN) * cos(theta), 0.0};
    case HALF_WAVE_DIPOLE: return {half_wave_slope(theta), 0.0};
    case TR_38901: {
      const Slopes gain = tr38901_gain_slopes(theta, phi);
      const double relative = value * LN_10 / 20.0;
      return {relative * gain.by_theta, relative * gain.by_phi};
    }
    default: return {0.0, 0.0};
  }
}

// Real amplitudes along (theta^, phi^).
struct Amplitudes {
  double theta, phi;
};

// TR 38.901 equation 7.3-3: the element turned by the slant about its x axis, its own angles included (T34).
DEVICE Amplitudes turned_pattern(uint32_t element, double slant, double theta, double phi) {
  double sin_slant, cos_slant, sin_theta, cos_theta, sin_phi, cos_phi;
  sincos(slant, &sin_slant, &cos_slant);
  sincos(theta, &sin_theta, &cos_theta);
  sincos(phi, &sin_phi, &cos_phi);
  // The direction in the frame of the turned element.
  const double x = sin_theta * cos_phi;
  const double y = cos_slant * sin_phi * sin_theta + sin_slant * cos_theta;
  const double z = cos_slant * cos_theta - sin_slant * sin_phi * sin_theta;
  const double cos_psi = cos_slant * sin_theta + sin_slant * sin_phi * cos_theta, sin_psi = sin_slant * cos_phi;
  const double sine = hypot(cos_psi, sin_psi);
  if (sine == 0.0) {
    // On the element's own axis the polarisation has no direction: take that of the slant.
    const double size = amplitude(element, atan2(sine, z), 0.0);
    return {cos_slant * size, sin_slant * size};
  }
  const double size = amplitude(element, atan2(sine, z), atan2(y, x));
  return {cos_psi / sine * size, sin_psi / sine * size};
}

// The adjoint of `turned_pattern`; adds to `theta_bar` and `phi_bar`. On the element's own axis there is no slope.
DEVICE void turned_pattern_vjp(uint32_t element, double slant, double theta, double phi, const Amplitudes& bar,
                               double& theta_bar, double& phi_bar) {
  double sin_slant, cos_slant, sin_theta, cos_theta, sin_phi, cos_phi;
  sincos(slant, &sin_slant, &cos_slant);
  sincos(theta, &sin_theta, &cos_theta);
  sincos(phi, &sin_phi, &cos_phi);
  const Vec3 turned = {sin_theta * cos_phi, cos_slant * sin_phi * sin_theta + sin_slant * cos_theta,
                       cos_slant * cos_theta - sin_slant * sin_phi * sin_theta};
  const double cosine = cos_slant * sin_theta + sin_slant * sin_phi * cos_theta, sine = sin_slant * cos_phi;
  const double length = hypot(cosine, sine);
  if (length == 0.0) return;
  const double cos_psi = cosine / length, sin_psi = sine / length;
  const double turned_theta = atan2(length, turned.z), turned_phi = atan2(turned.y, turned.x);
  const double size = amplitude(element, turned_theta, turned_phi);
  const Slopes slopes = amplitude_slopes(element, size, turned_theta, turned_phi);
  const double size_bar = cos_psi * bar.theta + sin_psi * bar.phi;
  // |(cosine, sine)| is the sine of the turned zenith.
  Vec3 turned_bar{0.0, 0.0, 0.0};
  angles_of_vjp(turned, size_bar * slopes.by_theta, size_bar * slopes.by_phi, turned_bar);
  const double psi_bar = size * (cos_psi * bar.phi - sin_psi * bar.theta);
  const double cosine_bar = -psi_bar * sin_psi / length, sine_bar = psi_bar * cos_psi / length;
  theta_bar += turned_bar.x * cos_theta * cos_phi +
               turned_bar.y * (cos_slant * sin_phi * cos_theta - sin_slant * sin_theta) -
               turned_bar.z * (cos_slant * sin_theta + sin_slant * sin_phi * cos_theta) +
               cosine_bar * (cos_slant * cos_theta - sin_slant * sin_phi * sin_theta);
  phi_bar += -turned_bar.x * sin_theta * sin_phi + turned_bar.y * cos_slant * cos_phi * sin_theta -
             turned_bar.z * sin_slant * cos_phi * sin_theta + cosine_bar * sin_slant * cos_phi * cos_theta -
             sine_bar * sin_slant * sin_phi;
}

// src/scene/antenna.rs, SlantModel.
constexpr uint32_t SLANT_MODEL_1 = 0;

// Real amplitudes of a polarisation in a direction of the antenna's own frame (T30-T34).
DEVICE Amplitudes pattern(uint32_t element, uint32_t slant_model, double slant, double theta, double phi) {
  if (slant_model == SLANT_MODEL_1) return turned_pattern(element, slant, theta, phi);
  double sin_slant, cos_slant;
  sincos(slant, &sin_slant, &cos_slant);
  const double size = amplitude(element, theta, phi);
  return {cos_slant * size, sin_slant * size};
}

// The adjoint of `pattern`; adds to `theta_bar` and `phi_bar`. Where a pattern has a floor, in the direction of a null and on
// an element's own axis there is no slope, and nothing is added.
DEVICE void pattern_vjp(uint32_t element, uint32_t slant_model, double slant, double theta, double phi,
                        const Amplitudes& bar, double& theta_bar, double& phi_bar) {
  if (slant_model == SLANT_MODEL_1) return turned_pattern_vjp(element, slant, theta, phi, bar, theta_bar, phi_bar);
  double sin_slant, cos_slant;
  sincos(slant, &sin_slant, &cos_slant);
  const Slopes slopes = amplitude_slopes(element, amplitude(element, theta, phi), theta, phi);
  const double size_bar = cos_slant * bar.theta + sin_slant * bar.phi;
  theta_bar += size_bar * slopes.by_theta;
  phi_bar += size_bar * slopes.by_phi;
}
