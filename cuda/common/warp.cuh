// What the 32 threads of a warp do together in canonical order. All of a warp's threads call these.
#pragma once

#include <cuda_runtime.h>

#include "common/canonical.cuh"

namespace trimtab {

constexpr unsigned ALL_LANES = 0xffffffffu;

/** A number that all threads of the warp have, so that the compiler knows that they do: what
 * depends on it divides no warp. */
__device__ __forceinline__ int32_t uniform(int32_t x) { return __shfl_sync(ALL_LANES, x, 0); }

/** Adds the lanes pairwise, at distances 16, 8, 4, 2, 1; every thread gets the sum. */
__device__ __forceinline__ float warp_tree(float lane) {
#pragma unroll
  for (int o = LANES / 2; o > 0; o /= 2) lane += __shfl_xor_sync(ALL_LANES, lane, o);
  return lane;
}

/** The largest, NaN if one is. */
__device__ __forceinline__ float warp_max_or_nan(float x) {
#pragma unroll
  for (int o = LANES / 2; o > 0; o /= 2) x = max_or_nan(x, __shfl_xor_sync(ALL_LANES, x, o));
  return x;
}

/** The largest of unsigned numbers. */
__device__ __forceinline__ uint32_t warp_max(uint32_t x) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  return __reduce_max_sync(ALL_LANES, x);
#else
#pragma unroll
  for (int o = LANES / 2; o > 0; o /= 2) {
    uint32_t other = __shfl_xor_sync(ALL_LANES, x, o);
    x = other > x ? other : x;
  }
  return x;
#endif
}

/** Threads of a warp for which this holds. */
__device__ __forceinline__ int warp_count(bool counted) {
  unsigned lanes = __ballot_sync(ALL_LANES, counted);
#ifdef __CUDA_ARCH__
  return __popc(lanes);
#else
  return __builtin_popcount(lanes);
#endif
}

/** Canonical sum of a chunk: `value(i)` for i in [0, count), count at most CHUNK. */
template <class Value>
__device__ __forceinline__ float warp_chunk_sum(int count, Value value) {
  float sum = 0.f;
  for (int i = static_cast<int>(threadIdx.x) % LANES; i < count; i += LANES) sum += value(i);
  return warp_tree(sum);
}

/** A chunk's part of a log-sum-exp. */
struct ChunkPart {
  float max;
  float sum;
};

/** Largest of `value(i)` for i in [0, count), count at most CHUNK, and the sum of exp(x - max). */
template <class Value>
__device__ __forceinline__ ChunkPart warp_chunk_part(int count, Value value) {
  float max = -infinity();
  for (int i = static_cast<int>(threadIdx.x) % LANES; i < count; i += LANES) {
    max = max_or_nan(max, value(i));
  }
  max = warp_max_or_nan(max);
  return {max, warp_chunk_sum(count, [&](int i) { return exp(value(i) - max); })};
}

/**
 * Log-sum-exp of chunks in rising order, bit for bit LogSumExp::add one after the other: the maxima
 * come from scans, and only the multiply-adds are sequential.
 */
__device__ __forceinline__ float warp_log_sum_exp(const ChunkPart* parts, int chunks) {
  constexpr int HELD = 4; /* a thread's chunks at a time, every 32nd */
  int lane = static_cast<int>(threadIdx.x) % LANES;
  float max = -infinity();
  float sum = 0.f;
  for (int first = 0; first < chunks; first += HELD * LANES) {
    ChunkPart held[HELD];
    float reached[HELD];
#pragma unroll
    for (int i = 0; i < HELD; i++) {
      int chunk = first + i * LANES + lane;
      held[i] = {-infinity(), 0.f};
      if (chunk < chunks) held[i] = {__ldcg(&parts[chunk].max), __ldcg(&parts[chunk].sum)};
      reached[i] = held[i].max;
    }
#pragma unroll
    for (int o = 1; o < LANES; o *= 2) {
#pragma unroll
      for (int i = 0; i < HELD; i++) {
        float earlier = __shfl_up_sync(ALL_LANES, reached[i], o);
        if (lane >= o) reached[i] = max_or_nan(earlier, reached[i]);
      }
    }
    float kept[HELD];
    float added[HELD];
#pragma unroll
    for (int i = 0; i < HELD; i++) {
      reached[i] = max_or_nan(max, reached[i]);
      float before = __shfl_up_sync(ALL_LANES, reached[i], 1);
      if (lane == 0) before = max;
      max = __shfl_sync(ALL_LANES, reached[i], LANES - 1);
      bool empty = held[i].max == -infinity();
      kept[i] = empty ? 1.f : exp(before - reached[i]);
      added[i] = empty ? 0.f : held[i].sum * exp(held[i].max - reached[i]);
    }
#pragma unroll
    for (int i = 0; i < HELD; i++) {
      if (first + i * LANES >= chunks) break;
#pragma unroll 8
      for (int j = 0; j < LANES; j++) {
        sum = fma(sum, __shfl_sync(ALL_LANES, kept[i], j), __shfl_sync(ALL_LANES, added[i], j));
      }
    }
  }
  return max + log(sum);
}

