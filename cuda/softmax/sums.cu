// Weight sums: for each batch of queries their logits, then per query the exponentials, in their
// place, and the canonical sums of chunks of them, then per token the weights added to those of the
// batches before. The sums of a query's chunks are added where they are needed: a block that did so
// would have to wait for all others.
//
// 16 queries, 10521 keys, 32 lists: 21 MB of logits written, replaced and read, out of the L2 cache
// where that holds them; 5.4 M exponentials and quotients.
#include "softmax/sums.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "common/warp.cuh"
#include "score/pool.cuh"

namespace trimtab {

namespace {

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / LANES;
constexpr int TILE = 512;  // tokens of a block that adds

struct Batch {
  Logits logits;
  Finish finish;
  float* chunk_sums;  // [R,G,chunks,BATCH]: of exp(logit - max)
  float* sums;        // [R,G,T] of the batches before, then plain scores
  int32_t blocks;     // of a query's exponentials
  bool begins;        // no batch before
  bool ends;          // no batch behind
};

__host__ __device__ constexpr int64_t chunks_of(int64_t tokens) {
  return (tokens + CHUNK - 1) / CHUNK;
}

/** The largest of a query's maxima; all threads of the warp get it. */
__device__ __forceinline__ float largest(const uint32_t* maxima, int32_t parts) {
  uint32_t most = 0;
  for (int32_t i = static_cast<int32_t>(threadIdx.x) % LANES; i < parts; i += LANES) {
    most = max(most, maxima[i]);
  }
  return of_rising(warp_max(most));
}

/** A chunk's elements of a thread. */
constexpr int OF_CHUNK = CHUNK / LANES;

/** Reads the thread's logits of a chunk, from its first one on, of which `count` follow with those
 * of the other threads. */
__device__ __forceinline__ void read_chunk(const float* logits, int32_t count,
                                           float (&x)[OF_CHUNK]) {
#pragma unroll
  for (int i = 0; i < OF_CHUNK; i++) x[i] = i * LANES < count ? logits[i * LANES] : -infinity();
}

/** Replaces them by exp(logit - max); the thread's sum of these. */
__device__ __forceinline__ float exponentials(const float (&x)[OF_CHUNK], int32_t count, float max,
                                              float* logits) {
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < OF_CHUNK; i++) {
    float exponential = exp(x[i] - max);
    if (i * LANES < count) logits[i * LANES] = exponential;
    sum = one_of(i * LANES < count, sum + exponential, sum);
  }
  return sum;
}

/** A warp takes chunks of a query in turn, and reads the next ones before they are needed. */
__global__ void __launch_bounds__(THREADS, 4) exponentiate(const __grid_constant__ Batch op) {
  const Logits& of = op.logits;
  begin_next_kernel();
  await_kernel_before();
  auto chunk = static_cast<int32_t>(blockIdx.x % op.blocks * WARPS + threadIdx.x / LANES);
  auto lane = static_cast<int32_t>(threadIdx.x) % LANES;
  auto n = static_cast<int32_t>(blockIdx.x / op.blocks % of.count);
  int64_t list = blockIdx.x / op.blocks / of.count;
  int64_t number = list * BATCH + n;
  float* logits = of.logits + number * of.most + lane;
  int32_t visible = of.visible[number];
  float coming[OF_CHUNK];
  read_chunk(logits + chunk * CHUNK, visible - chunk * CHUNK - lane, coming);
  float max = largest(of.maxima + number * of.most_parts(), of.parts());
  float* sums = op.chunk_sums + list * chunks_of(of.most) * BATCH + n;
  while (chunk * CHUNK < visible) {
    float x[OF_CHUNK];
#pragma unroll
    for (int i = 0; i < OF_CHUNK; i++) x[i] = coming[i];
    int32_t next = chunk + op.blocks * WARPS;
    read_chunk(logits + next * CHUNK, visible - next * CHUNK - lane, coming);
    float sum =
        warp_tree(exponentials(x, visible - chunk * CHUNK - lane, max, logits + chunk * CHUNK));
    if (lane == 0) sums[chunk * BATCH] = sum;
    chunk = next;
  }
}

/** What a batch's weights are made with: exponential / sum for the visible tokens. */
struct Weights {
  struct __align__(8) Divisor {
    float sum, inverse;
  };
  Divisor divisor[BATCH];
  int32_t visible[BATCH];
  int32_t least_visible;
};

/** Reads a head's, adding the sums of chunks in rising order. All threads of the block call. */
__device__ __forceinline__ void read_weights(const Batch& op, int64_t list, Weights& weights) {
  constexpr int AT_ONCE = 4 * THREADS;  // sums of chunks
  __shared__ float parts[AT_ONCE];
  auto thread = static_cast<int32_t>(threadIdx.x);
  auto chunks = static_cast<int32_t>(chunks_of(op.logits.most));
  bool mine = thread < op.logits.count;
  int32_t visible = mine ? op.logits.visible[list * BATCH + thread] : 0;
  auto seen = static_cast<int32_t>(chunks_of(visible));
  const float* sums = op.chunk_sums + list * chunks * BATCH;
  float sum = 0.f;
  for (int32_t first = 0; first < chunks; first += AT_ONCE / BATCH) {
    __syncthreads();
#pragma unroll
    for (int i = 0; i < AT_ONCE; i += THREADS) {
      int32_t at = first * BATCH + i + thread;
      if (at < chunks * BATCH) parts[i + thread] = sums[at];
    }
    __syncthreads();
    int32_t end = min(seen - first, AT_ONCE / BATCH);
#pragma unroll 8
    for (int32_t i = 0; i < end; i++) sum += parts[i * BATCH + thread];
  }
  if (mine) {
    weights.divisor[thread] = {sum, 1.f / sum};
    weights.visible[thread] = visible;
  }
  if (thread < LANES) {
    auto least = ~warp_max(~static_cast<uint32_t>(mine ? visible : INT32_MAX));
    if (thread == 0) weights.least_visible = static_cast<int32_t>(least);
  }
}

/** A token's sum of weights with this batch's added. */
__device__ __forceinline__ float add_weights(const Batch& op, const Weights& weights, int64_t list,
                                             int32_t token) {
  float sum = op.begins ? 0.f : op.sums[list * op.logits.most + token];
  const float* exponential = op.logits.logits + list * BATCH * op.logits.most + token;
  // Whether all quotients are plain ones; no condition waits for another.
  bool plain = op.logits.count == BATCH && token < weights.least_visible;
  if (plain) {
    float x[BATCH];
    const float* next = exponential;
#pragma unroll
    for (int n = 0; n < BATCH; n++, next += op.logits.most) x[n] = *next;
#pragma unroll
    for (int n = 0; n < BATCH; n++) plain = plain & divides_plainly(x[n]);
    if (plain) {
#pragma unroll
      for (int n = 0; n < BATCH; n++) {
        Weights::Divisor by = weights.divisor[n];
        sum += quotient(x[n], by.sum, by.inverse);
      }
      return sum;
    }
  }
#pragma unroll 1
  for (int n = 0; n < op.logits.count; n++) {
    if (token >= weights.visible[n]) continue;
    Weights::Divisor by = weights.divisor[n];
    sum += quotient_of_any(exponential[n * op.logits.most], by.sum, by.inverse);
  }
  return sum;
}

/** Tokens that a block ends; the others of its TILE are their neighbours. */
__host__ __device__ constexpr int32_t tokens_of_tile(const Finish& finish) {
  return TILE - 2 * finish.margin();
}

__host__ __device__ constexpr int64_t tiles_of(const Finish& finish) {
  return (finish.scores.size[2] + tokens_of_tile(finish) - 1) / tokens_of_tile(finish);
}

__global__ void __launch_bounds__(THREADS) add(const __grid_constant__ Batch op) {
  __shared__ float values[TILE];
  __shared__ int32_t in_window[TILE];
  __shared__ Weights weights;
  const Logits& of = op.logits;
  Notes notes{of.status, of.operation};
  begin_next_kernel();
  if (of.count == 0) await_kernel_before();  // No logits did so.
  int32_t own = tokens_of_tile(op.finish);
  int64_t tiles = tiles_of(op.finish);
  int64_t list = blockIdx.x / tiles;
  auto head = static_cast<int32_t>(list % of.heads());
  auto row = static_cast<int32_t>(list / of.heads());
  int32_t tokens = tokens_of(of.history, of.fresh, row, head, of.most, notes).all();
  Stretch stretch(op.finish, static_cast<int32_t>(blockIdx.x % tiles) * own, own, values,
                  in_window);
  if (op.ends) mark_window(op.finish, row, tokens, stretch, notes);
  await_kernel_before();
  read_weights(op, list, weights);
  __syncthreads();
  auto thread = static_cast<int32_t>(threadIdx.x);
  if (!op.ends) {
    int32_t end = min(stretch.first + own, tokens);
    for (int32_t token = stretch.first + thread; token < end; token += THREADS) {
      op.sums[list * of.most + token] = add_weights(op, weights, list, token);
    }
    return;
  }
  for (int32_t i = thread; i < stretch.length; i += THREADS) {
    int32_t token = stretch.base + i;
    if (token < 0 || token >= tokens) continue;
    values[i] = add_weights(op, weights, list, token) / static_cast<float>(of.queries.group);
  }
  __syncthreads();
  finish_stretch(op.finish, row, head, tokens, stretch, op.sums + list * of.most);
}

uint64_t sums_bytes(const Finish& finish) {
  const int64_t* size = finish.scores.size;
  return aligned(size[0] * size[1] * size[2] * sizeof(float));
}

uint64_t chunk_bytes(const Finish& finish) {
  const int64_t* size = finish.scores.size;
  return aligned(size[0] * size[1] * chunks_of(size[2]) * BATCH * sizeof(float));
}

}  // namespace

