// Weights as they are read from shared memory, several at a time.
#pragma once

#include <cuda_runtime.h>

#include "common/formats.cuh"

namespace trimtab {

/** The code in byte i of a word, moved to where adding 2^23 leaves it, minus that. */
template <int BIAS>
__device__ __forceinline__ float integer_of_byte(uint32_t biased, int i) {
#ifdef __CUDA_ARCH__
  uint32_t bits = __byte_perm(biased, 0x4b000000u, 0x7540u + i);
#else
  uint32_t bits = 0x4b000000u | (biased >> 8 * i & 0xffu);
#endif
  return float_of(bits) - (0x1p23f + BIAS);
}

/** Two F32 elements. */
__device__ __forceinline__ void widen(formats::F32, const unsigned char* from, float (&to)[2]) {
  auto pair = *reinterpret_cast<const float2*>(from);
  to[0] = pair.x;
  to[1] = pair.y;
}

/** Two F16 elements. */
__device__ __forceinline__ void widen(formats::F16, const unsigned char* from, float (&to)[2]) {
  auto pair = *reinterpret_cast<const uint32_t*>(from);
  to[0] = from_f16(static_cast<uint16_t>(pair));
  to[1] = from_f16(static_cast<uint16_t>(pair >> 16));
}

/** Two BF16 elements. */
__device__ __forceinline__ void widen(formats::Bf16, const unsigned char* from, float (&to)[2]) {
  auto pair = *reinterpret_cast<const uint32_t*>(from);
  to[0] = float_of(pair << 16);
  to[1] = float_of(pair & 0xffff0000u);
}

/** Four FP8 codes. */
__device__ __forceinline__ void widen(formats::Fp8, const unsigned char* from, float (&to)[4]) {
  auto codes = *reinterpret_cast<const uint32_t*>(from);
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
    auto two = static_cast<uint16_t>(codes >> 8 * i);
    uint32_t halves;
    asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"(two));
    to[i] = from_f16(static_cast<uint16_t>(halves));
    to[i + 1] = from_f16(static_cast<uint16_t>(halves >> 16));
#else
    to[i] = from_fp8(static_cast<uint8_t>(codes >> 8 * i));
    to[i + 1] = from_fp8(static_cast<uint8_t>(codes >> 8 * (i + 1)));
#endif
  }
}

/** Four INT8 codes. */
__device__ __forceinline__ void widen(formats::Int8, const unsigned char* from, float (&to)[4]) {
  uint32_t biased = *reinterpret_cast<const uint32_t*>(from) ^ 0x80808080u;
#pragma unroll
  for (int i = 0; i < 4; i++) to[i] = integer_of_byte<128>(biased, i);
}

/** Four INT4 codes: the lower four bits of a byte come first. */
__device__ __forceinline__ void widen(formats::Int4, const unsigned char* from, float (&to)[4]) {
  uint32_t biased = *reinterpret_cast<const uint16_t*>(from) ^ 0x8888u;
  uint32_t even = biased & 0x0f0fu;
  uint32_t odd = biased >> 4 & 0x0f0fu;
#pragma unroll
  for (int i = 0; i < 2; i++) {
    to[2 * i] = integer_of_byte<8>(even, i);
    to[2 * i + 1] = integer_of_byte<8>(odd, i);
  }
}

}  // namespace trimtab
