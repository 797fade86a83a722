// Barriers, votes, shuffles and reductions: everything in which threads of a block wait for each
// other.
#pragma once

#include "builtins.h"

inline void __syncthreads() { emulation::meet_block("__syncthreads"); }

inline void __syncwarp(unsigned mask = 0xffffffffu) { emulation::meet_warp("__syncwarp", mask, 0); }

namespace emulation {

template <typename T>
uint64_t to_word(T value) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  uint64_t word = 0;
  memcpy(&word, &value, sizeof value);
  return word;
}

template <typename T>
T from_word(uint64_t word) {
  T value;
  memcpy(&value, &word, sizeof value);
  return value;
}

// The value of lane `source`, which must take part; the own value where `source` lies outside the
// lane's segment.
template <typename T>
T shuffle(const char* what, unsigned mask, T value, int source, bool inside) {
  const uint64_t* brought = meet_warp(what, mask, to_word(value));
  if (!inside) {
    return value;
  }
  if ((mask >> source & 1) == 0) {
    fail(std::string(what) + " reads lane " + std::to_string(source) +
         ", which its mask leaves out");
  }
  return from_word<T>(brought[source]);
}

inline int segment(int width) { return static_cast<int>(lane()) & ~(width - 1); }

template <typename T, typename Combine>
T reduce(const char* what, unsigned mask, T value, Combine combine) {
  const uint64_t* brought = meet_warp(what, mask, to_word(value));
  bool first = true;
  T result = value;
  for (int i = 0; i < 32; i++) {
    if (mask >> i & 1) {
      result = first ? from_word<T>(brought[i]) : combine(result, from_word<T>(brought[i]));
      first = false;
    }
  }
  return result;
}

}  // namespace emulation

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  return emulation::shuffle("__shfl_sync", mask, value,
                            emulation::segment(width) + (source & (width - 1)), true);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int flip, int width = 32) {
  int source = static_cast<int>(emulation::lane()) ^ flip;
  return emulation::shuffle("__shfl_xor_sync", mask, value, source,
                            source < emulation::segment(width) + width);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
  int source = static_cast<int>(emulation::lane()) - static_cast<int>(by);
  return emulation::shuffle("__shfl_up_sync", mask, value, source,
                            source >= emulation::segment(width));
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const uint64_t* brought = emulation::meet_warp("__ballot_sync", mask, predicate != 0);
  unsigned ballot = 0;
  for (int i = 0; i < 32; i++) {
    ballot |= (mask >> i & 1) != 0 && brought[i] != 0 ? 1u << i : 0;
  }
  return ballot;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }

template <typename T>
T __reduce_min_sync(unsigned mask, T value) {
  return emulation::reduce("__reduce_min_sync", mask, value, [](T a, T b) { return min(a, b); });
}
template <typename T>
T __reduce_max_sync(unsigned mask, T value) {
  return emulation::reduce("__reduce_max_sync", mask, value, [](T a, T b) { return max(a, b); });
}