uint64_t workspace_weight_sums(const WeightSums& op) {
  Logits logits = logits_of(op.queries, op.history, op.fresh, op.finish.scores.size[2], op.scale,
                            op.operation, op.status);
  return TRIMTAB_COUNTER_BYTES + sums_bytes(op.finish) + chunk_bytes(op.finish) +
         workspace_logits(logits);
}

cudaError_t launch_weight_sums(const WeightSums& op, cudaStream_t stream) {
  const int64_t* size = op.finish.scores.size;
  if (size[0] * size[1] * size[2] == 0) return cudaSuccess;
  char* behind_sums = op.scratch + sums_bytes(op.finish);
  Batch batch{
      logits_of(op.queries, op.history, op.fresh, size[2], op.scale, op.operation, op.status),
      op.finish,
      reinterpret_cast<float*>(behind_sums),
      reinterpret_cast<float*>(op.scratch),
      1,
      true,
      false};
  place_logits(batch.logits, behind_sums + chunk_bytes(op.finish));
  Limits device{};
  cudaError_t error = limits(&device);
  if (error == cudaSuccess) error = spread_logits(batch.logits);
  if (error != cudaSuccess) return error;
  auto all = static_cast<int32_t>(op.queries.places() * op.queries.group);
  int64_t lists = size[0] * size[1];
  // Without any query the scores are still written.
  do {
    batch.logits.count = min(all - batch.logits.first, BATCH);
    batch.ends = batch.logits.first + batch.logits.count == all;
    if (batch.logits.count > 0) {
      error = launch_logits(batch.logits, stream);
      if (error != cudaSuccess) return error;
      // So many blocks that all processors work, and no more: a block begins with much else.
      int64_t queries = batch.logits.count * lists;
      int64_t enough = (chunks_of(size[2]) + WARPS - 1) / WARPS;
      batch.blocks =
          static_cast<int32_t>(std::clamp<int64_t>(4 * device.processors / queries, 1, enough));
      error = launch(exponentiate, {blocks_of(queries * batch.blocks), dim3(THREADS), 0, true},
                     stream, batch);
      if (error != cudaSuccess) return error;
    }
    dim3 blocks = blocks_of(lists * tiles_of(op.finish));
    error = launch(add, {blocks, dim3(THREADS), 0, true}, stream, batch);
    if (error != cudaSuccess) return error;
    batch.begins = false;
    batch.logits.first += BATCH;
  } while (batch.logits.first < all);
  if (op.finish.pools_in_blocks()) return cudaSuccess;
  return launch_pool({op.finish, op.history, op.fresh, op.status, op.operation, batch.sums},
                     stream);
}

}  // namespace trimtab
