// What is made of a tile's logits while they are in shared memory, and of all tiles together.
//
// Each block keeps its own list of the highest logits. The block that completes a chunk of CHUNK
// places sums its exponentials, and the last block to be through merges the lists and the sums.
// Every counter is reset by the block that sees it complete.
#pragma once

#include "common/ticket.cuh"
#include "head/arguments.cuh"

namespace trimtab {

/** Writes `count` of the highest logits, from the one with number `first` on. A warp's work. */
__device__ inline void write_list(const HeadArguments& a, int vector, int first, int count,
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

/** The highest logits of a vector from the lists of all blocks: their first keys, then the second
    while there may be better ones, and so on. A warp's work. */
__device__ inline void merge_lists(const HeadArguments& a, int vector, int blocks) {
  constexpr int HELD = 9;
  int lane = static_cast<int>(threadIdx.x) % LANES;
  WarpList list;
  bool better = true;
  for (int level = 0; level < a.top && better; level++) {
    const Key* keys = a.lists + (static_cast<int64_t>(vector) * a.top + level) * blocks;
    better = false;
    for (int first = 0; first < blocks; first += HELD * LANES) {
      Key brought[HELD];
#pragma unroll
      for (int i = 0; i < HELD; i++) {
        int block = first + i * LANES + lane;
        brought[i] = block < blocks ? __ldcg(keys + block) : NO_KEY;
      }
      better |= list.add(brought, a.top);
    }
  }
  write_list(a, vector, 0, a.top, list);
}

/** The highest logits of a vector from all logits, LIST_KEYS in each pass. A warp's work. */
__device__ inline void search_logits(const HeadArguments& a, int vector, int count) {
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
        Key key = place < count ? key_of(__ldcg(logits + place), place) : NO_KEY;
        brought[i] = key > bound ? key : NO_KEY;
      }
      list.add(brought, wanted);
    }
    write_list(a, vector, done, wanted, list);
    bound = list.at(wanted - 1);
  }
}

/** A chunk's part of a vector's log-sum-exp. A warp's work. */
__device__ inline ChunkPart part_of(const HeadArguments& a, int vector, int chunk, int count) {
  const float* logits = a.logits + vector * a.logits_stride + chunk * CHUNK;
  return warp_chunk_part(min(CHUNK, count - chunk * CHUNK),
                         [&](int i) { return __ldcg(logits + i); });
}

/** Completes a vector's log-sum-exp. A warp's work. */
__device__ inline void finish_sum(const HeadArguments& a, int vector, int count) {
  int chunks = ceil_div(count, CHUNK);
  float value;
  if (a.parts != nullptr) {
    value = warp_log_sum_exp(a.parts + static_cast<int64_t>(vector) * a.chunks, chunks);
  } else {
    LogSumExp sum;
    for (int chunk = 0; chunk < chunks; chunk++) {
      ChunkPart part = part_of(a, vector, chunk, count);
      sum.add(part.max, part.sum);
    }
    value = sum.value();
  }
  if (threadIdx.x % LANES == 0) *at<float>(a.op.log_sum_exp, vector) = value;
}

/** Completes a vector's highest logits. A warp's work. */
__device__ inline void finish_top(const HeadArguments& a, int vector, int count, int blocks) {
  if (a.lists != nullptr) {
    merge_lists(a, vector, blocks);
  } else {
    search_logits(a, vector, count);
  }
}

/** Shares the completion of vectors [first, end) out to a block's warps. */
__device__ inline void finish_vectors(const HeadArguments& a, int first, int end, int count,
                                      int blocks) {
  int warps = static_cast<int>(blockDim.x) / LANES;
  for (int task = 2 * first + static_cast<int>(threadIdx.x) / LANES; task < 2 * end;
       task += warps) {
    if (task % 2 == 0 && a.top > 0) finish_top(a, task / 2, count, blocks);
    if (task % 2 == 1 && a.op.log_sum_exp.dtype != TRIMTAB_NONE) finish_sum(a, task / 2, count);
  }
}

/** Collects the results of a block's tiles of ROWS rows. All threads call each method. */
template <int ROWS, int THREADS>
class Results {
 public:
  static constexpr int WARPS = THREADS / LANES;

