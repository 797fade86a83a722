// What is made of all logits: the highest of each vector, and its log-sum-exp.
//
// Both begin with a warp for each chunk of CHUNK places, which finds its highest logit or sums its
// exponentials; the last block of a vector then goes on. The highest K logits lie in the K chunks
// whose highest are highest, and are not behind the last of those: so few are looked at again, and
// a thread of each counts those before it.
//
//   bytes  8 k N, from L2
//   bound  latency: a launch, one round of reads, a count of blocks, another round of reads, and a
//          chain of as many multiply-adds as there are chunks; instructions for many vectors
#include <algorithm>

#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "common/warp.cuh"
#include "head/kernels.cuh"

namespace trimtab {

namespace {

constexpr int WARPS = 8;
constexpr int THREADS = WARPS * LANES;

/** Most logits, and chunks, that are looked at again together. */
constexpr int MOST_CANDIDATES = 512;

/** A logit's key; none for a place that does not take part or has no row. */
__device__ __forceinline__ Key key_at(const HeadArguments& a, int place, int count, float logit) {
  if (place >= count) return NO_KEY;
  if (logit == -infinity()) {
    int32_t id = id_of(a, place);
    if (id < 0 || id >= a.op.rows.vocabulary) return NO_KEY;
  }
  return key_of(logit, place);
}

/** One of the highest logits of a vector. */
__device__ __forceinline__ void write_place(const HeadArguments& a, int vector, int place, Key key,
                                            int32_t id) {
  *at<int32_t>(a.op.ids, vector, place) = id;
  *at<float>(a.op.values, vector, place) = key == NO_KEY ? -infinity() : score_of(key);
}

/** Writes `count` of the highest logits, from the one with number `first` on. A warp's work. */
__device__ __forceinline__ void write_list(const HeadArguments& a, int vector, int first, int count,
                                           const WarpList& list) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int i = half * LANES + static_cast<int>(threadIdx.x) % LANES;
    if (i >= count) return;
    Key key = list.held[half];
    write_place(a, vector, first + i, key, key == NO_KEY ? -1 : id_of(a, place_of(key)));
  }
}

/** A thread's logits of a chunk, every 32nd; -inf behind the last. */
struct ChunkLogits {
  static constexpr int HELD = CHUNK / LANES;
  float held[HELD];

  __device__ __forceinline__ ChunkLogits(const HeadArguments& a, int vector, int chunk, int count) {
#pragma unroll
    for (int i = 0; i < HELD; i++) {
      int place = place_at(chunk, i);
      held[i] = place < count ? __ldcg(a.logits + vector * a.logits_stride + place) : -infinity();
    }
  }

  static __device__ __forceinline__ int place_at(int chunk, int i) {
    return chunk * CHUNK + i * LANES + static_cast<int>(threadIdx.x) % LANES;
  }
};

/** Sums the exponentials of a chunk. A warp's work. */
__device__ __forceinline__ void sum_chunk(const HeadArguments& a, int vector, int chunk,
                                          int count) {
  ChunkLogits logits(a, vector, chunk, count);
  // Places without a logit add exp(-inf) = 0, and that to a sum that is 0 already or more.
  float max = logits.held[0];
#pragma unroll
  for (int i = 1; i < logits.HELD; i++) max = max_or_nan(max, logits.held[i]);
  max = warp_max_or_nan(max);
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < logits.HELD; i++) sum += exp(logits.held[i] - max);
  sum = warp_tree(sum);
  if (threadIdx.x % LANES == 0) a.parts[vector * ceil_div(a.capacity, CHUNK) + chunk] = {max, sum};
}

/** Finds the highest logit of a chunk. A warp's work. */
__device__ __forceinline__ void find_best(const HeadArguments& a, int vector, int chunk,
                                          int count) {
  ChunkLogits logits(a, vector, chunk, count);
  Key best = NO_KEY;
#pragma unroll
  for (int i = 0; i < logits.HELD; i++) {
    Key key = key_at(a, logits.place_at(chunk, i), count, logits.held[i]);
    best = key < best ? key : best;
  }
  best = warp_min(best);
  if (threadIdx.x % LANES == 0) {
    __stcg(a.bests + vector * ceil_div(a.capacity, CHUNK) + chunk, best);
  }
}

/** The highest logits of a vector from all logits, LIST_KEYS in each pass. A warp's work. */
__device__ __forceinline__ void search_logits(const HeadArguments& a, int vector, int count) {
  constexpr int HELD = 4;
  int lane = static_cast<int>(threadIdx.x) % LANES;
  const float* logits = a.logits + vector * a.logits_stride;
  Key bound = 0; /* +infinity's keys are larger */
  for (int done = 0; done < a.top; done += LIST_KEYS) {
    int wanted = min(LIST_KEYS, a.top - done);
    WarpList list;
    for (int first = 0; first < count; first += HELD * LANES) {
      Key brought[HELD];
#pragma unroll
      for (int i = 0; i < HELD; i++) {
        int place = first + i * LANES + lane;
        Key key = place < count ? key_at(a, place, count, __ldcg(logits + place)) : NO_KEY;
        brought[i] = key > bound ? key : NO_KEY;
      }
      list.add(brought, wanted);
    }
    write_list(a, vector, done, wanted, list);
    bound = list.at(wanted - 1);
  }
}

