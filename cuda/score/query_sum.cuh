// The sum of a window's queries, which raw scores are dots with.
#pragma once

#include "common/queries.cuh"

namespace trimtab {

/** Where a batch of queries lies; null where there is none. */
using QueryBatch = const char* [BATCH];

/** Adds one element of a batch of queries in rising order. */
template <class Format>
__device__ __forceinline__ float add_queries(const QueryBatch& batch, int32_t element, float sum) {
  typename Format::Element x[BATCH];
#pragma unroll
  for (int n = 0; n < BATCH; n++) {
    x[n] = {};
    if (batch[n] != nullptr) {
      x[n] = reinterpret_cast<const typename Format::Element*>(batch[n])[element];
    }
  }
  // Absent queries add +0, which changes no sum that began at +0.
#pragma unroll
  for (int n = 0; n < BATCH; n++) sum += Format::widen(x[n]);
  return sum;
}

/** The sum of all queries of a head, window outer, members inner; negative zeros behind its
 * elements. All threads of the block call; meanwhile() is called once, behind a barrier, when the
 * first queries are found. */
template <class Meanwhile>
__device__ __forceinline__ void sum_queries(const Queries& queries, int32_t row, int32_t head,
                                            int32_t padded, float* sum, const Notes& notes,
                                            Meanwhile meanwhile) {
  __shared__ QueryBatch batch;
  auto thread = static_cast<int32_t>(threadIdx.x);
  auto all = static_cast<int32_t>(queries.places() * queries.group);
  int32_t first = 0;
  do {
    if (first > 0) __syncthreads();
    if (thread < BATCH) {
      int32_t n = first + thread;
      int32_t query = n < all ? query_at(queries, row, n / queries.group, notes) : -1;
      batch[thread] =
          query < 0 ? nullptr
                    : vector_of(queries.q, row, head * queries.group + n % queries.group, query);
    }
    __syncthreads();
    if (first == 0) meanwhile();
    for (int32_t e = thread; e < padded; e += blockDim.x) {
      float before = first == 0 ? 0.f : sum[e];
      sum[e] = e >= queries.q.size[3]           ? -0.f
               : queries.q.dtype == TRIMTAB_F32 ? add_queries<formats::F32>(batch, e, before)
               : queries.q.dtype == TRIMTAB_F16 ? add_queries<formats::F16>(batch, e, before)
                                                : add_queries<formats::Bf16>(batch, e, before);
    }
    first += BATCH;
  } while (first < all);
}

}  // namespace trimtab
