// Chooses the highest of a row's keys: a radix selection of the lowest key that stays, nine or
// eleven bits a round and mostly two rounds, then one pass that writes the chosen places in rising
// order.
#pragma once

#include "common/canonical.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"

namespace trimtab {

/** Threads of a block that chooses: few where rows are short. */
constexpr int FEW_THREADS = 128;
constexpr int MANY_THREADS = 512;

/** Longest row that few threads choose from. */
constexpr int64_t SHORT_ROW = 512;

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

/** What a block of THREADS shares while it chooses. */
template <int THREADS>
struct ChooseShared {
  static constexpr int BINS_OF_THREAD = 4;
  static constexpr int BINS = THREADS * BINS_OF_THREAD;
  static constexpr int DIGIT_BITS = THREADS == MANY_THREADS ? 11 : 9;
  static constexpr int WARPS = THREADS / LANES;
  static_assert(BINS == 1 << DIGIT_BITS);

  uint32_t counts[BINS];
  Choice choice;
  bool decided;
  int32_t sums[2][WARPS];
};

/** A thread's neighbouring tokens. An odd number of them: so a warp's lie in different banks, and
 * the equal scores that pooling makes of neighbours are rarely counted at once. */
template <int THREADS>
struct TokenRange {
  int32_t first, end;

