// Selectivity: for each batch of queries their logits; then a block a query takes its log-sum-exp,
// its share on the new tokens and, by selection, on the most attended of history; at the end one
// block averages the shares of all queries.
//
// Bound by the logits' multiply-adds (softmax/logits.cu): 4096 queries, 10521 keys, 32 lists x 128
// are 176 G of them. A calibration's measure, not a step's.
#include "selectivity/selectivity.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "common/warp.cuh"
#include "select/choose.cuh"
#include "softmax/logits.cuh"

namespace trimtab {

namespace {

constexpr int WARPS = MANY_THREADS / LANES;

struct Shares {
  Logits logits;
  trimtab_tensor index;
  int32_t top;
  float* members;  // [R,G,BATCH,most]: the chosen weights of a query
  float* current;  // shares of all valid queries: rows outer, then query heads, then queries
  float* history;
};

/** Adds parts of chunks, each made by a warp, in rising order. All threads of the block call. */
template <class Part, class Make, class Add>
__device__ void in_order(Part (&parts)[WARPS], int32_t elements, Make make, Add add) {
  auto warp = static_cast<int32_t>(threadIdx.x) / LANES;
  for (int64_t first = 0; first < elements; first += WARPS * CHUNK) {
    auto begin = static_cast<int32_t>(min(first + warp * CHUNK, int64_t{elements}));
    Part part = make(begin, min(elements - begin, CHUNK));
    __syncthreads();
    if (threadIdx.x % LANES == 0) parts[warp] = part;
    __syncthreads();
    for (int w = 0; w < WARPS && first + w * CHUNK < elements; w++) add(parts[w]);
  }
}

/** The canonical sum of `value(i)` for i in [0, elements). All threads of the block call. */
template <class Value>
__device__ float block_sum(int32_t elements, Value value) {
  __shared__ float parts[WARPS];
  float sum = 0.f;
  in_order(
      parts, elements,
      [&](int32_t begin, int32_t count) {
        return warp_chunk_sum(count, [&](int i) { return value(begin + i); });
      },
      [&](float part) { sum += part; });
  return sum;
}

__device__ float block_log_sum_exp(const float* logits, int32_t tokens) {
  __shared__ ChunkPart parts[WARPS];
  LogSumExp all;
  in_order(
      parts, tokens,
      [&](int32_t begin, int32_t count) {
        return warp_chunk_part(count, [&](int i) { return logits[begin + i]; });
      },
      [&](const ChunkPart& part) { all.add(part.max, part.sum); });
  return all.value();
}

/** Valid queries of the rows before one, in one query head. */
__device__ int64_t queries_before(const Queries& queries, int32_t row, const Notes& notes) {
  int64_t before = 0;
  for (int32_t r = 0; r < row; r++) before += valid_queries(queries.q, queries.lengths, r, notes);
  return before;
}

/** The sum of members[0..count) in rising order. The first warp calls. */
__device__ float sum_of_members(const float* members, int32_t count) {
  float sum = 0.f;
  auto lane = static_cast<int32_t>(threadIdx.x);
  for (int32_t first = 0; first < count; first += LANES) {
    float member = first + lane < count ? members[first + lane] : 0.f;
    for (int j = 0; j < min(count - first, LANES); j++) sum += __shfl_sync(ALL_LANES, member, j);
  }
  return sum;
}

__global__ void __launch_bounds__(MANY_THREADS, 2) shares(const __grid_constant__ Shares op) {
  __shared__ ChooseShared<MANY_THREADS> shared;
  const Logits& of = op.logits;
  const Queries& queries = of.queries;
  Notes notes{of.status, of.operation};
  auto n = static_cast<int32_t>(blockIdx.x % of.count);
  int64_t list = blockIdx.x / of.count;
  auto head = static_cast<int32_t>(list % of.heads());
  auto row = static_cast<int32_t>(list / of.heads());
  int32_t place = (of.first + n) / queries.group;
  int32_t member = (of.first + n) % queries.group;
  int32_t valid = valid_queries(queries.q, queries.lengths, row, notes);
  if (place >= valid) return;
  TokenCounts counts = tokens_of(of.history, of.fresh, row, head, of.most, notes);
  float* logits = of.logits + (list * BATCH + n) * of.most;
  float log_sum_exp = block_log_sum_exp(logits, counts.all());
  const float* fresh = logits + counts.history;
  float current = block_sum(counts.fresh, [&](int32_t i) { return exp(fresh[i] - log_sum_exp); });
  // The logits on history give way to the keys of their weights.
  auto* keys = reinterpret_cast<uint32_t*>(logits);
  __syncthreads();
  for (auto t = static_cast<int32_t>(threadIdx.x); t < counts.history; t += MANY_THREADS) {
    keys[t] = choice_key(exp(logits[t] - log_sum_exp));
  }
  __syncthreads();
  float* members = op.members + (list * BATCH + n) * of.most;
  int32_t chosen = min(op.top, counts.history);
  choose(shared, KeysInMemory<MANY_THREADS>(keys, counts.history), counts.history, chosen,
         [&](int32_t at, int32_t token) { members[at] = score_of_key(keys[token]); });
  __syncthreads();
  if (threadIdx.x >= LANES) return;
  float history = sum_of_members(members, chosen);
  if (threadIdx.x == 0) {
    int64_t query_head = int64_t{head} * queries.group + member;
    int64_t at =
        queries_before(queries, row, notes) * queries.q.size[1] + query_head * valid + place;
    op.current[at] = current;
    op.history[at] = history;
  }
}

__global__ void __launch_bounds__(MANY_THREADS, 2) average(const __grid_constant__ Shares op) {
  const Queries& queries = op.logits.queries;
  Notes notes{op.logits.status, op.logits.operation};
  auto rows = static_cast<int32_t>(queries.q.size[0]);
  auto count = static_cast<int32_t>(queries_before(queries, rows, notes) * queries.q.size[1]);
  float current = block_sum(count, [&](int32_t i) { return op.current[i]; });
  float history = block_sum(count, [&](int32_t i) { return op.history[i]; });
  if (threadIdx.x != 0) return;
  auto* index = static_cast<float*>(op.index.data);
  index[0] = current / static_cast<float>(count);
  index[1] = history / static_cast<float>(count);
  index[2] = index[0] * index[1];
}

/** The operation with its buffers in the workspace behind the counters; also their bytes. */
Shares shares_of(const trimtab_selectivity_params& params, char* workspace, uint64_t& bytes) {
  int64_t history = has(params.history) ? params.history.table.size[2] * params.history.tokens : 0;
  int64_t most = std::min<int64_t>(history + params.fresh.k.size[2], INT32_MAX);
  auto heads = key_heads(params.history, params.fresh);
  auto group = static_cast<int32_t>(params.q.size[1] / heads);
  Shares op{logits_of({params.q, {}, params.query_lengths, group, TRIMTAB_MASK_NONE},
                      params.history, params.fresh, most, params.scale,
                      TRIMTAB_OPERATION_SELECTIVITY, params.common.status),
            params.index,
            params.top,
            nullptr,
            nullptr,
            nullptr};
  uint64_t members = aligned(params.q.size[0] * heads * BATCH * most * sizeof(float));
  uint64_t all = aligned(params.q.size[0] * params.q.size[1] * params.q.size[2] * sizeof(float));
  bytes = TRIMTAB_COUNTER_BYTES + members + 2 * all + workspace_logits(op.logits);
  if (workspace != nullptr) {
    op.members = reinterpret_cast<float*>(workspace);
    op.current = reinterpret_cast<float*>(workspace + members);
    op.history = reinterpret_cast<float*>(workspace + members + all);
    place_logits(op.logits, workspace + members + 2 * all);
  }
  return op;
}

}  // namespace

uint64_t workspace_selectivity(const trimtab_selectivity_params& params) {
  uint64_t bytes;
  shares_of(params, nullptr, bytes);
  return bytes;
}

cudaError_t launch_selectivity(const trimtab_selectivity_params& params, cudaStream_t stream) {
  uint64_t bytes;
  Shares op = shares_of(params, scratch(params.common), bytes);
  cudaError_t error = spread_logits(op.logits);
  if (error != cudaSuccess) return error;
  auto all = static_cast<int32_t>(params.q.size[2] * op.logits.queries.group);
  int64_t lists = params.q.size[0] * op.logits.heads();
  for (; lists > 0 && op.logits.first < all; op.logits.first += BATCH) {
    op.logits.count = std::min(all - op.logits.first, BATCH);
    error = launch_logits(op.logits, stream);
    if (error != cudaSuccess) return error;
    error = launch(shares, {blocks_of(lists * op.logits.count), dim3(MANY_THREADS)}, stream, op);
    if (error != cudaSuccess) return error;
  }
  return launch(average, {dim3(1), dim3(MANY_THREADS)}, stream, op);
}

}  // namespace trimtab
