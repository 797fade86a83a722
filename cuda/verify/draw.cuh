// Sums of long rows of masses, and draws from them, by a whole block in canonical order: totals of
// chunks come from a warp each, and only their addition is sequential.
#pragma once

#include <cuda_runtime.h>

#include "common/warp.cuh"

namespace trimtab {

/** A block's arithmetic over rows. All threads call each method, and all get its result. */
class BlockMasses {
 public:
  static constexpr int THREADS = 1024;

  /** What the threads share. */
  struct Shared {
    float total;
    int first;
    int last;
    int drawn;
    Key best[THREADS / LANES];
  };

  /** `chunks`: memory of the block, two floats for each chunk of its longest row. */
  __device__ BlockMasses(Shared& shared, float* chunks) : shared_(shared), chunks_(chunks) {}

  /** Canonical sum of `value(i)` for i in [0, n); draw() is from these masses. */
  template <class Value>
  __device__ float sum(int n, Value value) {
    int all = chunks_of(n);
    for (int chunk = thread() / LANES; chunk < all; chunk += THREADS / LANES) {
      int first = chunk * CHUNK;
      float total = warp_chunk_sum(min(CHUNK, n - first), [&](int i) { return value(first + i); });
      if (thread() % LANES == 0) total_of(chunk) = total;
    }
    __syncthreads();
    if (thread() < LANES) {
      float reached = 0.f;
      for (int first = 0; first < all; first += LANES) {
        int chunk = first + thread();
        float total = chunk < all ? total_of(chunk) : 0.f;
        float own = 0.f;
#pragma unroll 8
        for (int j = 0; j < LANES; j++) {
          reached += __shfl_sync(ALL_LANES, total, j);
          if (j == thread()) own = reached;
        }
        if (chunk < all) reached_at(chunk) = own;
      }
      if (thread() == 0) shared_.total = reached;
    }
    __syncthreads();
    return shared_.total;
  }

  /** An id drawn from the masses that were summed last, of which `total` is the sum. */
  template <class Value>
  __device__ int draw(int n, Value value, float uniform, float total) {
    float threshold = uniform * total;
    int all = chunks_of(n);
    if (thread() == 0) {
      shared_.first = all;
      shared_.last = 0;
    }
    __syncthreads();
    for (int chunk = thread(); chunk < all; chunk += THREADS) {
      if (reached_at(chunk) > threshold) atomicMin(&shared_.first, chunk);
      if (total_of(chunk) > 0) atomicMax(&shared_.last, chunk);
    }
    __syncthreads();
    if (thread() < LANES) {
      int chunk = shared_.first < all ? shared_.first : shared_.last;
      int drawn = draw_in(chunk * CHUNK, min(CHUNK, n - chunk * CHUNK), value, threshold,
                          chunk == 0 ? 0.f : reached_at(chunk - 1));
      if (thread() == 0) shared_.drawn = drawn;
    }
    __syncthreads();
    return shared_.drawn;
  }

  /** The id of the highest, the lower one of equals. */
  template <class Value>
  __device__ int highest(int n, Value value) {
    Key best = NO_KEY;
    for (int i = thread(); i < n; i += THREADS) {
      Key key = key_of(value(i), i);
      best = key < best ? key : best;
    }
    best = warp_min(best);
    if (thread() % LANES == 0) shared_.best[thread() / LANES] = best;
    __syncthreads();
    if (thread() < LANES) {
      best = warp_min(shared_.best[thread()]);
      if (thread() == 0) shared_.drawn = best == NO_KEY ? 0 : place_of(best);
    }
    __syncthreads();
    return shared_.drawn;
  }

  static __host__ __device__ int chunks_of(int n) {
    return static_cast<int>((static_cast<int64_t>(n) + CHUNK - 1) / CHUNK);
  }

 private:
  static_assert(THREADS / LANES == LANES);

  static __device__ int thread() { return static_cast<int>(threadIdx.x); }
  __device__ float& total_of(int chunk) { return chunks_[2 * static_cast<int64_t>(chunk)]; }
  /** The sum of all chunks up to this one. */
  __device__ float& reached_at(int chunk) { return chunks_[2 * static_cast<int64_t>(chunk) + 1]; }

  /** The draw within a chunk. A warp's work. */
  template <class Value>
  __device__ int draw_in(int start, int count, Value value, float threshold, float reached) {
    int last = start;
    for (int first = 0; first < count; first += LANES) {
      float mass = first + thread() < count ? value(start + first + thread()) : 0.f;
      for (int j = 0; j < LANES; j++) {
        float next = __shfl_sync(ALL_LANES, mass, j);
        if (next > 0) last = start + first + j;
        reached += next;
        if (reached > threshold) return last;
      }
    }
    return last;
  }

  Shared& shared_;
  float* const chunks_;
};

}  // namespace trimtab
