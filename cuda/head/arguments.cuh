// What the kernels of a head are given, and what they share.
#pragma once

#include <cuda_runtime.h>

#include "common/status.cuh"
#include "common/warp.cuh"
#include "trimtab.h"

namespace trimtab {

/** Most vectors of a canonical pass over the rows. */
constexpr int MOST_DOTS = 8;

/** Columns of a stage of quantised rows, and a multiple of those of every stage. */
constexpr int STAGE_COLUMNS = 128;

/** Most blocks of a head's grid. */
constexpr int MOST_HEAD_BLOCKS = 512;

__host__ __device__ __forceinline__ constexpr int ceil_div(int n, int d) {
  return n / d + (n % d != 0);
}

/** A launch: the operation, and what the host derives from it once. */
struct HeadArguments {
  trimtab_head_params op;
  int vectors;
  int capacity; /* places k */
  int columns;
  int group;      /* columns that share a scale */
  int copy_bytes; /* 16, 4 or 1: what all rows are aligned to */
  int stages;     /* of rows in shared memory */
  int top;        /* how many of the highest are asked for, or 0 */
  int chunks;     /* of CHUNK places, counted in the workspace; 0: too many, or no log-sum-exp */

  unsigned* counters; /* [0]: blocks that are through; [1 + chunk]: its tiles that are */
  float* logits;      /* [vectors, capacity], the result or workspace; null: not kept */
  int64_t logits_stride;
  ChunkPart* parts; /* [vectors, chunks] */
  Key* lists;       /* [vectors, top, blocks]; null: top > LIST_KEYS, or none asked for */

  /* For tensor cores: */
  uint16_t*
      pieces; /* hidden vectors as sums of 16-bit numbers: [pieces, vectors, columns], padded */
  int hidden_pieces;
  int blocks;
};

/** An element of a tensor of 32-bit elements. */
template <class Element>
__host__ __device__ __forceinline__ Element* at(const trimtab_tensor& tensor, int64_t i,
                                                int64_t j = 0) {
  return static_cast<Element*>(tensor.data) + i * tensor.stride[0] +
         (tensor.rank > 1 ? j * tensor.stride[1] : 0);
}

/** Places that take part; none where the count is bad. */
__device__ inline int places_of(const HeadArguments& a) {
  const trimtab_tensor& count = a.op.rows.count;
  if (count.dtype == TRIMTAB_NONE) return a.capacity;
  int32_t value = *at<const int32_t>(count, 0);
  if (value >= 0 && value <= a.capacity) return value;
  note(a.op.common.status, TRIMTAB_OPERATION_HEAD, TRIMTAB_ARGUMENT_ROWS_COUNT,
       TRIMTAB_PROBLEM_OUTSIDE, 0, value, {0, a.capacity});
  return 0;
}

/** The vocabulary id at a place. */
__device__ inline int32_t id_of(const HeadArguments& a, int place) {
  const trimtab_tensor& ids = a.op.rows.ids;
  return ids.dtype == TRIMTAB_NONE ? place : *at<const int32_t>(ids, place);
}

/** The row of the matrix at a place, or -1 where its id is bad. */
__device__ inline int32_t row_of(const HeadArguments& a, int place) {
  int32_t id = id_of(a, place);
  if (id >= 0 && id < a.op.rows.vocabulary) return a.op.rows.packed ? place : id;
  note(a.op.common.status, TRIMTAB_OPERATION_HEAD, TRIMTAB_ARGUMENT_ROWS_IDS,
       TRIMTAB_PROBLEM_OUTSIDE, place, id, {0, a.op.rows.vocabulary - 1});
  return -1;
}

}  // namespace trimtab
