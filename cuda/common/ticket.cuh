// Finding the last block of a launch. The counter is zero before and after, as the header's words
// on workspaces say.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** The counters that a workspace begins with. */
__host__ __device__ inline unsigned* counters(const trimtab_common& common) {
  return static_cast<unsigned*>(common.workspace);
}

/** What follows the counters. */
__host__ __device__ inline char* scratch(const trimtab_common& common) {
  return static_cast<char*>(common.workspace) + TRIMTAB_COUNTER_BYTES;
}

/** What this thread, and those whose writes it knows of, wrote before comes before what it reads
   and writes behind. Cheaper than __threadfence(), which orders with all other threads' fences too.
 */
__device__ __forceinline__ void fence() {
#ifdef __CUDA_ARCH__
  asm volatile("fence.acq_rel.gpu;" ::: "memory");
#else
  __threadfence();
#endif
}

/**
 * Whether this block is the last one of `blocks` to come here; it then sees what the others wrote.
 * All threads of a block call.
 */
__device__ inline bool last_of(unsigned* counter, unsigned blocks) {
  __shared__ bool last;
  __syncthreads();
  if (threadIdx.x == 0) {
    // One thread's fences are the block's: what a barrier orders before or behind them, they cover.
    fence();
    last = atomicAdd(counter, 1u) == blocks - 1;
    if (last) *counter = 0;
    fence();
  }
  __syncthreads();
  return last;
}

}  // namespace trimtab
