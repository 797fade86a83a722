// Fetches to the L2 cache, ahead of the reads.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace trimtab {

/** Begins to fetch some bytes where the architecture has an instruction for that. A warp's threads
 * issue these one after the other: let few of them call. */
__device__ __forceinline__ void fetch_to_l2([[maybe_unused]] const void* global,
                                            [[maybe_unused]] int32_t bytes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  if (((reinterpret_cast<uint64_t>(global) | bytes) & 15) != 0) return;
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(global), "r"(bytes) : "memory");
#endif
}

}  // namespace trimtab
