// Chooses the highest of a row's keys: a radix selection of the lowest key that stays, nine or
// eleven bits a round and mostly two rounds, then one pass that writes the chosen places in rising
// order.
#pragma once

#include "select/keys.cuh"

namespace trimtab {

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
template <int THREADS, class Keys>
__device__ __forceinline__ Choice choose_lowest(ChooseShared<THREADS>& shared, const Keys& keys,
                                                int32_t wanted) {
  constexpr int DIGIT_BITS = ChooseShared<THREADS>::DIGIT_BITS;
  auto thread = static_cast<int32_t>(threadIdx.x);
  for (int i = thread; i < ChooseShared<THREADS>::BINS; i += THREADS) shared.counts[i] = 0;
  if (thread == 0) shared.choice = {0, wanted};
  uint32_t known = 0;  // bits
  for (int shift = 32 - DIGIT_BITS;; shift = max(shift - DIGIT_BITS, 0)) {
    __syncthreads();
    uint32_t lowest = shared.choice.lowest;
    keys.each([&](int32_t, uint32_t key) {
      if ((key & known) == lowest) atomicAdd(&shared.counts[(key & ~known) >> shift], 1u);
    });
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
template <int THREADS, class Keys, class Emit>
__device__ __forceinline__ void choose(ChooseShared<THREADS>& shared, const Keys& keys,
                                       int32_t tokens, int32_t wanted, Emit emit) {
  if (wanted >= tokens) {
    for (auto t = static_cast<int32_t>(threadIdx.x); t < tokens; t += THREADS) emit(t, t);
    return;
  }
  if (wanted <= 0) return;
  Choice choice = choose_lowest(shared, keys, wanted);
  int32_t counts[2] = {0, 0};  // above the lowest key, equal to it
  keys.each([&](int32_t, uint32_t key) {
    counts[0] += key > choice.lowest;
    counts[1] += key == choice.lowest;
  });
  sums_before(shared, counts);
  keys.each([&](int32_t token, uint32_t key) {
    bool higher = key > choice.lowest;
    bool tie = key == choice.lowest;
    if (higher || (tie && counts[1] < choice.ties)) {
      emit(counts[0] + min(counts[1], choice.ties), token);
    }
    counts[0] += higher;
    counts[1] += tie;
  });
}

}  // namespace trimtab
