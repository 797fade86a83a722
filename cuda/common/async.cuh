// Copies from global to shared memory that a thread need not wait for (cp.async, sm_80 and later;
// elsewhere a copy like any other).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

namespace trimtab {

/** Begins a copy of 16 or 4 bytes, both addresses aligned to that. */
template <int BYTES>
__device__ __forceinline__ void copy_async(void* shared, const void* global) {
  static_assert(BYTES == 16 || BYTES == 4);
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  auto to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  if constexpr (BYTES == 16) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(to), "l"(global)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(to), "l"(global) : "memory");
  }
#else
  memcpy(__builtin_assume_aligned(shared, BYTES), __builtin_assume_aligned(global, BYTES), BYTES);
#endif
}

/** The same for 16 bytes, or clears them where nothing is there to be copied; `global` is valid. */
__device__ __forceinline__ void copy_or_clear_async(void* shared, const void* global,
                                                    bool present) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  auto to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(global),
               "r"(present ? 16 : 0)
               : "memory");
#else
  if (present) {
    copy_async<16>(shared, global);
  } else {
    memset(shared, 0, 16);
  }
#endif
}

/** Makes one group of the copies that this thread began since the last call. */
__device__ __forceinline__ void commit_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/** Waits until at most the newest PENDING groups of this thread are under way. */
template <int PENDING>
__device__ __forceinline__ void wait_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
#endif
}

/** Begins to read what lies there into the L2 cache, where a kernel before may still change it. */
__device__ __forceinline__ void fetch_early([[maybe_unused]] const void* from) {
#ifdef __CUDACC__
  asm volatile("prefetch.global.L2 [%0];" ::"l"(from));
#endif
}

/** What lies there now, which a kernel before may still change: not kept in a cache that would give
 * it again. */
__device__ __forceinline__ int32_t passing(const int32_t* from) {
  return *static_cast<const volatile int32_t*>(from);
}

}  // namespace trimtab
