// The one header that kernels build on. Under nvcc: thin names for what CUDA has. Under any other compiler: the same
// names from the kernel emulator (tests/emulator), so that these very sources run in every test, GPU or not.
//
// Rules: kernels are `KERNEL void name(...)`, one-dimensional, one thread for one item, bounds checked first; arguments
// are plain records and pointers; atomics only through the names below; no fused operation but an explicit fmaf (nvcc
// gets --fmad=false, g++ -ffp-contract=off), so that host, emulator and device compute the same bits.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)

#define KERNEL extern "C" __global__
#define DEVICE static __device__ __forceinline__
#define RESTRICT __restrict__

// Which item is this thread's.
DEVICE uint64_t global_id() { return uint64_t(blockIdx.x) * blockDim.x + threadIdx.x; }

// Adds and returns what was there before.
DEVICE uint32_t atomic_add(uint32_t* place, uint32_t value) { return atomicAdd(place, value); }
DEVICE uint64_t atomic_add(uint64_t* place, uint64_t value) {
  return atomicAdd(reinterpret_cast<unsigned long long*>(place), static_cast<unsigned long long>(value));
}

DEVICE uint32_t bits_of(float x) { return __float_as_uint(x); }
DEVICE float float_of(uint32_t bits) { return __uint_as_float(bits); }
// Index of the lowest set bit; `bits` is not 0.
DEVICE uint32_t lowest_bit(uint32_t bits) { return __ffs(int(bits)) - 1; }
DEVICE uint32_t count_bits(uint32_t bits) { return __popc(bits); }

// The larger and the smaller of two numbers; one that is not a number drops out.
DEVICE float larger(float a, float b) { return fmaxf(a, b); }
DEVICE float smaller(float a, float b) { return fminf(a, b); }

// Four neighbours, read at once; `place` is a multiple of 16 bytes and never written while kernels run.
struct Four {
  float lane[4];
};
DEVICE Four load_four(const float* place) {
  const float4 four = __ldg(reinterpret_cast<const float4*>(place));
  return {{four.x, four.y, four.z, four.w}};
}

#else

#include "emulator.hpp"

DEVICE float larger(float a, float b) { return b > a || std::isnan(a) ? b : a; }
DEVICE float smaller(float a, float b) { return b < a || std::isnan(a) ? b : a; }

struct Four {
  float lane[4];
};
DEVICE Four load_four(const float* place) { return {{place[0], place[1], place[2], place[3]}}; }

#endif
