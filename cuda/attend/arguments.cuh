// What attention's kernels are told, and what a query sees.
#pragma once

#include "common/kv.cuh"
#include "common/queries.cuh"
#include "trimtab.h"

namespace trimtab {

/**
 * An operation, and how its work is cut. A line is one query of one query head; the lines of a
 * key/value head are numbered queries outer, members of the group inner.
 */
struct AttendArguments {
  trimtab_attend_params op;
  int32_t heads;        /* key/value heads */
  int32_t group;        /* query heads of each */
  int32_t lines;        /* of a key/value head */
  int32_t splits;       /* blocks that share the tokens of a line, at most */
  int32_t split_tokens; /* tokens of each, at least */
  int32_t split_step;   /* what they are a multiple of: pages and tiles are whole */
};

/** Pieces of work, each a split of the tokens of that many lines. */
inline int64_t pieces_of(const AttendArguments& a, int32_t lines) {
  int64_t tiles = (a.lines + lines - 1) / lines;
  return tiles * a.splits * a.heads * a.op.q.size[0];
}

/** Tokens of each split of a row's head that has so many in all. */
__device__ __forceinline__ int32_t split_tokens_of(const AttendArguments& a, int32_t tokens) {
  if (a.splits == 1) return INT32_MAX;
  int32_t steps = (tokens - 1) / a.splits / a.split_step + 1;
  return max(steps * a.split_step, a.split_tokens);
}

/** A bit for a query of a tree and for each of its ancestors. */
__device__ inline uint64_t ancestors_of(const trimtab_attend_params& params, int32_t row,
                                        int32_t query, const Notes& notes) {
  uint64_t ancestors = 0;
  for (int32_t i = query; i >= 0;) {
    ancestors |= uint64_t{1} << i;
    int32_t parent = at(params.parents, row, i);
    int64_t index = row * params.parents.size[1] + i;
    if (!notes.inside(TRIMTAB_ARGUMENT_PARENTS, index, parent, -1, i - 1)) break;
    i = parent;
  }
  return ancestors;
}

/** That many lower bits. */
__device__ __forceinline__ uint64_t lower_bits(int64_t count) {
  return count <= 0 ? 0 : count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

/** A bit for each of 64 new tokens from `first` on that a query sees, among `count` valid ones. */
__device__ __forceinline__ uint64_t seen_of_fresh(int32_t mask, int32_t query, uint64_t ancestors,
                                                  int32_t first, int32_t count) {
  uint64_t valid = lower_bits(int64_t{count} - first);
  if (mask == TRIMTAB_MASK_CAUSAL) return valid & lower_bits(int64_t{query} + 1 - first);
  if (mask == TRIMTAB_MASK_TREE) return first < 64 ? valid & ancestors >> first : 0;
  return valid;
}

/** Whether a valid query sees any token. */
__device__ __forceinline__ bool sees_any(const trimtab_attend_params& params,
                                         const TokenCounts& counts, int32_t query,
                                         uint64_t ancestors) {
  return counts.history > 0 || seen_of_fresh(params.mask, query, ancestors, 0, counts.fresh) != 0;
}

/** Where a line's output lies. */
__device__ __forceinline__ float* out_of(const trimtab_attend_params& params, int32_t row,
                                         int32_t query_head, int32_t query) {
  return row_of(params.out, row, query_head) + query * params.out.stride[2];
}

}  // namespace trimtab
