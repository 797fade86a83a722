// Score. RAW: a block sums the window's queries once and scores a stretch of tokens, among them the
// neighbours that pooling needs. Its warps take tiles of 32 keys in turn; while one is scored,
// copies of the next are under way, and no warp waits for another. SOFTMAX: the launches of
// softmax/sums.
//
// RAW, bytes: every key read once; FLOPs: 2 a key element, so that memory should be the bound. It
// is not reached: some 30 instructions a key are executed by few warps at a time, because tiles on
// their way take the shared memory; rows in flight in registers instead, with 24 warps a processor,
// were slower. SOFTMAX: see softmax/sums.cu.
#include "score/score.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "common/queries.cuh"
#include "common/ticket.cuh"
#include "score/dots.cuh"
#include "score/pool.cuh"
#include "softmax/sums.cuh"

namespace trimtab {

namespace {

constexpr int MOST_WARPS = 4;
constexpr int MOST_STAGES = 2;      // tiles of a warp in shared memory
constexpr int64_t MOST_OWN = 2048;  // tokens of a block
constexpr int64_t LEAST_OWN = 128;

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
  float* plain;  // neutralised scores [R,G,T] where blocks do not pool for themselves
  TileShape shape;
  int32_t own;  // tokens of a block
  int32_t warps, stages;

  constexpr int32_t length() const { return own + 2 * finish.margin(); }

  constexpr int64_t blocks_of_head() const { return (finish.scores.size[2] + own - 1) / own; }

  /** The sum of queries, scores and marks, and each warp's tiles. */
  constexpr int32_t shared_bytes() const {
    return 4 * shape.padded + 8 * aligned_length() + warps * stages * shape.bytes();
  }

