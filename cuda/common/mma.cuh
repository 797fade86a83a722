// Tensor cores: products of small matrices by a warp (mma.sync, sm_80 and later), and how their
// operands come there.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "common/formats.cuh"
#include "common/warp.cuh"

namespace trimtab {

/** Rounds two numbers to F16 if HALF, to BF16 otherwise, to nearest even; the first one lies lower.
 */
template <bool HALF>
__device__ __forceinline__ uint32_t round_pair(float first, float second) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t pair;
  if constexpr (HALF) {
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  } else {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  }
  return pair;
#else
  uint32_t low = HALF ? to_f16(first) : to_bf16(first);
  uint32_t high = HALF ? to_f16(second) : to_bf16(second);
  return low | high << 16;
#endif
}

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

/**
 * Reads four matrices [8, 8] of 16-bit elements from shared memory, transposed (ldmatrix.trans):
 * lane 8 i + r names row r of matrix i, 16 aligned bytes. Lane 4 g + c gets of each matrix the
 * elements of column g in rows 2 c and 2 c + 1: b of multiply_add() for two matrices below each
 * other.
 */
__device__ __forceinline__ void read_transposed(const unsigned char* row, uint32_t (&words)[4]) {
#ifdef __CUDACC__
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 750
  auto from = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(from)
               : "memory");
#endif
#else
  int g = static_cast<int>(threadIdx.x) % LANES / 4;
  int c = static_cast<int>(threadIdx.x) % 4;
  for (int i = 0; i < 4; i++) {
    words[i] = 0;
    for (int r = 0; r < 2; r++) {
      auto* from =
          __shfl_sync(ALL_LANES, reinterpret_cast<const uint16_t*>(row), 8 * i + 2 * c + r);
      words[i] |= uint32_t{from[g]} << 16 * r;
    }
  }
#endif
}

/**
 * Transposes a matrix [8, 8] of 16-bit elements (movmatrix): lane 4 g + c gives and gets elements
 * 2 c and 2 c + 1 of row g.
 */
__device__ __forceinline__ uint32_t transposed(uint32_t pair) {
#ifdef __CUDACC__
  uint32_t result = 0;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 750
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(result) : "r"(pair));
#endif
  return result;
#else
  int g = static_cast<int>(threadIdx.x) % LANES / 4;
  int c = static_cast<int>(threadIdx.x) % 4;
  uint32_t first = __shfl_sync(ALL_LANES, pair, 8 * c + g / 2) >> g % 2 * 16 & 0xffffu;
  uint32_t second = __shfl_sync(ALL_LANES, pair, 8 * c + 4 + g / 2) >> g % 2 * 16 & 0xffffu;
  return first | second << 16;
#endif
}

}  // namespace trimtab
