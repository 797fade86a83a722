// Boxes of tensors in global memory, which sm_90a copies into shared memory on its own (TMA): one
// thread begins the copy of a box and a barrier counts its bytes. Needs no thread, register or
// address arithmetic for what lies in a box.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cstring>

#include "common/barrier.cuh"

namespace trimtab {

/** What the copying unit knows of a tensor: the driver's CUtensorMap. */
struct alignas(64) BoxMap {
  uint64_t words[16];
};

/** A tensor of 16-bit numbers, or of pairs of bytes, its innermost dimension first and contiguous.
 */
struct BoxTensor {
  void* data;
  uint64_t size[4];
  uint64_t stride[3]; /* in bytes, from the second dimension on */
};

/**
 * Maps boxes of [`rows`] [64 columns], which a copy lays down as rows of a panel (wgmma.cuh); those
 * past the end of a dimension become zeros. False where the driver has no such maps or none of this
 * tensor: data and strides are multiples of 16 bytes, strides less than 2^40, sizes 1 to 2^32.
 * `fetched`: bytes, 128 or 256, that L2 fetches at a time.
 */
inline bool map_boxes(const BoxTensor& tensor, uint32_t rows, int fetched, BoxMap* map) {
  // With the driver's enumerations as their type, int.
  using Encode = int (*)(BoxMap*, int type, uint32_t rank, void* data, const uint64_t* size,
                         const uint64_t* stride, const uint32_t* box, const uint32_t* step,
                         int interleave, int swizzle, int promotion, int fill);
  static const Encode encode = [] {
    void* address = nullptr;
    cudaDriverEntryPointQueryResult found;
    if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &address, 12000,
                                         cudaEnableDefault, &found) != cudaSuccess) {
      cudaGetLastError();
      address = nullptr;
    }
    return reinterpret_cast<Encode>(address);
  }();
  constexpr int UINT16 = 1, SWIZZLE_128B = 3, L2_128B = 2, L2_256B = 3;
  const uint32_t box[4] = {64, rows, 1, 1};
  const uint32_t step[4] = {1, 1, 1, 1};
  return encode != nullptr &&
         encode(map, UINT16, 4, tensor.data, tensor.size, tensor.stride, box, step, 0, SWIZZLE_128B,
                fetched == 128 ? L2_128B : L2_256B, 0) == 0;
}

/** Begins the copy of the box whose first number is `at`; its bytes, zeros too, arrive at a barrier
 * that expects them. */
__device__ __forceinline__ void copy_box(void* shared, const BoxMap& map, const int32_t (&at)[4],
                                         Barrier& barrier) {
#ifdef __CUDACC__
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%2, %3, %4, %5}], [%6];" ::"r"(
          static_cast<uint32_t>(__cvta_generic_to_shared(shared))),
      "l"(&map), "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(barrier.address())
      : "memory");
#else
  barrier.complete(emulation::copy_box(shared, &map, at));
#endif
}

/** Begins to read a box into the L2 cache, where a kernel before may still change it. */
__device__ __forceinline__ void fetch_box([[maybe_unused]] const BoxMap& map,
                                          [[maybe_unused]] const int32_t (&at)[4]) {
#ifdef __CUDACC__
  asm volatile(
      "cp.async.bulk.prefetch.tensor.4d.L2.global.tile [%0, {%1, %2, %3, %4}];" ::"l"(&map),
      "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3])
      : "memory");
#endif
}

/** Begins the copy of bytes as they lie: a multiple of 16, as both addresses are. */
__device__ __forceinline__ void copy_bytes(void* shared, const void* global, uint32_t bytes,
                                           Barrier& barrier) {
#ifdef __CUDACC__
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(static_cast<uint32_t>(__cvta_generic_to_shared(shared))),
      "l"(global), "r"(bytes), "r"(barrier.address())
      : "memory");
#else
  memcpy(shared, global, bytes);
  barrier.complete(bytes);
#endif
}

/** Fetches a map that copies will ask for. */
__device__ __forceinline__ void fetch_map([[maybe_unused]] const BoxMap& map) {
#ifdef __CUDACC__
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
#endif
}

}  // namespace trimtab