  /** Shared memory of the lists. */
  static __host__ __device__ int bytes(const HeadArguments& a) {
    return a.lists == nullptr ? 0 : a.vectors * a.top * static_cast<int>(sizeof(Key));
  }

  __device__ Results(const HeadArguments& a, int count, unsigned char* shared)
      : a_(a), count_(count), lists_(reinterpret_cast<Key*>(shared)) {
    for (int i = thread(); a.lists != nullptr && i < a.vectors * a.top; i += THREADS) {
      lists_[i] = NO_KEY;
    }
    if (a.op.logits.dtype == TRIMTAB_NONE) return;
    for (int vector = 0; vector < a.vectors; vector++) {
      for (int64_t place = count + static_cast<int64_t>(blockIdx.x) * THREADS + thread();
           place < a.capacity; place += static_cast<int64_t>(gridDim.x) * THREADS) {
        *at<float>(a.op.logits, vector, place) = -infinity();
      }
    }
  }

  /** Takes a tile's logits [vectors, ROWS] and the matrix rows that they belong to. */
  __device__ void add(int tile, const float* logits, const int32_t* rows) {
    int first = tile * ROWS;
    for (int i = thread(); a_.logits != nullptr && i < a_.vectors * ROWS; i += THREADS) {
      int place = first + i % ROWS;
      if (place < count_) a_.logits[i / ROWS * a_.logits_stride + place] = logits[i];
    }
    if (a_.lists != nullptr) {
      for (int vector = thread() / LANES; vector < a_.vectors; vector += WARPS) {
        rank(vector, first, logits + vector * ROWS, rows);
      }
    }
    if (a_.parts != nullptr) chunk_of(first);
  }

  /** Hands over the block's results; the last block to do so completes them if `finish`. */
  __device__ void end(bool finish) {
    if (a_.lists != nullptr) {
      __syncthreads();
      for (int i = thread(); i < a_.vectors * a_.top; i += THREADS) {
        __stcg(a_.lists + static_cast<int64_t>(i) * gridDim.x + blockIdx.x, lists_[i]);
      }
    }
    if (!finish || !last_of(a_.counters, gridDim.x)) return;
    finish_vectors(a_, 0, a_.vectors, count_, static_cast<int>(gridDim.x));
  }

 private:
  static __device__ int thread() { return static_cast<int>(threadIdx.x); }

  /** Puts a tile's logits into the vector's list. A warp's work. */
  __device__ void rank(int vector, int first, const float* logits, const int32_t* rows) {
    constexpr int HELD = ROWS / LANES;
    int lane = thread() % LANES;
    Key* kept = lists_ + vector * a_.top;
    WarpList list;
    if (lane < a_.top) list.held[0] = kept[lane];
    if (lane + LANES < a_.top) list.held[1] = kept[lane + LANES];
    Key brought[HELD];
#pragma unroll
    for (int i = 0; i < HELD; i++) {
      int row = i * LANES + lane;
      brought[i] = rows[row] < 0 ? NO_KEY : key_of(logits[row], first + row);
    }
    if (!list.add(brought, a_.top)) return;
    if (lane < a_.top) kept[lane] = list.held[0];
    if (lane + LANES < a_.top) kept[lane + LANES] = list.held[1];
  }

  /** Sums the exponentials of the tile's chunk if the tile completes it. */
  __device__ void chunk_of(int first) {
    static_assert(CHUNK % ROWS == 0);
    int chunk = first / CHUNK;
    int tiles = ceil_div(min(CHUNK, count_ - chunk * CHUNK), ROWS);
    if (!last_of(a_.counters + 1 + chunk, tiles)) return;
    for (int vector = thread() / LANES; vector < a_.vectors; vector += WARPS) {
      ChunkPart part = part_of(a_, vector, chunk, count_);
      if (thread() % LANES == 0) a_.parts[static_cast<int64_t>(vector) * a_.chunks + chunk] = part;
    }
  }

  const HeadArguments& a_;
  const int count_;
  Key* const lists_; /* [vectors, top] */
};

}  // namespace trimtab
