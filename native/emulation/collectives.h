// Barriers, votes, shuffles and reductions: everything in which threads of a block wait for each
// other.
#pragma once

#include "builtins.h"

inline void __syncthreads() { emulation::meet_block("__syncthreads", false); }
inline int __syncthreads_count(int predicate) {
  return emulation::meet_block("__syncthreads_count", predicate != 0).count;
}
inline int __syncthreads_or(int predicate) {
  return emulation::meet_block("__syncthreads_or", predicate != 0).count > 0;
}
inline int __syncthreads_and(int predicate) {
  emulation::Votes votes = emulation::meet_block("__syncthreads_and", predicate != 0);
  return votes.count == votes.threads;
}

inline unsigned __activemask() { return emulation::active_lanes(); }
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
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
  int source = static_cast<int>(emulation::lane() + by);
  return emulation::shuffle("__shfl_down_sync", mask, value, source,
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
inline int __all_sync(unsigned mask, int predicate) {
  return __ballot_sync(mask, predicate) == mask;
}

template <typename T>
unsigned __match_any_sync(unsigned mask, T value) {
  const uint64_t* brought =
      emulation::meet_warp("__match_any_sync", mask, emulation::to_word(value));
  unsigned equal = 0;
  for (int i = 0; i < 32; i++) {
    equal |= (mask >> i & 1) != 0 && brought[i] == emulation::to_word(value) ? 1u << i : 0;
  }
  return equal;
}

template <typename T>
T __reduce_add_sync(unsigned mask, T value) {
  return emulation::reduce("__reduce_add_sync", mask, value, [](T a, T b) { return a + b; });
}
template <typename T>
T __reduce_min_sync(unsigned mask, T value) {
  return emulation::reduce("__reduce_min_sync", mask, value, [](T a, T b) { return min(a, b); });
}
template <typename T>
T __reduce_max_sync(unsigned mask, T value) {
  return emulation::reduce("__reduce_max_sync", mask, value, [](T a, T b) { return max(a, b); });
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value) {
  return emulation::reduce("__reduce_or_sync", mask, value,
                           [](unsigned a, unsigned b) { return a | b; });
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value) {
  return emulation::reduce("__reduce_and_sync", mask, value,
                           [](unsigned a, unsigned b) { return a & b; });
}
