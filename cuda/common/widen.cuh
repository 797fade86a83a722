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

/** As many bits as are wanted, in words: 8, 16, 32 or 64. */
template <int BITS>
struct CodeWords {
  uint32_t words[BITS > 32 ? 2 : 1];

  __device__ __forceinline__ explicit CodeWords(const unsigned char* from) {
    if constexpr (BITS == 8) {
      words[0] = *from;
    } else if constexpr (BITS == 16) {
      words[0] = *reinterpret_cast<const uint16_t*>(from);
    } else if constexpr (BITS == 32) {
      words[0] = *reinterpret_cast<const uint32_t*>(from);
    } else {
      auto both = *reinterpret_cast<const uint2*>(from);
      words[0] = both.x, words[1] = both.y;
    }
  }

  /** The bits from the i-th byte on. */
  __device__ __forceinline__ uint32_t at(int i) const { return words[i / 4] >> 8 * (i % 4); }
};

/** Two, four or eight FP8 codes. */
template <int COUNT>
__device__ __forceinline__ void widen(formats::Fp8, const unsigned char* from, float (&to)[COUNT]) {
  CodeWords<8 * COUNT> codes(from);
#pragma unroll
  for (int i = 0; i < COUNT; i += 2) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
    uint32_t halves = halves_of_fp8(static_cast<uint16_t>(codes.at(i)));
    to[i] = from_f16(static_cast<uint16_t>(halves));
    to[i + 1] = from_f16(static_cast<uint16_t>(halves >> 16));
#else
    to[i] = from_fp8(static_cast<uint8_t>(codes.at(i)));
    to[i + 1] = from_fp8(static_cast<uint8_t>(codes.at(i + 1)));
#endif
  }
}

/** Whether codes of a format are lifted: put into the fraction of a larger number by bits alone,
    instead of a slow conversion. */
template <class Format>
constexpr bool LIFTS = false;
template <>
inline constexpr bool LIFTS<formats::Int8> = true;
template <>
inline constexpr bool LIFTS<formats::Int4> = true;

/**
 * What lift() adds to the i-th of COUNT codes. It has so few digits that its product with a scale
 * is exact, so that one multiply-add unlifts and scales.
 */
template <int COUNT>
__device__ constexpr float lift_of(formats::Int8, int) {
  return 0x1p15f + 128;
}
template <int COUNT>
__device__ constexpr float lift_of(formats::Int4, int i) {
  int place = COUNT == 2 || i < 2 ? i : (i - 2) % 3;
  return (place == 0 ? 0x1p15f : place == 1 ? 0x1p11f : 0x1p7f) + 8;
}

/** Two, four or eight INT8 codes, each plus its lift. */
template <int COUNT>
__device__ __forceinline__ void lift(formats::Int8, const unsigned char* from, float (&to)[COUNT]) {
  CodeWords<8 * COUNT> codes(from);
  for (uint32_t& word : codes.words) word ^= 0x80808080u;
#pragma unroll
  for (int i = 0; i < COUNT; i++) to[i] = lifted_byte(codes.words[i / 4], i % 4);
}

/** (a & mask) ^ other as one operation: of two constants the compiler would make two. */
__device__ __forceinline__ uint32_t masked_xor(uint32_t a, uint32_t mask, uint32_t other) {
#ifdef __CUDA_ARCH__
  uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0x6a;" : "=r"(result) : "r"(a), "r"(mask), "r"(other));
  return result;
#else
  return (a & mask) ^ other;
#endif
}

/** The code in bits 8 + 4 PLACE to 11 + 4 PLACE of a word, plus its lift: 8 more by its sign bit,
    which is turned, and the number whose fraction ends at bit 8 + 4 PLACE. */
template <int PLACE>
__device__ __forceinline__ float lifted_nibble(uint32_t word) {
  constexpr uint32_t EXPONENT = (127u + 15 - 4 * PLACE) << 23;
  return float_of(masked_xor(word, 0xf00u << 4 * PLACE, EXPONENT | 0x800u << 4 * PLACE));
}

/** Two or eight INT4 codes, each plus its lift: the lower four bits of a byte come first. */
template <int COUNT>
__device__ __forceinline__ void lift(formats::Int4, const unsigned char* from, float (&to)[COUNT]) {
  static_assert(COUNT == 2 || COUNT == 8);
  uint32_t word = CodeWords<4 * COUNT>(from).words[0];
  to[0] = lifted_nibble<0>(word << 8);
  to[1] = lifted_nibble<1>(word << 8);
  if constexpr (COUNT == 8) {
    to[2] = lifted_nibble<0>(word);
    to[3] = lifted_nibble<1>(word);
    to[4] = lifted_nibble<2>(word);
    to[5] = lifted_nibble<0>(word >> 12);
    to[6] = lifted_nibble<1>(word >> 12);
    to[7] = lifted_nibble<2>(word >> 12);
  }
}

/** As many INT8 or INT4 codes. */
template <class Format, int COUNT>
requires LIFTS<Format> __device__ __forceinline__ void widen(Format format,
                                                             const unsigned char* from,
                                                             float (&to)[COUNT]) {
  lift(format, from, to);
#pragma unroll
  for (int i = 0; i < COUNT; i++) to[i] -= lift_of<COUNT>(format, i);
}

}  // namespace trimtab
