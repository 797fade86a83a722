// Score. RAW: a block sums the window's queries once and scores a stretch of tokens, among them the
// neighbours that pooling needs. Its warps take tiles of 32 keys in turn, straight from memory to
// registers, and no warp waits for another. SOFTMAX: the launches of softmax/sums.
//
// RAW, bytes: every key read once; FLOPs: 2 a key element, so that memory should be the bound.
// While keys are read it is nearly reached; but blocks begin and end together, and memory waits
// while they find their pages, sum their queries and pool. SOFTMAX: see softmax/sums.cu.
#include "score/score.cuh"

#include <algorithm>

#include "common/async.cuh"
#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "score/key_rows.cuh"
#include "score/pool.cuh"
#include "score/query_sum.cuh"
#include "softmax/sums.cuh"

namespace trimtab {

namespace {

constexpr int MOST_WARPS = 3;
constexpr int BLOCKS = 4;           // of a processor
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
  float* plain;    // neutralised scores [R,G,T] where blocks do not pool for themselves
  int32_t padded;  // elements of a key, a multiple of 32
  int32_t own;     // tokens of a block
  int32_t warps;

  constexpr int32_t length() const { return own + 2 * finish.margin(); }

  constexpr int64_t blocks_of_head() const { return (finish.scores.size[2] + own - 1) / own; }

  /** Pages of a block, at most. */
  constexpr int32_t pages() const { return has(history) ? (length() - 1) / history.tokens + 2 : 0; }

  /** The sum of queries, scores, marks and pages' ids. */
  constexpr int32_t shared_bytes() const { return 4 * (padded + 2 * length() + pages()); }
};

/** Begins to bring into the L2 cache what a block reads first: its queries, and two keys a thread.
 * The kernel before may still change lengths and ids, which here only say what to fetch. */
__device__ __forceinline__ void fetch_first(const RawScore& op, const KeyRows& keys, int32_t row,
                                            int32_t head, int32_t first) {
  constexpr int LINE = 128;
  const trimtab_tensor& q = op.queries.q;
  auto thread = static_cast<int32_t>(threadIdx.x);
  auto threads = static_cast<int32_t>(blockDim.x);
  auto fetch = [](const char* from, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += LINE) fetch_early(from + i);
  };
  if (thread < q.size[2] * op.queries.group) {
    int32_t query_head = head * op.queries.group + thread % op.queries.group;
    fetch(vector_of(q, row, query_head, thread / op.queries.group), q.size[3] * bits(q.dtype) / 8);
  }
  int64_t history = 0;
  if (has(op.history)) {
    history = passing(&at(op.history.lengths, row, list_of(op.history, head)));
    if (history < 0 || history > capacity_of(op.history)) return;
  }
  for (int32_t token = first + thread; token < first + 2 * threads; token += threads) {
    if (token < history) {
      int32_t id = passing(keys.pages.id_at(token));
      if (!keys.pages.is_page(id)) continue;
      fetch(keys.pages.page_of(id) + keys.pages.codes(token), keys.pages.token_bytes);
    } else if (has(op.fresh) && token - history < op.fresh.k.size[2]) {
      fetch(vector_of(op.fresh.k, row, head, token - history),
            op.fresh.k.size[3] * bits(op.fresh.k.dtype) / 8);
    }
  }
}

