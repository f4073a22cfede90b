// Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011) and the Fibonacci sphere: the twin of
// src/math/random.rs.
#pragma once
#include "constants.cuh"
#include "math/phase.cuh"
#include "math/vector.cuh"

struct Words {
  uint32_t word[4];
};

// Four random words of the counter under the key.
DEVICE Words philox(Words counter, uint32_t key_low, uint32_t key_high) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t(0xD2511F53u) * counter.word[0];
    const uint64_t b = uint64_t(0xCD9E8D57u) * counter.word[2];
    counter = {{uint32_t(b >> 32) ^ counter.word[1] ^ key_low, uint32_t(b),
                uint32_t(a >> 32) ^ counter.word[3] ^ key_high, uint32_t(a)}};
    key_low += 0x9E3779B9u;
    key_high += 0xBB67AE85u;
  }
  return counter;
}

// Uniform in [0, 1) from 32 random bits.
DEVICE double unit_interval(uint32_t word) { return double(word) * (1.0 / 4294967296.0); }

// Direction `index` of `count` on the Fibonacci sphere (T5).
DEVICE Vec3 fibonacci_direction(uint64_t index, uint64_t count) {
  // 1 - 1/golden ratio: the fraction of a turn between neighbours.
  constexpr double TURN = 0.38196601125010515;
  const double z = 1.0 - (2.0 * double(index) + 1.0) / double(count);
  const double radius = sqrt(larger(1.0 - z * z, 0.0));
  double sine, cosine;
  sincos_of_turns(double(index) * TURN, &sine, &cosine);
  return {radius * cosine, radius * sine, z};
}
