// Score. RAW: a block sums the window's queries once, then takes one dot a key for 256 tokens,
// among them the neighbours that pooling needs. SOFTMAX: the launches of softmax/sums.
//
// RAW, bytes: every key read once; FLOPs: 2 a key element. Bound by memory: 10521 keys of 32 lists
// x 128, BF16: 86 MB, on an H200 39.5 us, 0.48 of what a plain read does (18.8 us): 24 warps a
// processor wait for one another at the barriers around the queries' sum, and for their first keys.
// SOFTMAX: see softmax/sums.cu.
#include "score/score.cuh"

#include "common/launch.cuh"
#include "common/queries.cuh"
#include "common/ticket.cuh"
#include "score/pool.cuh"
#include "score/raw.cuh"
#include "softmax/sums.cuh"

namespace trimtab {

namespace {

static_assert(TILE >= MOST_HEAD_DIM);  // a thread sums an element

Queries window_queries(const trimtab_scoring& scoring) {
  return {scoring.q,
          scoring.query_rows,
          {},
          static_cast<int32_t>(scoring.q.size[1] / scoring.scores.size[1]),
          scoring.mask};
}

Finish finish_of(const trimtab_scoring& scoring) {
  return {scoring.scores, scoring.window, scoring.pooling, scoring.pool_width, -__builtin_inff()};
}

struct RawScore {
  Queries queries;
  Finish finish;
  trimtab_pages history;
  trimtab_new_tokens fresh;
  trimtab_status_word* status;
  uint32_t operation;
  float factor;
  float* plain;  // neutralised scores [R,G,T] where tiles do not pool for themselves
};

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

/** One element, the thread's, of the sum of all queries of a head, window outer, members inner. All
 * threads of the block call; at least one barrier lies behind. */
__device__ __forceinline__ float sum_of_queries(const Queries& queries, int32_t row, int32_t head,
                                                const Notes& notes) {
  __shared__ QueryBatch batch;
  auto thread = static_cast<int32_t>(threadIdx.x);
  auto all = static_cast<int32_t>(queries.places() * queries.group);
  float sum = 0.f;
  int32_t first = 0;
  do {
    __syncthreads();
    if (thread < BATCH) {
      int32_t n = first + thread;
      int32_t query = n < all ? query_at(queries, row, n / queries.group, notes) : -1;
      batch[thread] =
          query < 0 ? nullptr
                    : vector_of(queries.q, row, head * queries.group + n % queries.group, query);
    }
    __syncthreads();
    if (thread < queries.q.size[3]) {
      sum = queries.q.dtype == TRIMTAB_F32   ? add_queries<formats::F32>(batch, thread, sum)
            : queries.q.dtype == TRIMTAB_F16 ? add_queries<formats::F16>(batch, thread, sum)
                                             : add_queries<formats::Bf16>(batch, thread, sum);
    }
    first += BATCH;
  } while (first < all);
  return sum;
}

__global__ void __launch_bounds__(TILE, 3)
    score_raw(const __grid_constant__ RawScore op, unsigned tiles) {
  __shared__ __align__(16) float query[MOST_HEAD_DIM];
  __shared__ TileKeys keys;
  __shared__ int32_t in_window[TILE];
  __shared__ float values[TILE];
  Notes notes{op.status, op.operation};
  const int64_t* size = op.finish.scores.size;
  auto heads = static_cast<unsigned>(size[1]);
  auto tile = static_cast<int32_t>(blockIdx.x % tiles);
  auto head = static_cast<int32_t>(blockIdx.x / tiles % heads);
  auto row = static_cast<int32_t>(blockIdx.x / tiles / heads);
  TokenCounts counts = tokens_of(op.history, op.fresh, row, head, size[2], notes);
  int32_t base = tile * op.finish.tokens_of_tile();
  if (op.finish.pools_in_tiles()) base -= op.finish.reach();
  auto head_dim = static_cast<int32_t>(op.queries.q.size[3]);
  auto thread = static_cast<int32_t>(threadIdx.x);
  find_keys(op.history, op.fresh.k, row, head, counts, base, keys, notes);
  values[thread] = 0.f;
  in_window[thread] = 0;
  float sum = sum_of_queries(op.queries, row, head, notes);
  if (thread < head_dim) query[thread] = sum;
  mark_positions(op.finish, row, counts.all(), base, in_window, notes);
  __syncthreads();
  int32_t fresh = min(max(counts.history - base, 0), TILE);
  if (fresh > 0) {
    raw_dots_of(op.history.dtype, true, keys, 0, fresh, query, head_dim, op.factor, values);
  }
  if (fresh < TILE && counts.fresh > 0) {
    raw_dots_of(op.fresh.k.dtype, wide(op.fresh.k), keys, fresh, TILE, query, head_dim, op.factor,
                values);
  }
  __syncthreads();
  float* plain = op.plain == nullptr ? nullptr : op.plain + (row * size[1] + head) * size[2];
  finish_tile(op.finish, row, head, counts.all(), base, in_window, values, plain);
}

}  // namespace

uint64_t workspace_scoring(const trimtab_scoring& scoring) {
  Finish finish = finish_of(scoring);
  if (scoring.mode == TRIMTAB_MODE_SOFTMAX) {
    return workspace_weight_sums({window_queries(scoring), finish, scoring.history, scoring.fresh,
                                  0.f, 0, nullptr, nullptr});
  }
  if (finish.pools_in_tiles()) return 0;
  const int64_t* size = scoring.scores.size;
  return TRIMTAB_COUNTER_BYTES + aligned(size[0] * size[1] * size[2] * sizeof(float));
}

cudaError_t launch_scoring(const trimtab_common& common, const trimtab_scoring& scoring,
                           uint32_t operation, cudaStream_t stream) {
  Queries queries = window_queries(scoring);
  Finish finish = finish_of(scoring);
  const int64_t* size = scoring.scores.size;
  if (size[0] * size[1] * size[2] == 0) return cudaSuccess;
  if (scoring.mode == TRIMTAB_MODE_SOFTMAX) {
    return launch_weight_sums({queries, finish, scoring.history, scoring.fresh, scoring.scale,
                               operation, common.status, scratch(common)},
                              stream);
  }
  float* plain = nullptr;
  if (!finish.pools_in_tiles()) plain = reinterpret_cast<float*>(scratch(common));
  RawScore raw{queries,
               finish,
               scoring.history,
               scoring.fresh,
               common.status,
               operation,
               scoring.scale / static_cast<float>(queries.group),
               plain};
  dim3 blocks = blocks_of(size[0] * size[1] * finish.tiles());
  cudaError_t error = launch(score_raw, {blocks, dim3(TILE)}, stream, raw, finish.tiles());
  if (error != cudaSuccess || finish.pools_in_tiles()) return error;
  return launch_pool({finish, scoring.history, scoring.fresh, common.status, operation, plain},
                     stream);
}

uint64_t workspace_score(const trimtab_score_params& params) {
  return workspace_scoring(params.scoring);
}

cudaError_t launch_score(const trimtab_score_params& params, cudaStream_t stream) {
  return launch_scoring(params.common, params.scoring, TRIMTAB_OPERATION_SCORE, stream);
}

}  // namespace trimtab