/** STEPS: of 32 elements of a key of 16 bits or, with CODES, 8, aligned; 0: any keys. */
template <int STEPS, bool CODES>
__global__ void __launch_bounds__(MOST_WARPS* LANES, CODES&& STEPS > 0 ? BLOCKS - 1 : BLOCKS)
    score_raw(const __grid_constant__ RawScore op) {
  TRIMTAB_DYNAMIC_SHARED(shared);
  Notes notes{op.status, op.operation};
  const int64_t* size = op.finish.scores.size;
  auto heads = static_cast<unsigned>(size[1]);
  auto blocks = static_cast<unsigned>(op.blocks_of_head());
  auto head = static_cast<int32_t>(blockIdx.x / blocks % heads);
  auto row = static_cast<int32_t>(blockIdx.x / blocks / heads);
  auto* query = reinterpret_cast<float*>(shared);
  float* values = query + op.padded;
  auto* in_window = reinterpret_cast<int32_t*>(values + op.length());
  int32_t* ids = in_window + op.length();
  auto thread = static_cast<int32_t>(threadIdx.x);
  Stretch stretch(op.finish, static_cast<int32_t>(blockIdx.x % blocks) * op.own, op.own, values,
                  in_window);
  int32_t begin = max(stretch.base, 0);
  int32_t end = stretch.base + stretch.length;
  KeyRows keys(op.history, op.fresh, row, head, begin, ids);
  int32_t page_count =
      min(op.pages(), static_cast<int32_t>(op.history.table.size[2]) - keys.first_page);
  for (int32_t i = thread; i < stretch.length; i += blockDim.x) {
    values[i] = 0.f;
    in_window[i] = 0;
  }
  if (BEGIN_EARLY) fetch_first(op, keys, row, head, begin);
  await_kernel_before();
  begin_next_kernel();
  // What does not depend on one another is read at once: ids, the window's tokens, lengths.
  auto id_of = [&](int32_t i) {
    return i < page_count ? keys.pages.id((keys.first_page + i) << keys.pages.shift) : -1;
  };
  int32_t id = id_of(thread);
  int32_t position = window_position(op.finish, row);
  TokenCounts counts = tokens_of(op.history, op.fresh, row, head, size[2], notes);
  keys.history = counts.history;
  for (int32_t i = thread; i < page_count; i += blockDim.x) ids[i] = i == thread ? id : id_of(i);
  KeyTiles tiles(op.history, op.fresh, counts, begin, min(end, counts.all()));
  int32_t tile_count = uniform(tiles.count());
  int32_t i = uniform(thread / LANES);
  KeyTile tile = tiles.at(i);
  RowsAhead<STEPS, CODES> ahead(static_cast<int32_t>(op.queries.q.size[3]));
  sum_queries(op.queries, row, head, op.padded, query, notes, [&] {
    if (i < tile_count) ahead.load(keys, tile);
  });
  mark_positions(op.finish, row, counts.all(), position, stretch, notes);
  __syncthreads();
  for (; i < tile_count; i += op.warps) {
    KeyTile next = i + op.warps < tile_count ? tiles.at(i + op.warps) : KeyTile{};
    float score = op.factor * ahead.dot(keys, tile, next, query);
    int32_t key = key_in_tile(key_part());
    if (key < tile.count) values[tile.token + key - stretch.base] = score;
    tile = next;
  }
  __syncthreads();
  for (int32_t p = thread; p < page_count; p += blockDim.x) {
    int32_t token = max((keys.first_page + p) << keys.pages.shift, begin);
    if (token < min(end, counts.history) && !keys.pages.is_page(ids[p])) {
      keys.pages.page(token, notes);
    }
  }
  float* plain = op.plain == nullptr ? nullptr : op.plain + (row * size[1] + head) * size[2];
  finish_stretch(op.finish, row, head, counts.all(), stretch, plain);
}

/** Divides the work among the processors of the current device. */
cudaError_t spread(RawScore& op) {
  Limits device{};
  cudaError_t error = limits(&device);
  if (error != cudaSuccess) return error;
  const int64_t* size = op.finish.scores.size;
  // As many a processor as it holds at once, or some times that; whole tiles, with the margins.
  int64_t blocks = std::max<int64_t>(BLOCKS * device.processors / (size[0] * size[1]), 1);
  blocks *= (size[2] + blocks * MOST_OWN - 1) / (blocks * MOST_OWN);
  int64_t margins = 2 * op.finish.margin();
  int64_t own = std::clamp<int64_t>((size[2] + blocks - 1) / blocks, LEAST_OWN, MOST_OWN);
  int64_t tiles = (own + margins + TILE_KEYS - 1) / TILE_KEYS;
  op.own = static_cast<int32_t>(tiles * TILE_KEYS - margins);
  op.warps = static_cast<int32_t>(std::clamp<int64_t>(tiles / 2, 1, MOST_WARPS));
  return cudaSuccess;
}

/** The kernel for these keys. */
void (*kernel_for(const RawScore& op))(RawScore) {
  bool codes = has(op.history) && is_quantized(op.history.dtype);
  bool fits = op.padded == op.queries.q.size[3] &&
              (!has(op.history) || bits(op.history.dtype) <= 16) &&
              (!has(op.fresh) || (bits(op.fresh.k.dtype) == 16 && wide(op.fresh.k)));
  if (fits && op.padded == 2 * LANES) return codes ? score_raw<2, true> : score_raw<2, false>;
  if (fits && op.padded == 4 * LANES) return codes ? score_raw<4, true> : score_raw<4, false>;
  return score_raw<0, true>;
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
               padded,
               0,
               0};
  cudaError_t error = spread(raw);
  if (error != cudaSuccess) return error;
  Grid grid{blocks_of(size[0] * size[1] * raw.blocks_of_head()),
            dim3(static_cast<unsigned>(raw.warps * LANES)),
            static_cast<unsigned>(raw.shared_bytes()), true};
  error = launch(kernel_for(raw), grid, stream, raw);
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
