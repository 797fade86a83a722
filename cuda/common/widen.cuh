// Weights as they are read from shared memory, several at a time.
#pragma once

#include <cuda_runtime.h>

#include "common/formats.cuh"

namespace trimtab {

/** Elements that are widened at a time. */
template <class Format>
constexpr int WIDTH = Format::BITS == 32 ? 2 : 32 / Format::BITS;

/** Byte i of a word plus 2^15, of which it is the exact lower part. */
__device__ __forceinline__ float lifted_byte(uint32_t word, int i) {
#ifdef __CUDA_ARCH__
  return float_of(__byte_perm(word, 0x47000000u, 0x7404u + (i << 4)));
#else
  return float_of(0x47000000u | (word >> 8 * i & 0xffu) << 8);
#endif
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

/** Two FP8 codes as F16, which is exact. */
__device__ __forceinline__ uint32_t halves_of_fp8(uint16_t codes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
  uint32_t halves;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"(codes));
  return halves;
#else
  return to_f16(from_fp8(static_cast<uint8_t>(codes))) |
         uint32_t{to_f16(from_fp8(static_cast<uint8_t>(codes >> 8)))} << 16;
#endif
}

/** Four FP8 codes. */
__device__ __forceinline__ void widen(formats::Fp8, const unsigned char* from, float (&to)[4]) {
  auto codes = *reinterpret_cast<const uint32_t*>(from);
#pragma unroll
  for (int i = 0; i < 4; i += 2) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
    uint32_t halves = halves_of_fp8(static_cast<uint16_t>(codes >> 8 * i));
    to[i] = from_f16(static_cast<uint16_t>(halves));
    to[i + 1] = from_f16(static_cast<uint16_t>(halves >> 16));
#else
    to[i] = from_fp8(static_cast<uint8_t>(codes >> 8 * i));
    to[i + 1] = from_fp8(static_cast<uint8_t>(codes >> 8 * (i + 1)));
#endif
  }
}

/** What lift() adds to a code. */
template <class Format>
constexpr float LIFT = 0;
template <>
inline constexpr float LIFT<formats::Int8> = 0x1p15f + 128;
template <>
inline constexpr float LIFT<formats::Int4> = 0x1p15f + 8;

/**
 * Four INT8 codes, each plus LIFT: a permutation of bytes instead of a slow conversion. LIFT has
 * so few digits that its product with a scale is exact, so that one multiply-add unlifts and
 * scales.
 */
__device__ __forceinline__ void lift(formats::Int8, const unsigned char* from, float (&to)[4]) {
  uint32_t biased = *reinterpret_cast<const uint32_t*>(from) ^ 0x80808080u;
#pragma unroll
  for (int i = 0; i < 4; i++) to[i] = lifted_byte(biased, i);
}

/** Eight INT4 codes, each plus LIFT: the lower four bits of a byte come first. */
__device__ __forceinline__ void lift(formats::Int4, const unsigned char* from, float (&to)[8]) {
  uint32_t biased = *reinterpret_cast<const uint32_t*>(from) ^ 0x88888888u;
  uint32_t even = biased & 0x0f0f0f0fu;
  uint32_t odd = biased >> 4 & 0x0f0f0f0fu;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    to[2 * i] = lifted_byte(even, i);
    to[2 * i + 1] = lifted_byte(odd, i);
  }
}

/** As many INT8 or INT4 codes. */
template <class Format, int COUNT>
__device__ __forceinline__ void widen(Format format, const unsigned char* from,
                                      float (&to)[COUNT]) {
  lift(format, from, to);
#pragma unroll
  for (float& code : to) code -= LIFT<Format>;
}

}  // namespace trimtab
