// Copies of any length from global to shared memory that one thread begins and that complete on a
// barrier in shared memory (cp.async.bulk and mbarrier, sm_90 and later).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace trimtab {

/** Whether there are such copies; otherwise the functions below do nothing. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
constexpr bool BULK_COPIES = true;
#else
constexpr bool BULK_COPIES = false;
#endif

/** Makes a barrier that one thread's expect_bytes() and the bytes that it names complete. */
__device__ __forceinline__ void init_barrier([[maybe_unused]] uint64_t* barrier) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  auto at = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  asm volatile(
      "mbarrier.init.shared::cta.b64 [%0], 1;\n\t"
      "fence.mbarrier_init.release.cluster;" ::"r"(at)
      : "memory");
#endif
}

/** Announces the bytes of a phase, before or after their copies begin. */
__device__ __forceinline__ void expect_bytes([[maybe_unused]] uint64_t* barrier,
                                             [[maybe_unused]] int bytes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  auto at = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(at), "r"(bytes)
               : "memory");
#endif
}

/** Begins a copy; both addresses and the number of bytes are multiples of 16. */
__device__ __forceinline__ void copy_bulk([[maybe_unused]] void* shared,
                                          [[maybe_unused]] const void* global,
                                          [[maybe_unused]] int bytes,
                                          [[maybe_unused]] uint64_t* barrier) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  auto to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  auto at = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(to),
      "l"(global), "r"(bytes), "r"(at)
      : "memory");
#endif
}

/** Waits for the end of a phase: of the even ones for parity 0. */
__device__ __forceinline__ void wait_bytes([[maybe_unused]] uint64_t* barrier,
                                           [[maybe_unused]] unsigned parity) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  auto at = static_cast<uint32_t>(__cvta_generic_to_shared(barrier));
  asm volatile(
      "{\n\t"
      ".reg .pred done;\n\t"
      "again: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t"
      "@!done bra again;\n\t"
      "}" ::"r"(at),
      "r"(parity)
      : "memory");
#endif
}

}  // namespace trimtab
