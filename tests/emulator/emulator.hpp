// The kernel emulator: what cuda/portable.cuh takes from CUDA, for a plain C++ compiler. The threads of a block run one
// after the other; blocks are shared out over the machine's cores. A kernel with barriers or shuffles would need a fiber for
// each thread: there is none yet.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#define KERNEL static
#define DEVICE static inline
#define RESTRICT __restrict__

struct EmulatedIndex {
  uint32_t x;
};
inline thread_local EmulatedIndex threadIdx{0}, blockIdx{0}, blockDim{1};

DEVICE uint64_t global_id() { return uint64_t(blockIdx.x) * blockDim.x + threadIdx.x; }

DEVICE uint32_t atomic_add(uint32_t* place, uint32_t value) {
  return __atomic_fetch_add(place, value, __ATOMIC_RELAXED);
}

DEVICE uint64_t atomic_add(uint64_t* place, uint64_t value) {
  return __atomic_fetch_add(place, value, __ATOMIC_RELAXED);
}

DEVICE uint32_t bits_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
DEVICE float float_of(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
DEVICE uint32_t lowest_bit(uint32_t bits) { return uint32_t(__builtin_ctz(bits)); }
DEVICE uint32_t count_bits(uint32_t bits) { return uint32_t(__builtin_popcount(bits)); }

namespace emulator {

// Worker threads: all cores, or what RAYLOBE_EMULATOR_THREADS says.
inline uint32_t workers() {
  const char* wanted = std::getenv("RAYLOBE_EMULATOR_THREADS");
  const int number = wanted ? std::atoi(wanted) : int(std::thread::hardware_concurrency());
  return uint32_t(std::clamp(number, 1, 16));
}

// Calls `thread()` for every thread of every block. Blocks are dealt out in small batches, for some take far longer.
template <class Thread>
void for_each_thread(uint32_t grid, uint32_t block, const Thread& thread) {
  constexpr uint32_t BATCH = 4;
  std::atomic<uint32_t> next{0};
  const auto work = [&] {
    blockDim.x = block;
    for (;;) {
      const uint32_t first = next.fetch_add(BATCH);
      if (first >= grid) return;
      for (blockIdx.x = first; blockIdx.x < std::min(grid, first + BATCH); ++blockIdx.x) {
        for (threadIdx.x = 0; threadIdx.x < block; ++threadIdx.x) thread();
      }
    }
  };
  std::vector<std::thread> others;
  for (uint32_t i = 1; i < std::min(workers(), grid / BATCH); ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
}

// Calls a kernel as cuLaunchKernel is told to: a pointer to each argument, in order.
template <class... Parameters, size_t... I>
void run(void (*kernel)(Parameters...), uint32_t grid, uint32_t block, void** arguments, std::index_sequence<I...>) {
  const std::tuple<Parameters...> values{
      *static_cast<std::remove_reference_t<Parameters>*>(arguments[I])...};
  for_each_thread(grid, block, [&] { kernel(std::get<I>(values)...); });
}

template <class... Parameters>
void run(void (*kernel)(Parameters...), uint32_t grid, uint32_t block, void** arguments) {
  run(kernel, grid, block, arguments, std::index_sequence_for<Parameters...>{});
}

}  // namespace emulator

// What the mock driver finds a kernel by.
#define EMULATE(name)                                                                        \
  extern "C" __attribute__((visibility("default"))) void emulated_##name(                    \
      uint32_t grid, uint32_t block, void** arguments) {                                     \
    emulator::run(name, grid, block, arguments);                                             \
  }
