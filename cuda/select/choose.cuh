// Chooses the highest of a row's keys: a radix selection of the lowest key that stays, eight bits a
// round, then one pass that writes the chosen places in rising order.
#pragma once

#include "common/canonical.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"

namespace trimtab {

constexpr int CHOOSE_THREADS = 512;

/** Keys of a row that are held in shared memory; those of longer rows lie in the workspace. */
constexpr int64_t MOST_SHARED_KEYS = 13 * 1024;

/** Bytes of dynamic shared memory for keys of rows of at most `tokens`. */
constexpr unsigned shared_key_bytes(int64_t tokens) {
  return tokens <= MOST_SHARED_KEYS ? static_cast<unsigned>(tokens * sizeof(uint32_t)) : 0;
}

/** Bytes of workspace, the counters included, for rows whose keys are not held so. */
constexpr uint64_t workspace_keys(int64_t rows, int64_t tokens) {
  if (tokens <= MOST_SHARED_KEYS || rows == 0) return 0;
  return TRIMTAB_COUNTER_BYTES + aligned(rows * tokens * sizeof(uint32_t));
}

/** A key that orders as selection ranks: NaN lowest. Higher than every score's is STAYS. */
TRIMTAB_INLINE uint32_t choice_key(float score) {
  return static_cast<uint32_t>(rank(score)) ^ 0x80000000u;
}

/** The score of a key. */
TRIMTAB_INLINE float score_of_key(uint32_t key) {
  return of_rank(static_cast<int32_t>(key ^ 0x80000000u));
}

/** The key of a token that stays whatever its score. */
constexpr uint32_t STAYS = ~0u;

/** The keys that stay: those above `lowest`, and the first `ties` of those equal to it. */
struct Choice {
  uint32_t lowest;
  int32_t ties;
};

/** Equal keys meet in one counter; so each bin has one a few lanes. Their pitch spreads banks. */
constexpr int BINS = 256;
constexpr int COPIES = 8;
constexpr int PITCH = BINS + 1;

struct ChooseShared {
  uint32_t counts[COPIES * PITCH];
  Choice choice;
  int32_t above[CHOOSE_THREADS / LANES];
  int32_t equal[CHOOSE_THREADS / LANES];
};

/** Of 256 counts by digit: the digit of the `wanted`-th highest key. The first warp calls. */
__device__ __forceinline__ void choose_digit(ChooseShared& shared, int shift) {
  constexpr int EACH = BINS / LANES;
  auto lane = static_cast<int32_t>(threadIdx.x);
  int32_t wanted = shared.choice.ties;
  int32_t highest = BINS - 1 - lane * EACH;
  int32_t mine = 0;
  for (int i = 0; i < EACH; i++) mine += static_cast<int32_t>(shared.counts[highest - i]);
  int32_t above = mine;
  for (int o = 1; o < LANES; o *= 2) {
    int32_t before = __shfl_up_sync(ALL_LANES, above, o);
    if (lane >= o) above += before;
  }
  above -= mine;
  __syncwarp();
  if (above >= wanted || above + mine < wanted) return;
  int32_t digit = highest;
  for (;; digit--) {
    auto count = static_cast<int32_t>(shared.counts[digit]);
    if (above + count >= wanted) break;
    above += count;
  }
  shared.choice.lowest |= static_cast<uint32_t>(digit) << shift;
  shared.choice.ties = wanted - above;
}

/** The lowest of the `wanted` highest keys, 1 <= wanted <= tokens. All threads of the block call.
 */
__device__ __forceinline__ Choice choose_lowest(ChooseShared& shared, const uint32_t* keys,
                                                int32_t tokens, int32_t wanted) {
  auto thread = static_cast<int32_t>(threadIdx.x);
  if (thread == 0) shared.choice = {0, wanted};
  uint32_t decided = 0;
  for (int shift = 24; shift >= 0; shift -= 8) {
    for (int32_t i = thread; i < COPIES * PITCH; i += CHOOSE_THREADS) shared.counts[i] = 0;
    __syncthreads();
    uint32_t lowest = shared.choice.lowest;
    uint32_t* counts = shared.counts + thread % COPIES * PITCH;
    for (int32_t t = thread; t < tokens; t += CHOOSE_THREADS) {
      if ((keys[t] & decided) == lowest) atomicAdd(&counts[keys[t] >> shift & (BINS - 1)], 1u);
    }
    __syncthreads();
    if (thread < BINS) {
      uint32_t sum = 0;
      for (int c = 0; c < COPIES; c++) sum += shared.counts[c * PITCH + thread];
      shared.counts[thread] = sum;
    }
    __syncthreads();
    if (thread < LANES) choose_digit(shared, shift);
    __syncthreads();
    decided |= static_cast<uint32_t>(BINS - 1) << shift;
  }
  return shared.choice;
}

/** Exclusive sums over the block's threads of two counts. */
__device__ __forceinline__ void sums_before(ChooseShared& shared, int32_t& above, int32_t& equal) {
  auto thread = static_cast<int32_t>(threadIdx.x);
  int32_t lane = thread % LANES;
  int32_t own_above = above;
  int32_t own_equal = equal;
  for (int o = 1; o < LANES; o *= 2) {
    int32_t a = __shfl_up_sync(ALL_LANES, above, o);
    int32_t e = __shfl_up_sync(ALL_LANES, equal, o);
    if (lane >= o) {
      above += a;
      equal += e;
    }
  }
  if (lane == LANES - 1) {
    shared.above[thread / LANES] = above;
    shared.equal[thread / LANES] = equal;
  }
  __syncthreads();
  above -= own_above;
  equal -= own_equal;
  for (int w = 0; w < thread / LANES; w++) {
    above += shared.above[w];
    equal += shared.equal[w];
  }
}

/**
 * Calls emit(place, token) for the `wanted` tokens with the highest keys, of equal ones the lower
 * tokens, places in rising order of the tokens. All threads of the block call, after a barrier.
 */
template <class Emit>
__device__ __forceinline__ void choose(ChooseShared& shared, const uint32_t* keys, int32_t tokens,
                                       int32_t wanted, Emit emit) {
  auto thread = static_cast<int32_t>(threadIdx.x);
  if (wanted >= tokens) {
    for (int32_t t = thread; t < tokens; t += CHOOSE_THREADS) emit(t, t);
    return;
  }
  if (wanted <= 0) return;
  Choice choice = choose_lowest(shared, keys, tokens, wanted);
  int32_t each = (tokens + CHOOSE_THREADS - 1) / CHOOSE_THREADS;
  auto first = static_cast<int32_t>(min(static_cast<int64_t>(thread) * each, int64_t{tokens}));
  int32_t end = min(first + each, tokens);
  int32_t above = 0;
  int32_t equal = 0;
  for (int32_t t = first; t < end; t++) {
    above += keys[t] > choice.lowest;
    equal += keys[t] == choice.lowest;
  }
  sums_before(shared, above, equal);
  for (int32_t t = first; t < end; t++) {
    bool higher = keys[t] > choice.lowest;
    bool tie = keys[t] == choice.lowest;
    if (higher || (tie && equal < choice.ties)) emit(above + min(equal, choice.ties), t);
    above += higher;
    equal += tie;
  }
}

/** What a head chooses from. */
struct Candidates {
  const float* scores;
  trimtab_tensor window;  // [R,P] I32, or absent
  int32_t row;
  int32_t tokens;
};

/**
 * Fills the keys of a head's tokens: STAYS for the window's. All threads of the block call; all get
 * the number of tokens in the window.
 */
__device__ __forceinline__ int32_t fill_keys(const Candidates& from, uint32_t* keys,
                                             const Notes& notes) {
  __shared__ int32_t in_window;
  auto thread = static_cast<int32_t>(threadIdx.x);
  if (thread == 0) in_window = 0;
  for (int32_t t = thread; t < from.tokens; t += CHOOSE_THREADS) {
    keys[t] = choice_key(from.scores[t]);
  }
  __syncthreads();
  int64_t positions = has(from.window) ? from.window.size[1] : 0;
  for (int64_t p = thread; p < positions; p += CHOOSE_THREADS) {
    int32_t position = at(from.window, from.row, p);
    int64_t index = from.row * positions + p;
    bool good = notes.inside(TRIMTAB_ARGUMENT_WINDOW, index, position, -1, from.tokens - 1);
    if (!good || position < 0) continue;
    if (atomicExch(&keys[position], STAYS) == STAYS) {
      notes.bad(TRIMTAB_ARGUMENT_WINDOW, TRIMTAB_PROBLEM_REPEATED, index, position);
    } else {
      atomicAdd(&in_window, 1);
    }
  }
  __syncthreads();
  return in_window;
}

}  // namespace trimtab
