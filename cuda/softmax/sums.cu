// Weight sums: for each batch of queries their logits, then per query the max and the canonical sum
// of exponentials, then per token the weights added to those of the batches before.
//
// 16 queries, 10521 keys, 32 lists: logits of 21 MB written once and read twice, out of the L2
// cache where that holds them; 11 M exponentials, twice. On an H200 255 us, 216 of them the logits,
// 19 the sums and 26 the weights, whose divisions and exponentials are bound by instructions.
#include "softmax/sums.cuh"

#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "common/warp.cuh"
#include "score/pool.cuh"

namespace trimtab {

namespace {

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / LANES;

/** A query's softmax: weight = exp(logit - max) / sum for the first `visible` tokens. */
struct Softmax {
  float max;
  float sum;
  int32_t visible;
};

struct Batch {
  Logits logits;
  Finish finish;
  Softmax* softmax;  // [R,G,BATCH]
  float* sums;       // [R,G,T] of the batches before, then plain scores
  bool begins;       // no batch before
  bool ends;         // no batch behind
};

/** The largest of a query's maxima. All threads of the block call; all get it. */
__device__ float largest(const float* maxima, int64_t slots) {
  __shared__ float parts[WARPS];
  float max = -infinity();
  for (int64_t i = threadIdx.x; i < slots; i += THREADS) max = max_or_nan(max, maxima[i]);
  max = warp_max_or_nan(max);
  if (threadIdx.x % LANES == 0) parts[threadIdx.x / LANES] = max;
  __syncthreads();
  max = parts[0];
  for (int w = 1; w < WARPS; w++) max = max_or_nan(max, parts[w]);
  return max;
}

/** warp_chunk_sum() of exp(logits[i] - max), all loads before the first use. */
__device__ __forceinline__ float chunk_of_exponentials(const float* logits, int32_t count,
                                                       float max) {
  constexpr int EACH = CHUNK / LANES;
  auto lane = static_cast<int32_t>(threadIdx.x) % LANES;
  float x[EACH];
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    x[i] = i * LANES + lane < count ? logits[i * LANES + lane] : 0.f;
  }
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    if (i * LANES + lane < count) sum += exp(x[i] - max);
  }
  return warp_tree(sum);
}

__global__ void __launch_bounds__(THREADS) softmax(const __grid_constant__ Batch op) {
  __shared__ float chunk_sums[WARPS];
  const Logits& of = op.logits;
  Notes notes{of.status, of.operation};
  auto n = static_cast<int32_t>(blockIdx.x % of.count);
  int64_t list = blockIdx.x / of.count;
  auto head = static_cast<int32_t>(list % of.heads());
  auto row = static_cast<int32_t>(list / of.heads());
  int32_t tokens = tokens_of(of.history, of.fresh, row, head, of.most, notes).all();
  Query query = query_of(of.queries, row, (of.first + n) / of.queries.group, tokens, notes);
  const float* logits = of.logits + (list * BATCH + n) * of.most;
  float max = largest(of.maxima + (list * BATCH + n) * of.slots(), of.slots());
  float sum = 0.f;
  auto warp = static_cast<int32_t>(threadIdx.x) / LANES;
  for (int32_t first = 0; first < query.visible; first += WARPS * CHUNK) {
    int32_t begin = first + warp * CHUNK;
    int32_t count = min(query.visible - begin, CHUNK);
    float part = chunk_of_exponentials(logits + begin, count, max);
    __syncthreads();
    if (threadIdx.x % LANES == 0) chunk_sums[warp] = part;
    __syncthreads();
    for (int w = 0; w < WARPS && first + w * CHUNK < query.visible; w++) sum += chunk_sums[w];
  }
  if (threadIdx.x == 0) op.softmax[list * BATCH + n] = {max, sum, query.visible};
}

/** A token's sum of weights with this batch's added. */
__device__ float add_weights(const Batch& op, const Softmax* softmax, int64_t list, int32_t token) {
  float sum = op.begins ? 0.f : op.sums[list * op.logits.most + token];
  const float* logits = op.logits.logits + list * BATCH * op.logits.most + token;
  float x[BATCH];
#pragma unroll
  for (int n = 0; n < BATCH; n++) {
    bool seen = n < op.logits.count && token < softmax[n].visible;
    x[n] = seen ? logits[n * op.logits.most] : 0.f;
  }
#pragma unroll
  for (int n = 0; n < BATCH; n++) {
    if (n >= op.logits.count || token >= softmax[n].visible) continue;
    sum += exp(x[n] - softmax[n].max) / softmax[n].sum;
  }
  return sum;
}