  /** So that tiles begin with a multiple of 16 bytes. */
  constexpr int32_t aligned_length() const { return (length() + 3) / 4 * 4; }
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

/** The sum of all queries of a head, window outer, members inner; negative zeros behind its
 * elements. All threads of the block call. */
__device__ __forceinline__ void sum_queries(const Queries& queries, int32_t row, int32_t head,
                                            int32_t padded, float* sum, const Notes& notes) {
  __shared__ QueryBatch batch;
  auto thread = static_cast<int32_t>(threadIdx.x);
  auto all = static_cast<int32_t>(queries.places() * queries.group);
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

/** The thread's dot of the query with its key of a tile. */
template <class Format>
__device__ __forceinline__ float dot(const unsigned char* tile, const TileShape& shape,
                                     const float* query) {
  int32_t pitch = shape.pitch(Format::BITS);
  float scales[KEYS];
  read_scales<Format>(tile, shape, scales);
  float lanes[KEYS][OWNED] = {};
#pragma unroll 2
  for (int32_t s = 0; s < shape.padded / LANES; s++) {
    float x[KEYS][OWNED];
    read_step<Format>(tile, pitch, s, scales, x);
    add_step<Format>(query + s * LANES, x, lanes);
  }
  return add_lanes<Format>(lanes);
}

__global__ void __launch_bounds__(MOST_WARPS* LANES, 3)
    score_raw(const __grid_constant__ RawScore op) {
  TRIMTAB_DYNAMIC_SHARED(shared);
  Notes notes{op.status, op.operation};
  const int64_t* size = op.finish.scores.size;
  begin_next_kernel();
  auto heads = static_cast<unsigned>(size[1]);
  auto blocks = static_cast<unsigned>(op.blocks_of_head());
  auto head = static_cast<int32_t>(blockIdx.x / blocks % heads);
  auto row = static_cast<int32_t>(blockIdx.x / blocks / heads);
  auto* query = reinterpret_cast<float*>(shared);
  float* values = query + op.shape.padded;
  auto* in_window = reinterpret_cast<int32_t*>(values + op.aligned_length());
  int32_t warp = static_cast<int32_t>(threadIdx.x) / LANES;
  unsigned char* slots = reinterpret_cast<unsigned char*>(in_window + op.aligned_length()) +
                         warp * op.stages * op.shape.bytes();
  Stretch stretch(op.finish, static_cast<int32_t>(blockIdx.x % blocks) * op.own, op.own, values,
                  in_window);
  TokenCounts counts = tokens_of(op.history, op.fresh, row, head, size[2], notes);
  KeyTiles tiles{counts, max(stretch.base, 0), min(stretch.base + stretch.length, counts.all())};
  int32_t tile_count = tiles.count();
  TileCopies copies(op.history, op.fresh, row, head, counts.history, op.shape, op.stages, slots,
                    notes);
  int32_t coming = warp;
  auto begin = [&] {
    copies.begin(coming < tile_count ? tiles.at(coming) : KeyTile{});
    coming += op.warps;
  };
  for (int32_t s = 0; s < op.stages - 1; s++) begin();
  for (auto i = static_cast<int32_t>(threadIdx.x); i < stretch.length; i += blockDim.x) {
    values[i] = 0.f;
    in_window[i] = 0;
  }
  sum_queries(op.queries, row, head, op.shape.padded, query, notes);
  mark_positions(op.finish, row, counts.all(), stretch, notes);
  __syncthreads();
  for (int32_t i = warp; i < tile_count; i += op.warps) {
    begin();
    const unsigned char* keys = copies.await(op.stages - 1);
    KeyTile tile = tiles.at(i);
    float score;
    with_key_format(tile.paged ? op.history.dtype : op.fresh.k.dtype, [&](auto format) {
      score = op.factor * dot<decltype(format)>(keys, op.shape, query);
    });
    int32_t key = key_of_thread(0);
    int32_t token = tile.token + key;
    if (key < tile.count && stretch.holds(token)) values[token - stretch.base] = score;
    __syncwarp();
  }
  __syncthreads();
  float* plain = op.plain == nullptr ? nullptr : op.plain + (row * size[1] + head) * size[2];
  finish_stretch(op.finish, row, head, counts.all(), stretch, plain);
}

/** Divides the work among the processors of the current device. */
cudaError_t spread(RawScore& op) {
  Limits device{};
  cudaError_t error = limits(&device);
  if (error != cudaSuccess) return error;
  const int64_t* size = op.finish.scores.size;
  // As many a processor as it holds at once, so that some read while others begin or end.
  int64_t blocks = std::max<int64_t>(3 * device.processors / (size[0] * size[1]), 1);
  int64_t own = ((size[2] + blocks - 1) / blocks + TILE_KEYS - 1) / TILE_KEYS * TILE_KEYS;
  op.own = static_cast<int32_t>(std::clamp(own, LEAST_OWN, MOST_OWN));
  op.warps = static_cast<int32_t>(std::clamp<int64_t>(op.own / TILE_KEYS / 2, 1, MOST_WARPS));
  op.stages = MOST_STAGES;
  constexpr int STATIC_BYTES = 1024;
  while (op.shared_bytes() + STATIC_BYTES > device.block_shared && op.stages > 1) op.stages--;
  while (op.shared_bytes() + STATIC_BYTES > device.block_shared && op.warps > 1) op.warps /= 2;
  return cudaSuccess;
}

}  // namespace

uint64_t workspace_scoring(const trimtab_scoring& scoring) {
  Finish finish = finish_of(scoring);
  if (scoring.mode == TRIMTAB_MODE_SOFTMAX) {
    return workspace_weight_sums({window_queries(scoring), finish, scoring.history, scoring.fresh,
                                  0.f, 0, nullptr, nullptr});
  }
  if (finish.pools_in_blocks()) return 0;
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
  if (!finish.pools_in_blocks()) plain = reinterpret_cast<float*>(scratch(common));
  auto padded = static_cast<int32_t>((queries.q.size[3] + LANES - 1) / LANES * LANES);
  RawScore raw{queries,
               finish,
               scoring.history,
               scoring.fresh,
               common.status,
               operation,
               scoring.scale / static_cast<float>(queries.group),
               plain,
               tile_shape(scoring.history, scoring.fresh, padded),
               0,
               0,
               0};
  cudaError_t error = spread(raw);
  if (error != cudaSuccess) return error;
  Grid grid{blocks_of(size[0] * size[1] * raw.blocks_of_head()),
            dim3(static_cast<unsigned>(raw.warps * LANES)),
            static_cast<unsigned>(raw.shared_bytes())};
  error = launch(score_raw, grid, stream, raw);
  if (error != cudaSuccess || finish.pools_in_blocks()) return error;
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
