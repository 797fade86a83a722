// Eight neighbouring elements of a head's key or value, the share of one thread: read from any
// format as binary32, written to any format.
#pragma once

#include <cuda_runtime.h>

#include "common/formats.cuh"
#include "trimtab.h"

namespace trimtab {

/** Elements of a thread. */
constexpr int SHARE = 8;

/** Reads a share of plain numbers; `aligned`: its address is a multiple of 16. */
template <class Format>
__device__ __forceinline__ void read_plain(const char* from, bool aligned, float (&x)[SHARE]) {
  using Element = typename Format::Element;
  Element elements[SHARE];
  if (aligned) {
    constexpr int WORDS = sizeof elements / 16;
#pragma unroll
    for (int i = 0; i < WORDS; i++) {
      uint4 word = reinterpret_cast<const uint4*>(from)[i];
      memcpy(elements + i * SHARE / WORDS, &word, sizeof word);
    }
  } else {
#pragma unroll
    for (int i = 0; i < SHARE; i++) elements[i] = reinterpret_cast<const Element*>(from)[i];
  }
#pragma unroll
  for (int i = 0; i < SHARE; i++) x[i] = Format::widen(elements[i]);
}

/** Reads a share of codes, 8-byte aligned, times their scale. */
template <class Format>
__device__ __forceinline__ void read_codes(const char* from, float scale, float (&x)[SHARE]) {
  uint2 words = *reinterpret_cast<const uint2*>(from);
#pragma unroll
  for (int i = 0; i < SHARE; i++) {
    uint32_t word = i < 4 ? words.x : words.y;
    x[i] = Format::value(static_cast<uint8_t>(word >> 8 * (i % 4))) * scale;
  }
}

/** Reads a share of any format; the scale is that of quantised ones. */
__device__ __forceinline__ void read_share(int32_t dtype, const char* from, bool aligned,
                                           float scale, float (&x)[SHARE]) {
  switch (dtype) {
    case TRIMTAB_F32:
      return read_plain<formats::F32>(from, aligned, x);
    case TRIMTAB_F16:
      return read_plain<formats::F16>(from, aligned, x);
    case TRIMTAB_BF16:
      return read_plain<formats::Bf16>(from, aligned, x);
    case TRIMTAB_FP8_E4M3:
      return read_codes<formats::Fp8>(from, scale, x);
    default:
      return read_codes<formats::Int8>(from, scale, x);
  }
}

/** Reads one plain number. */
__device__ __forceinline__ float read_element(int32_t dtype, const char* from) {
  switch (dtype) {
    case TRIMTAB_F32:
      return *reinterpret_cast<const float*>(from);
    case TRIMTAB_F16:
      return from_f16(*reinterpret_cast<const uint16_t*>(from));
    default:
      return from_bf16(*reinterpret_cast<const uint16_t*>(from));
  }
}

/** Writes a share of plain numbers, 16-byte aligned. */
template <class Format>
__device__ __forceinline__ void write_plain(char* to, const float (&x)[SHARE]) {
  typename Format::Element elements[SHARE];
#pragma unroll
  for (int i = 0; i < SHARE; i++) elements[i] = Format::narrow(x[i]);
  constexpr int WORDS = sizeof elements / 16;
#pragma unroll
  for (int i = 0; i < WORDS; i++) {
    uint4 word;
    memcpy(&word, elements + i * SHARE / WORDS, sizeof word);
    reinterpret_cast<uint4*>(to)[i] = word;
  }
}

/** Writes a share of codes under a scale, 8-byte aligned. */
template <class Format>
__device__ __forceinline__ void write_codes(char* to, float scale, const float (&x)[SHARE]) {
  uint2 words = {0, 0};
#pragma unroll
  for (int i = 0; i < SHARE; i++) {
    uint32_t& word = i < 4 ? words.x : words.y;
    word |= static_cast<uint32_t>(Format::code(x[i], scale)) << 8 * (i % 4);
  }
  *reinterpret_cast<uint2*>(to) = words;
}

/** Writes a share of any format; the scale is that of quantised ones. */
__device__ __forceinline__ void write_share(int32_t dtype, char* to, float scale,
                                            const float (&x)[SHARE]) {
  switch (dtype) {
    case TRIMTAB_F32:
      return write_plain<formats::F32>(to, x);
    case TRIMTAB_F16:
      return write_plain<formats::F16>(to, x);
    case TRIMTAB_BF16:
      return write_plain<formats::Bf16>(to, x);
    case TRIMTAB_FP8_E4M3:
      return write_codes<formats::Fp8>(to, scale, x);
    default:
      return write_codes<formats::Int8>(to, scale, x);
  }
}

/** The bits of the scale of elements whose largest magnitude_bits() is given. */
__device__ __forceinline__ uint16_t scale_bits_of(int32_t dtype, uint32_t max_bits) {
  return dtype == TRIMTAB_FP8_E4M3 ? scale_bits<formats::Fp8>(max_bits)
                                   : scale_bits<formats::Int8>(max_bits);
}

}  // namespace trimtab
