// Sums that do not depend on the order of what is added: numbers are cut to multiples of 2^-FIXED_BITS and added as
// integers of 192 bits (two's complement), of which every addition is exact, and so commutes with every other.
//
// A word is added to atomically, and who sees it run over carries a 1 into the next word: every overflow is seen by
// exactly one thread, so that the words, once all threads are done, are those of the sum, whatever the order.
#pragma once
#include "layout.cuh"
#include "portable.cuh"

// A number as words, the lowest first.
struct Fixed {
  uint64_t word[FIXED_WORDS];
};

// Sums hold 2^95: numbers below this may be added 2^40 times.
constexpr double FIXED_LIMIT = 0x1p55;

// What is left of `x` when it is cut to a multiple of 2^-96; |x| is below 2^95.
DEVICE Fixed fixed_of(double x) {
  static_assert(FIXED_WORDS == 3 && FIXED_BITS == 96, "the powers below");
  const double size = fabs(x);
  // Each part holds the next digits of the mantissa, and what is left behind them is exact.
  const double high = floor(size * 0x1p-32), behind_high = size - high * 0x1p32;
  const double middle = floor(behind_high * 0x1p32), behind_middle = behind_high - middle * 0x1p-32;
  Fixed fixed = {{uint64_t(behind_middle * 0x1p96), uint64_t(middle), uint64_t(high)}};
  if (x < 0.0) {
    uint64_t carry = 1;
    for (uint32_t k = 0; k < FIXED_WORDS; ++k) {
      fixed.word[k] = ~fixed.word[k] + carry;
      carry = uint64_t(carry == 1 && fixed.word[k] == 0);
    }
  }
  return fixed;
}

// Adds to the sum at `sum`, with any number of other threads.
DEVICE void add_fixed(uint64_t* sum, const Fixed& fixed) {
  uint64_t carry = 0;
  for (uint32_t k = 0; k < FIXED_WORDS; ++k) {
    const uint64_t addend = fixed.word[k] + carry;
    // All ones and a 1: nothing is added here, and the 1 goes on.
    carry = uint64_t(addend < carry);
    if (addend == 0) continue;
    const uint64_t before = atomic_add(sum + k, addend);
    carry |= uint64_t(before + addend < before);
  }
}

// The number nearest to a sum, or next to it.
DEVICE double value_of(const uint64_t* sum) {
  const bool is_negative = sum[FIXED_WORDS - 1] >> 63;
  uint64_t carry = uint64_t(is_negative);
  double value = 0.0, unit = 0x1p-96;
  for (uint32_t k = 0; k < FIXED_WORDS; ++k, unit *= 0x1p64) {
    uint64_t word = sum[k];
    if (is_negative) {
      word = ~word + carry;
      carry = uint64_t(carry == 1 && word == 0);
    }
    value += double(word) * unit;
  }
  return is_negative ? -value : value;
}
