// Tensor cores: products of small matrices by a warp (mma.sync, sm_80 and later).
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "common/formats.cuh"
#include "common/warp.cuh"

namespace trimtab {

/** Two 16-bit numbers in a word, the first in its lower half. */
template <bool HALF>
__device__ __forceinline__ float number_in(uint32_t pair, int i) {
  auto bits = static_cast<uint16_t>(pair >> 16 * i);
  return HALF ? from_f16(bits) : from_bf16(bits);
}

/**
 * d += a b for a [16, 16], b [16, 8] and d [16, 8], of F16 numbers if HALF and of BF16 otherwise;
 * sums are F32. Lane 4 g + c holds
 *   a: rows g, g + 8, g, g + 8; columns 2 c, 2 c + 1, and of the last two words 8 more
 *   b: column g; rows 2 c, 2 c + 1, and of the second word 8 more
 *   d: rows g, g, g + 8, g + 8; columns 2 c, 2 c + 1, 2 c, 2 c + 1
 */
template <bool HALF>
__device__ __forceinline__ void multiply_add(float (&d)[4], const uint32_t (&a)[4],
                                             const uint32_t (&b)[2]) {
#ifdef __CUDACC__
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (HALF) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
        "{%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#endif
#else
  int g = static_cast<int>(threadIdx.x) % LANES / 4;
  int c = static_cast<int>(threadIdx.x) % 4;
  double sums[4] = {d[0], d[1], d[2], d[3]};
  for (int q = 0; q < 4; q++) {
    for (int word = 0; word < 2; word++) {
      uint32_t upper = __shfl_sync(ALL_LANES, a[2 * word], 4 * g + q);
      uint32_t lower = __shfl_sync(ALL_LANES, a[2 * word + 1], 4 * g + q);
      uint32_t left = __shfl_sync(ALL_LANES, b[word], 8 * c + q);
      uint32_t right = __shfl_sync(ALL_LANES, b[word], 8 * c + 4 + q);
      for (int i = 0; i < 2; i++) {
        double up = number_in<HALF>(upper, i);
        double low = number_in<HALF>(lower, i);
        sums[0] += up * number_in<HALF>(left, i);
        sums[1] += up * number_in<HALF>(right, i);
        sums[2] += low * number_in<HALF>(left, i);
        sums[3] += low * number_in<HALF>(right, i);
      }
    }
  }
  for (int i = 0; i < 4; i++) d[i] = static_cast<float>(sums[i]);
#endif
}

}  // namespace trimtab
