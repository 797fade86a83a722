// Verification without a sampled draft: a block finds what each row of target would emit, all rows
// at once, and then a warp walks each batch row.
#pragma once

#include "verify/arguments.cuh"
#include "verify/draw.cuh"

namespace trimtab {

/** The id that a row of target emits: its highest, or a draw from it. A block's work. */
__device__ __forceinline__ int32_t outcome_of(const VerifyArguments& a, BlockMasses& masses,
                                              int row, int outcome) {
  const float* target = &element<const float>(a.op.target, row, outcome);
  int64_t first = (static_cast<int64_t>(row) * a.outcomes + outcome) * a.vocabulary;
  float total = masses.sum(a.vocabulary, [&](int i) {
    return probability_of(a, target, TRIMTAB_ARGUMENT_TARGET, first, i);
  });
  check_sum(a, TRIMTAB_ARGUMENT_TARGET, first, total);
  auto mass = [&](int i) { return target[i]; };
  if (a.op.method == TRIMTAB_VERIFY_GREEDY) return masses.highest(a.vocabulary, mass);
  float u = uniform_of(a, a.op.sample_u, TRIMTAB_ARGUMENT_SAMPLE_U, row, outcome);
  return masses.draw(a.vocabulary, mass, u, total);
}

/** The first i in [first, n) for which `holds(i)`, or n. A warp's work. */
template <class Predicate>
__device__ __forceinline__ int warp_find(int first, int n, Predicate holds) {
  int lane = static_cast<int>(threadIdx.x) % LANES;
  for (int start = first; start < n; start += LANES) {
    int i = start + lane;
    unsigned found = __ballot_sync(ALL_LANES, i < n && holds(i));
    if (found != 0) return start + __ffs(static_cast<int>(found)) - 1;
  }
  return n;
}

/** Notes bad tokens, parents and siblings of a row. A warp's work. */
__device__ __forceinline__ void check_nodes(const VerifyArguments& a, int row) {
  bool tree = a.op.method == TRIMTAB_VERIFY_TREE;
  for (int i = static_cast<int>(threadIdx.x) % LANES; i < a.drafted; i += LANES) {
    int64_t index = static_cast<int64_t>(row) * a.drafted + i;
    int32_t token = element<const int32_t>(a.op.tokens, row, i);
    is_id(a, TRIMTAB_ARGUMENT_TOKENS, index, token);
    if (!tree) continue;
    int32_t parent = element<const int32_t>(a.op.parents, row, i);
    if (parent < -1 || parent >= i) {
      note_bad(a, TRIMTAB_ARGUMENT_PARENTS, TRIMTAB_PROBLEM_OUTSIDE, index, parent, {-1, i - 1});
    }
    bool repeated = false;
    for (int j = 0; j < i; j++) {
      repeated |= element<const int32_t>(a.op.parents, row, j) == parent &&
                  element<const int32_t>(a.op.tokens, row, j) == token;
    }
    if (repeated) note_bad(a, TRIMTAB_ARGUMENT_TOKENS, TRIMTAB_PROBLEM_REPEATED, index, token);
  }
}

/** Follows the outcomes from the first row of target on. A warp's work. */
__device__ __forceinline__ void walk(const VerifyArguments& a, int row) {
  check_nodes(a, row);
  const int32_t* found = a.found + static_cast<int64_t>(row) * a.outcomes;
  auto token = [&](int i) { return element<const int32_t>(a.op.tokens, row, i); };
  bool first_lane = threadIdx.x % LANES == 0;
  int accepted = 0;
  if (a.op.method == TRIMTAB_VERIFY_GREEDY) {
    accepted = warp_find(0, a.drafted, [&](int i) { return token(i) != found[i]; });
    for (int i = static_cast<int>(threadIdx.x) % LANES; i <= accepted; i += LANES) {
      emit(a, row, i, found[i]);
    }
  } else {
    for (int node = -1;; accepted++) {
      int32_t drawn = found[node + 1];
      if (first_lane) emit(a, row, accepted, drawn);
      int child = warp_find(node + 1, a.drafted, [&](int i) {
        return token(i) == drawn && element<const int32_t>(a.op.parents, row, i) == node;
      });
      if (child == a.drafted) break;
      node = child;
    }
  }
  if (first_lane) end(a, row, accepted + 1, accepted);
}

}  // namespace trimtab
