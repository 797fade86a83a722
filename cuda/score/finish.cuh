// What is done with plain scores: window tokens and places outside give way, neighbours are pooled.
#pragma once

#include "common/canonical.cuh"
#include "common/kv.cuh"

namespace trimtab {

/** Tokens that a block scores at once. */
constexpr int TILE = 256;

/** Reach of a pooling window that a tile holds beside its own tokens. */
constexpr int MOST_REACH = 64;

/** Where scores go, and how. */
struct Finish {
  trimtab_tensor scores;  // result [R,G,T] F32
  trimtab_tensor window;  // [R,P] I32, or absent
  int32_t pooling;
  int32_t pool_width;
  float past;  // the result past a row's tokens

  constexpr int32_t reach() const { return pooling == TRIMTAB_POOLING_NONE ? 0 : pool_width / 2; }

  /** Whether tiles pool for themselves; otherwise plain scores are pooled by a launch of its own.
   */
  constexpr bool pools_in_tiles() const { return reach() <= MOST_REACH; }

  /** Tokens that a tile is scored for; the others of its TILE are their neighbours. */
  constexpr int32_t tokens_of_tile() const { return pools_in_tiles() ? TILE - 2 * reach() : TILE; }

  constexpr int64_t tiles() const {
    return (scores.size[2] + tokens_of_tile() - 1) / tokens_of_tile();
  }
};

/**
 * The pooled score of a token of `tokens`: the largest number of its neighbourhood (places outside
 * count as -inf), or the sum in rising order over the width.
 *
 * value: neutralised scores by token
 */
template <class Value>
__device__ float pooled(const Finish& finish, int32_t token, int32_t tokens, Value value) {
  if (finish.pooling == TRIMTAB_POOLING_NONE) return value(token);
  int64_t from = static_cast<int64_t>(token) - finish.reach();
  int64_t to = static_cast<int64_t>(token) + finish.reach();
  auto first = static_cast<int32_t>(max(from, int64_t{0}));
  auto last = static_cast<int32_t>(min(to, int64_t{tokens} - 1));
  if (finish.pooling == TRIMTAB_POOLING_MAX) {
    float most = from < 0 || to >= tokens ? -infinity() : quiet_nan();
    for (int32_t t = first; t <= last; t++) most = max_number(most, value(t));
    return most;
  }
  float sum = 0.f;
  for (int32_t t = first; t <= last; t++) sum += value(t);
  return sum / static_cast<float>(finish.pool_width);
}

/** Marks the window's tokens among [base, base + TILE) in cleared marks. All threads of the block
 * call, the last ones work, between barriers. */
__device__ __forceinline__ void mark_positions(const Finish& finish, int32_t row, int32_t tokens,
                                               int32_t base, int32_t (&in_window)[TILE],
                                               const Notes& notes) {
  int64_t positions = has(finish.window) ? finish.window.size[1] : 0;
  for (int64_t p = blockDim.x - 1 - threadIdx.x; p < positions; p += blockDim.x) {
    int32_t position = at(finish.window, row, p);
    int64_t index = row * positions + p;
    if (!notes.inside(TRIMTAB_ARGUMENT_WINDOW, index, position, -1, tokens - 1)) continue;
    // A pooled tile begins before the first token: -1, no position, may lie in its bounds.
    if (position < 0 || position < base || position >= base + TILE) continue;
    if (atomicExch(&in_window[position - base], 1) != 0) {
      notes.bad(TRIMTAB_ARGUMENT_WINDOW, TRIMTAB_PROBLEM_REPEATED, index, position);
    }
  }
}

/** Marks them in marks that it clears. All threads of the block call. */
__device__ __forceinline__ void mark_window(const Finish& finish, int32_t row, int32_t tokens,
                                            int32_t base, int32_t (&in_window)[TILE],
                                            const Notes& notes) {
  for (auto i = static_cast<int32_t>(threadIdx.x); i < TILE; i += blockDim.x) in_window[i] = 0;
  __syncthreads();
  mark_positions(finish, row, tokens, base, in_window, notes);
  __syncthreads();
}

/**
 * Ends a tile whose plain scores of tokens [base, base + TILE) lie in shared memory. All threads of
 * the block call, after a barrier.
 *
 * in_window: what mark_window() marked
 * plain: where neutralised scores of a head go if tiles do not pool for themselves
 */
__device__ __forceinline__ void finish_tile(const Finish& finish, int32_t row, int32_t head,
                                            int32_t tokens, int32_t base,
                                            const int32_t (&in_window)[TILE], float (&values)[TILE],
                                            float* plain) {
  float neutral = finish.pooling == TRIMTAB_POOLING_MAX ? -infinity() : 0.f;
  for (auto i = static_cast<int32_t>(threadIdx.x); i < TILE; i += blockDim.x) {
    if (in_window[i]) values[i] = neutral;
  }
  __syncthreads();
  bool pools = finish.pools_in_tiles();
  int32_t first = pools ? base + finish.reach() : base;
  auto end =
      static_cast<int32_t>(min(int64_t{first} + finish.tokens_of_tile(), finish.scores.size[2]));
  float* out = pools ? row_of(finish.scores, row, head) : plain;
  for (int32_t t = first + static_cast<int32_t>(threadIdx.x); t < end; t += blockDim.x) {
    float score = finish.past;
    if (t < tokens) {
      auto value = [&](int32_t token) { return values[token - base]; };
      score = !pools                ? value(t)
              : in_window[t - base] ? -infinity()
                                    : pooled(finish, t, tokens, value);
    }
    out[t] = score;
  }
}

}  // namespace trimtab