/** The smallest key. */
__device__ __forceinline__ Key warp_min(Key key) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  auto high = static_cast<uint32_t>(key >> 32);
  uint32_t least = __reduce_min_sync(ALL_LANES, high);
  uint32_t low = high == least ? static_cast<uint32_t>(key) : ~0u;
  return static_cast<Key>(least) << 32 | __reduce_min_sync(ALL_LANES, low);
#else
#pragma unroll
  for (int o = LANES / 2; o > 0; o /= 2) {
    Key other = __shfl_xor_sync(ALL_LANES, key, o);
    key = other < key ? other : key;
  }
  return key;
#endif
}

/** Most keys of a WarpList. */
constexpr int LIST_KEYS = 2 * LANES;

/** Puts two keys in order. */
__device__ __forceinline__ void order(Key& low, Key& high) {
  Key least = low < high ? low : high;
  high = low < high ? high : low;
  low = least;
}

/** Sorts the keys of each thread, a power of two, ascending (Batcher's odd-even merges). */
template <int COUNT>
__device__ __forceinline__ void sort_keys(Key* keys) {
#pragma unroll
  for (int run = 1; run < COUNT; run *= 2) {
#pragma unroll
    for (int apart = run; apart > 0; apart /= 2) {
#pragma unroll
      for (int i = 0; i + apart < COUNT; i++) {
        bool pair = i >= apart % run && (i - apart % run) / apart % 2 == 0;
        if (pair && i / (2 * run) == (i + apart) / (2 * run)) order(keys[i], keys[i + apart]);
      }
    }
  }
}

/** The smallest keys seen, ascending: lane l holds places l and l + 32. */
struct WarpList {
  Key held[2] = {NO_KEY, NO_KEY};

  /** The key at a place, for every thread. */
  __device__ __forceinline__ Key at(int place) const {
    return __shfl_sync(ALL_LANES, place < LANES ? held[0] : held[1], place % LANES);
  }

  /** Keeps the `top` smallest of these and the keys that each thread brings. */
  template <int COUNT>
  __device__ __forceinline__ void add(const Key (&brought)[COUNT], int top) {
    Key keys[COUNT + 2]; /* ascending */
#pragma unroll
    for (int i = 0; i < COUNT; i++) keys[i] = brought[i];
    keys[COUNT] = keys[COUNT + 1] = NO_KEY;
    sort_keys<COUNT>(keys);
    if (__any_sync(ALL_LANES, keys[0] < at(top - 1)) == 0) return;
    if (at(0) != NO_KEY) {
      keys[COUNT] = held[0];
#pragma unroll
      for (int i = COUNT; i > 0; i--) order(keys[i - 1], keys[i]);
      keys[COUNT + 1] = held[1];
#pragma unroll
      for (int i = COUNT + 1; i > 0; i--) order(keys[i - 1], keys[i]);
    }
    held[0] = held[1] = NO_KEY;
    int lane = static_cast<int>(threadIdx.x) % LANES;
    for (int place = 0; place < top; place++) {
      Key least = warp_min(keys[0]);
      if (least == NO_KEY) break;
      if (lane == place) held[0] = least;
      if (lane == place - LANES) held[1] = least;
      if (keys[0] != least) continue;
#pragma unroll
      for (int i = 0; i <= COUNT; i++) keys[i] = keys[i + 1];
      keys[COUNT + 1] = NO_KEY;
    }
  }
};

}  // namespace trimtab