/** Keys in shared memory before a key. */
__device__ __forceinline__ int rank_among(const Key* keys, int count, Key key) {
  int rank = 0;
#pragma unroll 8
  for (int i = 0; i < count; i++) rank += keys[i] < key;
  return rank;
}

/** Writes the highest logits of a vector, at most LIST_KEYS, once the best of each chunk is known.
    A block's work. */
__device__ void write_highest(const HeadArguments& a, int vector, int count) {
  __shared__ Key keys[MOST_CANDIDATES];
  __shared__ int chosen[MOST_CANDIDATES];
  __shared__ Key bound;
  __shared__ int chosen_count, key_count;
  int thread = static_cast<int>(threadIdx.x);
  int chunks = ceil_div(count, CHUNK);
  const Key* bests = a.bests + static_cast<int64_t>(vector) * ceil_div(a.capacity, CHUNK);

  // The bound: of the bests of every THREADS-th chunk the least, and of those the top-th.
  Key least = NO_KEY;
  for (int chunk = thread; chunk < chunks; chunk += THREADS) {
    Key best = __ldcg(bests + chunk);
    least = best < least ? best : least;
  }
  keys[thread] = least;
  if (thread == 0) bound = NO_KEY - 1, chosen_count = key_count = 0;
  __syncthreads();
  if (least != NO_KEY && rank_among(keys, min(chunks, THREADS), least) == a.top - 1) bound = least;
  __syncthreads();

  // The chunks that have such logits, and these.
  for (int chunk = thread; chunk < chunks; chunk += THREADS) {
    if (__ldcg(bests + chunk) > bound) continue;
    int i = atomicAdd(&chosen_count, 1);
    if (i < MOST_CANDIDATES) chosen[i] = chunk;
  }
  __syncthreads();
  for (int c = thread / LANES; c < min(chosen_count, MOST_CANDIDATES); c += WARPS) {
    ChunkLogits logits(a, vector, chosen[c], count);
#pragma unroll
    for (int i = 0; i < logits.HELD; i++) {
      Key key = key_at(a, logits.place_at(chosen[c], i), count, logits.held[i]);
      if (key > bound) continue;
      int to = atomicAdd(&key_count, 1);
      if (to < MOST_CANDIDATES) keys[to] = key;
    }
  }
  __syncthreads();
  if (max(chosen_count, key_count) > MOST_CANDIDATES) {
    if (thread < LANES) search_logits(a, vector, count);
    return;
  }
  for (int i = thread; i < max(key_count, a.top); i += THREADS) {
    if (i >= key_count) {
      write_place(a, vector, i, NO_KEY, -1);
      continue;
    }
    int32_t id = id_of(a, place_of(keys[i]));
    int rank = rank_among(keys, key_count, keys[i]);
    if (rank < a.top) write_place(a, vector, rank, keys[i], id);
  }
}

/** Blocks of the first layer find the highest logits, those of the other one sum; one of them may
    not be asked for. */
__global__ void __launch_bounds__(THREADS, 4) finish_head(const __grid_constant__ HeadArguments a) {
  int vector = static_cast<int>(blockIdx.y);
  int chunk = static_cast<int>(blockIdx.x * WARPS + threadIdx.x / LANES);
  bool sums = a.top == 0 || blockIdx.z == 1;
  int count = places_of(a); /* older than the logits */
  begin_next_kernel();      /* which waits for the end of this one */
  await_kernel_before();
  if (chunk < ceil_div(count, CHUNK)) {
    if (sums) {
      sum_chunk(a, vector, chunk, count);
    } else if (a.bests != nullptr) {
      find_best(a, vector, chunk, count);
    }
  }
  if (!last_of(a.counters + 2 * vector + sums, gridDim.x)) return;
  if (!sums && a.bests != nullptr) {
    write_highest(a, vector, count);
  } else if (threadIdx.x >= LANES) {
    return;
  } else if (!sums) {
    search_logits(a, vector, count);
  } else {
    int64_t chunks = ceil_div(a.capacity, CHUNK);
    float sum = warp_log_sum_exp(a.parts + vector * chunks, ceil_div(count, CHUNK));
    if (threadIdx.x == 0) *at<float>(a.op.log_sum_exp, vector) = sum;
  }
}

}  // namespace

cudaError_t launch_finish(const HeadArguments& a, bool early, cudaStream_t stream) {
  Grid grid{dim3(std::max(1, ceil_div(a.capacity, WARPS * CHUNK)), a.vectors,
                 (a.top > 0) + (a.parts != nullptr)),
            dim3(THREADS)};
  grid.early = early;
  return launch(finish_head, grid, stream, a);
}

}  // namespace trimtab
