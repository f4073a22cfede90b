// Searching sorted lists.
#pragma once
#include "portable.cuh"

// The last of `count` items that begins at `place` or before; `begin(i)` ascends, and the first item begins there.
template <class Begin>
DEVICE uint32_t last_beginning_by(uint64_t place, uint32_t count, const Begin& begin) {
  uint32_t low = 0, high = count;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    if (begin(middle) <= place) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}
