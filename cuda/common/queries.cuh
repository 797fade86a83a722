// The queries of a window or of a whole map: which of them are there, and how many tokens each
// sees.
#pragma once

#include "common/elements.cuh"
#include "common/kv.cuh"

namespace trimtab {

/** Queries of a head that are taken at once. */
constexpr int BATCH = 16;

/** Queries that attend to a head's keys, numbered through: places outer, members of the group
 * inner. */
struct Queries {
  trimtab_tensor q;        // [R,H,Q,D]
  trimtab_tensor rows;     // [R,W] which of the Q, -1 for none; or absent: all
  trimtab_tensor lengths;  // [R] valid ones of the Q; or absent: all
  int32_t group;
  int32_t mask;

  /** Places W or Q. */
  constexpr int64_t places() const { return has(rows) ? rows.size[1] : q.size[2]; }
};

/** Valid queries of a row without `rows`; 0 where the length is bad. */
__device__ __forceinline__ int32_t valid_queries(const trimtab_tensor& q,
                                                 const trimtab_tensor& lengths, int32_t row,
                                                 const Notes& notes) {
  auto most = static_cast<int32_t>(q.size[2]);
  if (!has(lengths)) return most;
  int32_t count = at(lengths, row);
  return notes.inside(TRIMTAB_ARGUMENT_QUERY_LENGTHS, row, count, 0, most) ? count : 0;
}

/** The query at a place, -1 where there is none or its number is bad. */
__device__ __forceinline__ int32_t query_at(const Queries& queries, int32_t row, int32_t place,
                                            const Notes& notes) {
  if (!has(queries.rows)) {
    return place < valid_queries(queries.q, queries.lengths, row, notes) ? place : -1;
  }
  int32_t query = at(queries.rows, row, place);
  bool good = notes.inside(TRIMTAB_ARGUMENT_QUERY_ROWS, row * queries.rows.size[1] + place, query,
                           -1, queries.q.size[2] - 1);
  return good ? query : -1;
}

/** A query and the tokens that it sees, the first `visible` ones. */
struct Query {
  int32_t row_of_q = -1;  // -1: none
  int32_t visible = 0;
};

/** The query at a place of a head of `tokens` tokens; under a causal mask the queries stand last.
 */
__device__ __forceinline__ Query query_of(const Queries& queries, int32_t row, int32_t place,
                                          int32_t tokens, const Notes& notes) {
  Query query{query_at(queries, row, place, notes), tokens};
  if (query.row_of_q < 0) return {};
  if (queries.mask == TRIMTAB_MASK_CAUSAL) {
    int32_t later = 0;
    if (has(queries.rows)) {
      for (int64_t w = place + 1; w < queries.places(); w++) {
        later += at(queries.rows, row, w) >= 0;
      }
    } else {
      later = valid_queries(queries.q, queries.lengths, row, notes) - 1 - place;
    }
    query.visible = max(tokens - later, 0);
  }
  return query;
}

/**
 * Reads a batch of a head's queries from number `first` on as binary32, [BATCH][padded]; those
 * whose `rows_of_q` is -1 are zeros. Behind a query's elements are negative zeros: no sum changes
 * by their products with zeros. All threads of the block call.
 */
__device__ __forceinline__ void load_queries(const Queries& queries, int32_t row, int32_t head,
                                             int32_t first, const int32_t (&rows_of_q)[BATCH],
                                             int32_t padded, float* values) {
  int32_t shares = padded / SHARE;
  bool aligned = wide(queries.q);
  int q_bits = bits(queries.q.dtype);
  for (auto i = static_cast<int32_t>(threadIdx.x); i < BATCH * shares; i += blockDim.x) {
    int32_t n = i / shares;
    int32_t share = i % shares;
    float x[SHARE] = {};
    if (share * SHARE >= queries.q.size[3]) {
#pragma unroll
      for (float& element : x) element = -0.f;
    } else if (rows_of_q[n] >= 0) {
      int32_t query_head = head * queries.group + (first + n) % queries.group;
      const char* from = vector_of(queries.q, row, query_head, rows_of_q[n]) + share * q_bits;
      widen_share(queries.q.dtype, load_share(q_bits, from, aligned), 1.f, x);
    }
#pragma unroll
    for (int e = 0; e < SHARE; e++) values[i * SHARE + e] = x[e];
  }
}

}  // namespace trimtab
