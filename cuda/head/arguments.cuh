// What the kernels of a head are given, and what they share.
#pragma once

#include <cuda_runtime.h>

#include "common/formats.cuh"
#include "common/status.cuh"
#include "common/warp.cuh"
#include "trimtab.h"

namespace trimtab {

/** Most vectors of a canonical pass over the rows. */
constexpr int MOST_DOTS = 8;

/** A multiple of the columns of a stage on tensor cores. */
constexpr int STAGE_COLUMNS = 128;

/** Columns of quantised rows that are scaled at a time, if they share a scale. */
constexpr int SCALED_COLUMNS = 128;

__host__ __device__ __forceinline__ constexpr int ceil_div(int n, int d) {
  return n / d + (n % d != 0);
}

/** A launch: the operation, and what the host derives from it once. */
struct HeadArguments {
  trimtab_head_params op;
  int vectors;
  int capacity; /* places k */
  int columns;
  int group;         /* columns that share a scale */
  int64_t row_bytes; /* from a row of codes to the next */
  int copy_bytes;    /* 16, 4 or 1: what all rows are aligned to; 16 only if row_bytes < 2^32 */
  int stages;        /* of rows in shared memory */
  int window;        /* columns of hidden vectors that are in shared memory at a time */
  int top;           /* how many of the highest are asked for, or 0 */

  unsigned* counters; /* two a vector: blocks of finish_head that are through */
  float* logits;      /* [vectors, capacity], the result or workspace */
  int64_t logits_stride;
  ChunkPart* parts; /* [vectors, chunks]; null: no log-sum-exp */
  Key* bests;       /* [vectors, chunks]; null: top > LIST_KEYS, or none asked for */

  /* For tensor cores: */
  uint16_t* pieces; /* hidden vectors as sums of 16-bit numbers, as split_hidden lays them out */
  int hidden_pieces;
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

/** The vocabulary id at a place; from L2, since a kernel may look before they are final. */
__device__ inline int32_t id_of(const HeadArguments& a, int place) {
  const trimtab_tensor& ids = a.op.rows.ids;
  return ids.dtype == TRIMTAB_NONE ? place : __ldcg(at<const int32_t>(ids, place));
}

/** The row of the matrix at a place whose id is known, or -1 where the id is bad. */
__device__ inline int32_t row_of(const HeadArguments& a, int place, int32_t id) {
  return id < 0 || id >= a.op.rows.vocabulary ? -1 : a.op.rows.packed ? place : id;
}

/** The same, and notes a bad id. */
__device__ inline int32_t checked_row_of(const HeadArguments& a, int place, int32_t id) {
  int32_t row = row_of(a, place, id);
  if (row < 0) {
    note(a.op.common.status, TRIMTAB_OPERATION_HEAD, TRIMTAB_ARGUMENT_ROWS_IDS,
         TRIMTAB_PROBLEM_OUTSIDE, place, id, {0, a.op.rows.vocabulary - 1});
  }
  return row;
}

/** A row's scale of a group of its columns. */
__device__ __forceinline__ float scale_of(const HeadArguments& a, int row, int group) {
  const trimtab_tensor& scales = a.op.rows.weight.scales;
  uint16_t bits = __ldg(static_cast<const uint16_t*>(scales.data) + row * scales.stride[0] + group);
  return scales.dtype == TRIMTAB_BF16 ? from_bf16(bits) : from_f16(bits);
}

/** Writes the logits of places that do not take part. All threads of the grid call. */
__device__ inline void clear_absent(const HeadArguments& a, int count) {
  if (a.op.logits.dtype == TRIMTAB_NONE) return;
  for (int vector = 0; vector < a.vectors; vector++) {
    for (int64_t place = count + static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         place < a.capacity; place += static_cast<int64_t>(gridDim.x) * blockDim.x) {
      a.logits[vector * a.logits_stride + place] = -infinity();
    }
  }
}

}  // namespace trimtab
