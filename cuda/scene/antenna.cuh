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

DEVICE double parabola_db(double angle) {
  const double x = angle / TR38901_BEAM_WIDTH;
  return smaller(12.0 * x * x, TR38901_MAX_ATTENUATION_DB);
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
