// Score. RAW: a block sums the window's queries once, then takes one dot a key for 256 tokens,
// among them the neighbours that pooling needs. SOFTMAX: the launches of softmax/sums.
//
// RAW, bytes: every key read once; FLOPs: 2 a key element. Bound by memory: 10521 keys of 32 lists
// x 128, BF16: 86 MB, 20 us at 4.3 TB/s (8 us of instructions). SOFTMAX: see softmax/sums.cu.
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

/**
 * The sum of all queries of a head, window outer, members inner. All threads call; a barrier must
 * follow.
 *
 * batch: [BATCH][head_dim]
 */
__device__ __forceinline__ void sum_queries(const Queries& queries, int32_t row, int32_t head,
                                            float* batch, float* sum, const Notes& notes) {
  __shared__ int32_t rows_of_q[BATCH];
  auto thread = static_cast<int32_t>(threadIdx.x);
  auto head_dim = static_cast<int32_t>(queries.q.size[3]);
  int64_t all = queries.places() * queries.group;
  float total = 0.f;
  for (int64_t first = 0; first < all; first += BATCH) {
    __syncthreads();
    if (thread < BATCH) {
      auto place = static_cast<int32_t>((first + thread) / queries.group);
      rows_of_q[thread] = first + thread < all ? query_at(queries, row, place, notes) : -1;
    }
    __syncthreads();
    load_queries(queries, row, head, static_cast<int32_t>(first % queries.group), rows_of_q, batch);
    __syncthreads();
    // Absent queries add +0, which changes no sum that began at +0.
    for (int n = 0; n < BATCH && thread < head_dim; n++) total += batch[n * head_dim + thread];
  }
  if (thread < head_dim) sum[thread] = total;
}

__global__ void __launch_bounds__(TILE) score_raw(const __grid_constant__ RawScore op) {
  __shared__ __align__(16) float query[MOST_HEAD_DIM];
  __shared__ float batch[BATCH * MOST_HEAD_DIM];
  __shared__ float values[TILE];
  Notes notes{op.status, op.operation};
  const int64_t* size = op.finish.scores.size;
  auto tiles = static_cast<unsigned>(op.finish.tiles());
  auto tile = static_cast<int32_t>(blockIdx.x % tiles);
  auto head = static_cast<int32_t>(blockIdx.x / tiles % size[1]);
  auto row = static_cast<int32_t>(blockIdx.x / tiles / size[1]);
  TokenCounts counts = tokens_of(op.history, op.fresh, row, head, size[2], notes);
  int32_t base = tile * op.finish.tokens_of_tile();
  if (op.finish.pools_in_tiles()) base -= op.finish.reach();
  int32_t end = min(base + TILE, counts.all());
  auto head_dim = static_cast<int32_t>(op.queries.q.size[3]);
  values[threadIdx.x] = 0.f;
  sum_queries(op.queries, row, head, batch, query, notes);
  __syncthreads();
  if (base < counts.history) {
    HeadPages pages(op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, head);
    KeyRange keys{max(base, 0), min(end, counts.history), &pages, nullptr, row, head, 0};
    raw_dots_of(op.history.dtype, true, keys, query, head_dim, op.factor, base, values, notes);
  }
  if (end > counts.history) {
    KeyRange keys{max(base, counts.history), end, nullptr, &op.fresh.k, row, head, counts.history};
    raw_dots_of(op.fresh.k.dtype, wide(op.fresh.k), keys, query, head_dim, op.factor, base, values,
                notes);
  }
  __syncthreads();
  float* plain = op.plain == nullptr ? nullptr : op.plain + (row * size[1] + head) * size[2];
  finish_tile(op.finish, row, head, counts.all(), base, values, plain, notes);
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
  cudaError_t error = launch(score_raw, {blocks, dim3(TILE)}, stream, raw);
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
