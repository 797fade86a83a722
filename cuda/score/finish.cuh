// What is done with plain scores: window tokens and places outside give way, neighbours are pooled.
#pragma once

#include "common/canonical.cuh"
#include "common/kv.cuh"

namespace trimtab {

/** Reach of a pooling window that a block scores beside its own tokens. */
constexpr int MOST_REACH = 64;

/** Where scores go, and how. */
struct Finish {
  trimtab_tensor scores;  // result [R,G,T] F32
  trimtab_tensor window;  // [R,P] I32, or absent
  int32_t pooling;
  int32_t pool_width;
  float past;  // the result past a row's tokens

  constexpr int32_t reach() const { return pooling == TRIMTAB_POOLING_NONE ? 0 : pool_width / 2; }

  /** Whether blocks pool for themselves; otherwise plain scores are pooled by a launch of its own.
   */
  constexpr bool pools_in_blocks() const { return reach() <= MOST_REACH; }

  /** Tokens that a block scores beside its own ones, on each side. */
  constexpr int32_t margin() const { return pools_in_blocks() ? reach() : 0; }
};

/**
 * The pooled score of a token: the largest number of its neighbourhood (places outside count as
 * -inf), or the sum in rising order over the width.
 *
 * first, last: its neighbourhood
 * more: whether that goes on outside
 * value: neutralised scores by token
 */
template <class Value>
__device__ __forceinline__ float pooled(const Finish& finish, int32_t first, int32_t last,
                                        bool more, Value value) {
  if (finish.pooling == TRIMTAB_POOLING_NONE) return value(first);
  if (finish.pooling == TRIMTAB_POOLING_MAX) {
    float most = more ? -infinity() : quiet_nan();
#pragma unroll 4
    for (int32_t t = first; t <= last; t++) most = max_number(most, value(t));
    return most;
  }
  float sum = 0.f;
#pragma unroll 4
  for (int32_t t = first; t <= last; t++) sum += value(t);
  return sum / static_cast<float>(finish.pool_width);
}

/** The tokens of a block: its own ones and those around them that it scores for their sake. */
struct Stretch {
  int32_t first, count;  // its own
  int32_t base, length;  // all
  float* values;         // [length]: plain scores, in shared memory
  int32_t* in_window;    // [length]: marks, in shared memory

  __device__ Stretch(const Finish& finish, int32_t first, int32_t count, float* values,
                     int32_t* in_window)
      : first(first),
        count(count),
        base(first - finish.margin()),
        length(count + 2 * finish.margin()),
        values(values),
        in_window(in_window) {}

  /** Whether it is one of all; before the first token of a head there may be some. */
  __device__ __forceinline__ bool holds(int32_t token) const {
    return token >= base && token < base + length;
  }
};

/** The first of the window's places that the thread marks, on its way early; -1 where there is
 * none. The last threads of a block have them. */
__device__ __forceinline__ int32_t window_position(const Finish& finish, int32_t row) {
  int64_t p = blockDim.x - 1 - threadIdx.x;
  return has(finish.window) && p < finish.window.size[1] ? at(finish.window, row, p) : -1;
}

/** Marks the window's tokens in cleared marks. All threads of the block call, between barriers.
 *
 * position: window_position()
 */
__device__ __forceinline__ void mark_positions(const Finish& finish, int32_t row, int32_t tokens,
                                               int32_t position, const Stretch& stretch,
                                               const Notes& notes) {
  int64_t positions = has(finish.window) ? finish.window.size[1] : 0;
  int64_t first = blockDim.x - 1 - threadIdx.x;
  for (int64_t p = first; p < positions; p += blockDim.x) {
    if (p != first) position = at(finish.window, row, p);
    int64_t index = row * positions + p;
    if (!notes.inside(TRIMTAB_ARGUMENT_WINDOW, index, position, -1, tokens - 1)) continue;
    if (position < 0 || !stretch.holds(position)) continue;
    if (atomicExch(&stretch.in_window[position - stretch.base], 1) != 0) {
      notes.bad(TRIMTAB_ARGUMENT_WINDOW, TRIMTAB_PROBLEM_REPEATED, index, position);
    }
  }
}

/** Marks them in marks that it clears. All threads of the block call. */
__device__ __forceinline__ void mark_window(const Finish& finish, int32_t row, int32_t tokens,
                                            const Stretch& stretch, const Notes& notes) {
  for (auto i = static_cast<int32_t>(threadIdx.x); i < stretch.length; i += blockDim.x) {
    stretch.in_window[i] = 0;
  }
  __syncthreads();
  mark_positions(finish, row, tokens, window_position(finish, row), stretch, notes);
  __syncthreads();
}

/**
 * Ends a stretch whose plain scores and marks are there. All threads of the block call, after a
 * barrier.
 *
 * plain: where neutralised scores of a head go if blocks do not pool for themselves
 */
__device__ __forceinline__ void finish_stretch(const Finish& finish, int32_t row, int32_t head,
                                               int32_t tokens, const Stretch& stretch,
                                               float* plain) {
  // Places before the first token and behind the last one too, so that pooling needs no bounds.
  float neutral = finish.pooling == TRIMTAB_POOLING_MAX ? -infinity() : 0.f;
  for (auto i = static_cast<int32_t>(threadIdx.x); i < stretch.length; i += blockDim.x) {
    auto token = static_cast<uint32_t>(stretch.base + i);
    if (stretch.in_window[i] || token >= static_cast<uint32_t>(tokens)) stretch.values[i] = neutral;
  }
  __syncthreads();
  bool pools = finish.pools_in_blocks();
  auto end =
      static_cast<int32_t>(min(int64_t{stretch.first} + stretch.count, finish.scores.size[2]));
  float* out = pools ? row_of(finish.scores, row, head) : plain;
  auto value = [&](int32_t i) { return stretch.values[i]; };
  for (int32_t t = stretch.first + static_cast<int32_t>(threadIdx.x); t < end; t += blockDim.x) {
    int32_t i = t - stretch.base;
    float score = finish.past;
    if (t < tokens) {
      score = !pools ? value(i)
              : stretch.in_window[i]
                  ? -infinity()
                  : pooled(finish, i - finish.reach(), i + finish.reach(), false, value);
    }
    out[t] = score;
  }
}

}  // namespace trimtab
