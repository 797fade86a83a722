// What is made of all logits: the highest of each vector, and its log-sum-exp.
//
// A slice of one vector's places, some chunks of CHUNK, is the work of two warps: one keeps a list
// of their highest, one sums each chunk's exponentials. Likewise the last block of a vector merges
// its lists and its sums.
//
//   bytes  4 k N, from L2
//   bound  latency: a launch, one round of reads, a count of blocks, and per vector a chain of as
//          many steps as there are places in its list, or chunks
#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "common/warp.cuh"
#include "head/kernels.cuh"

namespace trimtab {

namespace {

/** Two warps a slice: one lists, one sums. */
constexpr int SLICES_OF_BLOCK = 4;

/** A logit's key; none for a place that does not take part or has no row. */
__device__ __forceinline__ Key key_at(const HeadArguments& a, int place, int count, float logit) {
  if (place >= count) return NO_KEY;
  if (logit == -infinity()) {
    int32_t id = id_of(a, place);
    if (id < 0 || id >= a.op.rows.vocabulary) return NO_KEY;
  }
  return key_of(logit, place);
}

/** Writes `count` of the highest logits, from the one with number `first` on. A warp's work. */
__device__ __forceinline__ void write_list(const HeadArguments& a, int vector, int first, int count,
                                           const WarpList& list) {
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int i = half * LANES + static_cast<int>(threadIdx.x) % LANES;
    if (i >= count) return;
    Key key = list.held[half];
    bool present = key != NO_KEY;
    *at<int32_t>(a.op.ids, vector, first + i) = present ? id_of(a, place_of(key)) : -1;
    *at<float>(a.op.values, vector, first + i) = present ? score_of(key) : -infinity();
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

/** Sums the exponentials of each of a slice's chunks. A warp's work. */
__device__ __forceinline__ void sum_slice(const HeadArguments& a, int vector, int slice,
                                          int count) {
  for (int chunk = slice; chunk * CHUNK < count; chunk += a.slices) {
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
    if (threadIdx.x % LANES == 0) {
      a.parts[vector * ceil_div(a.capacity, CHUNK) + chunk] = {max, sum};
    }
  }
}

/** Lists the highest of a slice's logits. A warp's work. */
__device__ __forceinline__ void list_slice(const HeadArguments& a, int vector, int slice,
                                           int count) {
  WarpList list;
  for (int chunk = slice; chunk * CHUNK < count; chunk += a.slices) {
    ChunkLogits logits(a, vector, chunk, count);
    Key keys[ChunkLogits::HELD];
#pragma unroll
    for (int i = 0; i < logits.HELD; i++) {
      keys[i] = key_at(a, logits.place_at(chunk, i), count, logits.held[i]);
    }
    list.add(keys, a.top);
  }
  Key* to = a.lists + static_cast<int64_t>(vector) * a.top * a.slices + slice;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int place = half * LANES + static_cast<int>(threadIdx.x) % LANES;
    if (place < a.top) __stcg(to + static_cast<int64_t>(place) * a.slices, list.held[half]);
  }
}

/** The highest logits of a vector from the lists of all slices. A warp's work: a thread holds the
    two next keys of each of its lists, and few lists have more among the highest. */
__device__ __forceinline__ void merge_lists(const HeadArguments& a, int vector) {
  constexpr int HELD = MOST_SLICES / LANES;
  int lane = static_cast<int>(threadIdx.x) % LANES;
  const Key* lists = a.lists + static_cast<int64_t>(vector) * a.top * a.slices + lane;
  auto key = [&](int i, int level) {
    bool present = i * LANES + lane < a.slices && level < a.top;
    return present ? __ldcg(lists + static_cast<int64_t>(level) * a.slices + i * LANES) : NO_KEY;
  };
  Key first[HELD];
  Key second[HELD];
  int level[HELD]; /* of the first key */
#pragma unroll
  for (int i = 0; i < HELD; i++) {
    first[i] = key(i, 0);
    second[i] = key(i, 1);
    level[i] = 0;
  }
  WarpList merged;
  for (int place = 0; place < a.top; place++) {
    Key best = NO_KEY;
#pragma unroll
    for (int i = 0; i < HELD; i++) best = first[i] < best ? first[i] : best;
    best = warp_min(best);
    if (best == NO_KEY) break;
#pragma unroll
    for (int i = 0; i < HELD; i++) {
      if (first[i] != best) continue;
      first[i] = ++level[i] == 1 ? second[i] : key(i, level[i]);
    }
    if (lane == place) merged.held[0] = best;
    if (lane == place - LANES) merged.held[1] = best;
  }
  write_list(a, vector, 0, a.top, merged);
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

__global__ void __launch_bounds__(2 * SLICES_OF_BLOCK * LANES, 2)
    finish_head(const __grid_constant__ HeadArguments a) {
  int vector = static_cast<int>(blockIdx.y);
  int warp = static_cast<int>(threadIdx.x) / LANES;
  int slice = static_cast<int>(blockIdx.x) * SLICES_OF_BLOCK + warp / 2;
  int count = places_of(a); /* older than the logits */
  await_kernel_before();
  if (slice < a.slices && warp % 2 == 0 && a.lists != nullptr) list_slice(a, vector, slice, count);
  if (slice < a.slices && warp % 2 == 1 && a.parts != nullptr) sum_slice(a, vector, slice, count);
  if (!last_of(a.counters + vector, gridDim.x)) return;
  if (warp == 0 && a.lists != nullptr) merge_lists(a, vector);
  if (warp == 0 && a.lists == nullptr && a.top > 0) search_logits(a, vector, count);
  if (warp == 1 && a.parts != nullptr) {
    int64_t chunks = ceil_div(a.capacity, CHUNK);
    float sum = warp_log_sum_exp(a.parts + vector * chunks, ceil_div(count, CHUNK));
    if (threadIdx.x % LANES == 0) *at<float>(a.op.log_sum_exp, vector) = sum;
  }
}

}  // namespace

cudaError_t launch_finish(const HeadArguments& a, bool early, cudaStream_t stream) {
  Grid grid{dim3(ceil_div(a.slices, SLICES_OF_BLOCK), a.vectors),
            dim3(2 * SLICES_OF_BLOCK * LANES)};
  grid.early = early;
  return launch(finish_head, grid, stream, a);
}

}  // namespace trimtab