__global__ void __launch_bounds__(TILE) weights(const __grid_constant__ Batch op) {
  __shared__ float values[TILE];
  __shared__ int32_t in_window[TILE];
  __shared__ Softmax softmax[BATCH];
  const Logits& of = op.logits;
  Notes notes{of.status, of.operation};
  int64_t tiles = op.finish.tiles();
  int64_t list = blockIdx.x / tiles;
  auto head = static_cast<int32_t>(list % of.heads());
  auto row = static_cast<int32_t>(list / of.heads());
  int32_t tokens = tokens_of(of.history, of.fresh, row, head, of.most, notes).all();
  auto tile = static_cast<int32_t>(blockIdx.x % tiles);
  int32_t first = tile * op.finish.tokens_of_tile();
  if (static_cast<int32_t>(threadIdx.x) < of.count)
    softmax[threadIdx.x] = op.softmax[list * BATCH + threadIdx.x];
  __syncthreads();
  if (!op.ends) {
    int32_t token = first + static_cast<int32_t>(threadIdx.x);
    if (static_cast<int32_t>(threadIdx.x) < op.finish.tokens_of_tile() && token < tokens) {
      op.sums[list * of.most + token] = add_weights(op, softmax, list, token);
    }
    return;
  }
  int32_t base = op.finish.pools_in_tiles() ? first - op.finish.reach() : first;
  mark_window(op.finish, row, tokens, base, in_window, notes);
  int32_t token = base + static_cast<int32_t>(threadIdx.x);
  float value = 0.f;
  if (token >= 0 && token < tokens) {
    value = add_weights(op, softmax, list, token) / static_cast<float>(of.queries.group);
  }
  values[threadIdx.x] = value;
  __syncthreads();
  finish_tile(op.finish, row, head, tokens, base, in_window, values, op.sums + list * of.most);
}

uint64_t sums_bytes(const Finish& finish) {
  const int64_t* size = finish.scores.size;
  return aligned(size[0] * size[1] * size[2] * sizeof(float));
}

uint64_t softmax_bytes(const Finish& finish) {
  return aligned(finish.scores.size[0] * finish.scores.size[1] * BATCH * sizeof(Softmax));
}

}  // namespace

uint64_t workspace_weight_sums(const WeightSums& op) {
  Logits logits = logits_of(op.queries, op.history, op.fresh, op.finish.scores.size[2], op.scale,
                            op.operation, op.status);
  return TRIMTAB_COUNTER_BYTES + sums_bytes(op.finish) + softmax_bytes(op.finish) +
         workspace_logits(logits);
}

cudaError_t launch_weight_sums(const WeightSums& op, cudaStream_t stream) {
  const int64_t* size = op.finish.scores.size;
  if (size[0] * size[1] * size[2] == 0) return cudaSuccess;
  Batch batch{
      logits_of(op.queries, op.history, op.fresh, size[2], op.scale, op.operation, op.status),
      op.finish,
      reinterpret_cast<Softmax*>(op.scratch + sums_bytes(op.finish)),
      reinterpret_cast<float*>(op.scratch),
      true,
      false};
  place_logits(batch.logits, op.scratch + sums_bytes(op.finish) + softmax_bytes(op.finish));
  auto all = static_cast<int32_t>(op.queries.places() * op.queries.group);
  int64_t lists = size[0] * size[1];
  // Without any query the scores are still written.
  do {
    batch.logits.count = min(all - batch.logits.first, BATCH);
    batch.ends = batch.logits.first + batch.logits.count == all;
    if (batch.logits.count > 0) {
      cudaError_t error = launch_logits(batch.logits, stream);
      if (error != cudaSuccess) return error;
      dim3 blocks = blocks_of(lists * batch.logits.count);
      error = launch(softmax, {blocks, dim3(THREADS)}, stream, batch);
      if (error != cudaSuccess) return error;
    }
    dim3 blocks = blocks_of(lists * op.finish.tiles());
    cudaError_t error = launch(weights, {blocks, dim3(TILE)}, stream, batch);
    if (error != cudaSuccess) return error;
    batch.begins = false;
    batch.logits.first += BATCH;
  } while (batch.logits.first < all);
  if (op.finish.pools_in_tiles()) return cudaSuccess;
  return launch_pool({op.finish, op.history, op.fresh, op.status, op.operation, batch.sums},
                     stream);
}

}  // namespace trimtab
