// Propagation phase without loss of digits (T4): the twin of src/math/phase.rs.
#pragma once
#include "constants.cuh"
#include "math/complex.cuh"

// Added to a number below 2^51 it leaves no room for what is behind the point: 1.5 x 2^52.
constexpr double NO_FRACTION = 6755399441055744.0;

// The nearest whole number.
DEVICE double nearest(double x) { return (x + NO_FRACTION) - NO_FRACTION; }

// The sum of six terms of a polynomial in `square`.
DEVICE double series(double a, double b, double c, double d, double e, double f, double square) {
  const double fourth = square * square;
  return (a + square * b) + fourth * ((c + square * d) + fourth * (e + square * f));
}

// Sine and cosine of 2 pi `turns`, turns and quarters of a turn taken off first. No branch, and no table in local memory,
// which `sincos` has.
DEVICE void sincos_of_turns(double turns, double* sine, double* cosine) {
  const double quarters = (turns - nearest(turns)) * 4.0, whole = nearest(quarters);
  const double angle = (quarters - whole) * 1.5707963267948966, square = angle * angle;
  const double s =
      angle + angle * square * series(-1.6666666666666632e-1, 8.33333333332249e-3, -1.984126982985795e-4,
                                      2.7557313707070068e-6, -2.5050760253406863e-8, 1.58969099521155e-10,
                                      square);
  const double half = 0.5 * square, rest = 1.0 - half;
  const double c =
      rest + (((1.0 - rest) - half) +
              square * square * series(4.16666666666666e-2, -1.388888888887411e-3, 2.480158728947673e-5,
                                       -2.7557314351390663e-7, 2.087572321298175e-9,
                                       -1.1359647557788195e-11, square));
  const double quarter = whole - 4.0 * floor(0.25 * whole);
  const bool is_odd = quarter == 1.0 || quarter == 3.0;
  const double other_sine = is_odd ? c : s, other_cosine = is_odd ? s : c;
  *sine = quarter >= 2.0 ? -other_sine : other_sine;
  *cosine = quarter == 1.0 || quarter == 2.0 ? -other_cosine : other_cosine;
}

// e^{-j 2 pi turns}.
DEVICE C64 phasor_of_turns(double turns) {
  double sine, cosine;
  sincos_of_turns(turns, &sine, &cosine);
  return {cosine, -sine};
}

// Number of wavelengths in `length` [m] at `frequency` [Hz], less whole turns: the rounding of the product is carried
// along.
DEVICE double turns_of_length(double length, double frequency) {
  const double cycles = length * frequency;
  const double low = fma(length, frequency, -cycles);
  const double whole = nearest(cycles / SPEED_OF_LIGHT);
  const double rest = fma(-whole, SPEED_OF_LIGHT, cycles) + low;
  return rest / SPEED_OF_LIGHT;
}
