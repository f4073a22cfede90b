// Propagation phase without loss of digits (T4): the twin of src/math/phase.rs.
#pragma once
#include "constants.cuh"
#include "math/complex.cuh"


// e^{-j 2 pi turns}, the number of turns reduced to one turn first.
DEVICE C64 phasor_of_turns(double turns) {
  double sine, cosine;
  sincos(TAU * (turns - round(turns)), &sine, &cosine);
  return {cosine, -sine};
}

// Number of wavelengths in `length` [m] at `frequency` [Hz], less whole turns: the rounding of the product is carried
// along.
DEVICE double turns_of_length(double length, double frequency) {
  const double cycles = length * frequency;
  const double low = fma(length, frequency, -cycles);
  const double whole = round(cycles / SPEED_OF_LIGHT);
  const double rest = fma(-whole, SPEED_OF_LIGHT, cycles) + low;
  return rest / SPEED_OF_LIGHT;
}