  __device__ explicit TokenRange(int32_t tokens) {
    int32_t each = (tokens + THREADS - 1) / THREADS | 1;
    auto thread = static_cast<int32_t>(threadIdx.x);
    first = static_cast<int32_t>(min(int64_t{thread} * each, int64_t{tokens}));
    end = min(first + each, tokens);
  }
};

/** Sums over the block's threads before this one of N counts. All threads of the block call. */
template <int THREADS, int N>
__device__ __forceinline__ void sums_before(ChooseShared<THREADS>& shared, int32_t (&counts)[N]) {
  int32_t lane = static_cast<int32_t>(threadIdx.x) % LANES;
  int32_t warp = static_cast<int32_t>(threadIdx.x) / LANES;
#pragma unroll
  for (int n = 0; n < N; n++) {
    int32_t sum = counts[n];
    for (int o = 1; o < LANES; o *= 2) {
      int32_t before = __shfl_up_sync(ALL_LANES, sum, o);
      if (lane >= o) sum += before;
    }
    if (lane == LANES - 1) shared.sums[n][warp] = sum;
    counts[n] = sum - counts[n];
  }
  __syncthreads();
#pragma unroll
  for (int n = 0; n < N; n++) {
    for (int w = 0; w < ChooseShared<THREADS>::WARPS; w++) {
      if (w < warp) counts[n] += shared.sums[n][w];
    }
  }
}

/** Of the counts by digit, which it clears: the digit of the choice's `ties`-th highest key. All
 * threads of the block call, between barriers. */
template <int THREADS>
__device__ __forceinline__ void choose_digit(ChooseShared<THREADS>& shared, int shift) {
  constexpr int BINS = ChooseShared<THREADS>::BINS;
  constexpr int BINS_OF_THREAD = ChooseShared<THREADS>::BINS_OF_THREAD;
  int32_t wanted = shared.choice.ties;
  int32_t highest = BINS - 1 - static_cast<int32_t>(threadIdx.x) * BINS_OF_THREAD;
  int32_t counts[BINS_OF_THREAD];
  int32_t mine = 0;
#pragma unroll
  for (int i = 0; i < BINS_OF_THREAD; i++) {
    counts[i] = static_cast<int32_t>(shared.counts[highest - i]);
    shared.counts[highest - i] = 0;
    mine += counts[i];
  }
  int32_t above[1] = {mine};
  sums_before(shared, above);
  if (above[0] >= wanted || above[0] + mine < wanted) return;
  int32_t higher = above[0];
#pragma unroll
  for (int i = 0; i < BINS_OF_THREAD; i++) {
    if (higher < wanted && higher + counts[i] >= wanted) {
      shared.choice.lowest |= static_cast<uint32_t>(highest - i) << shift;
      shared.choice.ties = wanted - higher;
      shared.decided = higher + counts[i] == wanted;
    }
    higher += counts[i];
  }
}

/** The lowest of the `wanted` highest keys, 1 <= wanted <= tokens, or, where no other keys lie
 * between, a number below it. All threads of the block call. */
template <int THREADS>
__device__ __forceinline__ Choice choose_lowest(ChooseShared<THREADS>& shared, const uint32_t* keys,
                                                const TokenRange<THREADS>& tokens, int32_t wanted) {
  constexpr int DIGIT_BITS = ChooseShared<THREADS>::DIGIT_BITS;
  auto thread = static_cast<int32_t>(threadIdx.x);
  for (int i = thread; i < ChooseShared<THREADS>::BINS; i += THREADS) shared.counts[i] = 0;
  if (thread == 0) shared.choice = {0, wanted};
  uint32_t known = 0;  // bits
  for (int shift = 32 - DIGIT_BITS;; shift = max(shift - DIGIT_BITS, 0)) {
    __syncthreads();
    uint32_t lowest = shared.choice.lowest;
    for (int32_t t = tokens.first; t < tokens.end; t++) {
      uint32_t key = keys[t];
      if ((key & known) == lowest) atomicAdd(&shared.counts[(key & ~known) >> shift], 1u);
    }
    __syncthreads();
    choose_digit(shared, shift);
    __syncthreads();
    if (shift == 0 || shared.decided) return shared.choice;
    known = ~0u << shift;
  }
}

/**
 * Calls emit(place, token) for the `wanted` tokens with the highest keys, of equal ones the lower
 * tokens, places in rising order of the tokens. All threads of the block call, after a barrier.
 */
template <int THREADS, class Emit>
__device__ __forceinline__ void choose(ChooseShared<THREADS>& shared, const uint32_t* keys,
                                       int32_t tokens, int32_t wanted, Emit emit) {
  if (wanted >= tokens) {
    for (auto t = static_cast<int32_t>(threadIdx.x); t < tokens; t += THREADS) emit(t, t);
    return;
  }
  if (wanted <= 0) return;
  TokenRange<THREADS> mine(tokens);
  Choice choice = choose_lowest(shared, keys, mine, wanted);
  int32_t counts[2] = {0, 0};  // above the lowest key, equal to it
  for (int32_t t = mine.first; t < mine.end; t++) {
    counts[0] += keys[t] > choice.lowest;
    counts[1] += keys[t] == choice.lowest;
  }
  sums_before(shared, counts);
  for (int32_t t = mine.first; t < mine.end; t++) {
    bool higher = keys[t] > choice.lowest;
    bool tie = keys[t] == choice.lowest;
    if (higher || (tie && counts[1] < choice.ties))
      emit(counts[0] + min(counts[1], choice.ties), t);
    counts[0] += higher;
    counts[1] += tie;
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
template <int THREADS>
__device__ __forceinline__ int32_t fill_keys(const Candidates& from, uint32_t* keys,
                                             const Notes& notes) {
  __shared__ int32_t in_window;
  auto thread = static_cast<int32_t>(threadIdx.x);
  if (thread == 0) in_window = 0;
  int64_t positions = has(from.window) ? from.window.size[1] : 0;
  // On its way while the scores are.
  int32_t position = thread < positions ? at(from.window, from.row, thread) : -1;
  constexpr int AT_ONCE = 8;
  for (int32_t begin = thread; begin < from.tokens; begin += AT_ONCE * THREADS) {
    float scores[AT_ONCE];
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++) {
      int32_t t = begin + i * THREADS;
      if (t < from.tokens) scores[i] = from.scores[t];
    }
#pragma unroll
    for (int i = 0; i < AT_ONCE; i++) {
      int32_t t = begin + i * THREADS;
      if (t < from.tokens) keys[t] = choice_key(scores[i]);
    }
  }
  __syncthreads();
  for (int64_t p = thread; p < positions; p += THREADS) {
    if (p != thread) position = at(from.window, from.row, p);
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
