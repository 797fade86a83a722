// Eight neighbouring elements of a head's key or value, the share of one thread: read from any
// format as binary32, written to any format.
#pragma once

#include <cuda_runtime.h>

#include "common/formats.cuh"
#include "common/quotients.cuh"
#include "trimtab.h"

namespace trimtab {

/** Elements of a thread. */
constexpr int SHARE = 8;

/** The bits of a share, as they lie: 8, 16 or 32 bytes. */
struct Share {
  uint32_t words[SHARE];
};

/** Loads a share of elements of BITS bits; `aligned`: its address is a multiple of 16 or its size.
 */
template <int BITS>
__device__ __forceinline__ Share load_share(const char* from, bool aligned) {
  Share share{};
  if constexpr (BITS == 8) {
    auto pair = *reinterpret_cast<const uint2*>(from);
    share.words[0] = pair.x;
    share.words[1] = pair.y;
  } else if (aligned) {
#pragma unroll
    for (int i = 0; i < BITS / 16; i++) {
      auto quad = reinterpret_cast<const uint4*>(from)[i];
      share.words[4 * i] = quad.x;
      share.words[4 * i + 1] = quad.y;
      share.words[4 * i + 2] = quad.z;
      share.words[4 * i + 3] = quad.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < SHARE; i++) {
      if constexpr (BITS == 32) {
        share.words[i] = reinterpret_cast<const uint32_t*>(from)[i];
      } else {
        share.words[i / 2] |= uint32_t{reinterpret_cast<const uint16_t*>(from)[i]} << 16 * (i % 2);
      }
    }
  }
  return share;
}

/** Stores a share of elements of BITS bits at an address that is a multiple of 16 or its size. */
template <int BITS>
__device__ __forceinline__ void store_share(char* to, const Share& share) {
  if constexpr (BITS == 8) {
    *reinterpret_cast<uint2*>(to) = make_uint2(share.words[0], share.words[1]);
  } else {
#pragma unroll
    for (int i = 0; i < BITS / 16; i++) {
      const uint32_t* words = share.words + 4 * i;
      reinterpret_cast<uint4*>(to)[i] = make_uint4(words[0], words[1], words[2], words[3]);
    }
  }
}

/** Loads and stores of a format that is known at run time. */
__device__ __forceinline__ Share load_share(int bits, const char* from, bool aligned) {
  return bits == 8    ? load_share<8>(from, aligned)
         : bits == 16 ? load_share<16>(from, aligned)
                      : load_share<32>(from, aligned);
}

__device__ __forceinline__ void store_share(int bits, char* to, const Share& share) {
  if (bits == 8) return store_share<8>(to, share);
  if (bits == 16) return store_share<16>(to, share);
  store_share<32>(to, share);
}

/** The numbers of a share; the scale is that of codes. */
template <class Format>
__device__ __forceinline__ void widen_share(const Share& share, float scale, float (&x)[SHARE]) {
#pragma unroll
  for (int i = 0; i < SHARE; i++) {
    if constexpr (Format::QUANTIZED) {
      x[i] = Format::value(static_cast<uint8_t>(share.words[i / 4] >> 8 * (i % 4))) * scale;
    } else if constexpr (Format::BITS == 16) {
      x[i] = Format::widen(static_cast<uint16_t>(share.words[i / 2] >> 16 * (i % 2)));
    } else {
      x[i] = float_of(share.words[i]);
    }
  }
}

/** Codes of the quotients of a share's numbers. */
template <class Format, class Quotient>
__device__ __forceinline__ Share codes_of(const float (&x)[SHARE], const Quotient& quotient) {
  Share share{};
#pragma unroll
  for (int i = 0; i < SHARE; i += 2) {
    share.words[i / 4] |= code_pair(Format{}, quotient(x[i]), quotient(x[i + 1])) << 8 * (i % 4);
  }
  return share;
}

/** Codes of a share under a scale, each bit for bit Format::code(), but without its division. */
template <class Format>
__device__ __forceinline__ Share code_share(const float (&numbers)[SHARE], float scale) {
  if (!(scale > 0.f)) return {};
  Divisor quotient(scale);
  float x[SHARE];
#pragma unroll
  for (int i = 0; i < SHARE; i++) x[i] = numbers[i];
  if (!quotient.plain()) {
#pragma unroll
    for (int i = 0; i < SHARE; i++) x[i] = quotient.scaled(x[i]);
  }
  return codes_of<Format>(x, quotient);
}

/** The share of numbers; the scale is that of codes. */
template <class Format>
__device__ __forceinline__ Share narrow_share(const float (&x)[SHARE], float scale) {
  if constexpr (Format::QUANTIZED) return code_share<Format>(x, scale);
  Share share{};
#pragma unroll
  for (int i = 0; i < SHARE; i++) {
    if constexpr (Format::BITS == 16) {
      share.words[i / 2] |= uint32_t{Format::narrow(x[i])} << 16 * (i % 2);
    } else {
      share.words[i] = bits_of(x[i]);
    }
  }
  return share;
}

/** The same for a format that is known at run time. */
__device__ __forceinline__ void widen_share(int32_t dtype, const Share& share, float scale,
                                            float (&x)[SHARE]) {
  switch (dtype) {
    case TRIMTAB_F32:
      return widen_share<formats::F32>(share, scale, x);
    case TRIMTAB_F16:
      return widen_share<formats::F16>(share, scale, x);
    case TRIMTAB_BF16:
      return widen_share<formats::Bf16>(share, scale, x);
    case TRIMTAB_FP8_E4M3:
      return widen_share<formats::Fp8>(share, scale, x);
    default:
      return widen_share<formats::Int8>(share, scale, x);
  }
}

template <bool QUANTIZED>
__device__ __forceinline__ Share narrow_share(int32_t dtype, const float (&x)[SHARE], float scale) {
  if constexpr (QUANTIZED) {
    return dtype == TRIMTAB_FP8_E4M3 ? narrow_share<formats::Fp8>(x, scale)
                                     : narrow_share<formats::Int8>(x, scale);
  } else {
    return dtype == TRIMTAB_F32   ? narrow_share<formats::F32>(x, scale)
           : dtype == TRIMTAB_F16 ? narrow_share<formats::F16>(x, scale)
                                  : narrow_share<formats::Bf16>(x, scale);
  }
}

/** Reads a share as numbers; the scale is that of codes. */
template <class Format>
__device__ __forceinline__ void read_share(const char* from, bool aligned, float scale,
                                           float (&x)[SHARE]) {
  widen_share<Format>(load_share<Format::BITS>(from, aligned), scale, x);
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

/** The bits of the scale of elements whose largest magnitude_bits() is given. */
__device__ __forceinline__ uint16_t scale_bits_of(int32_t dtype, uint32_t max_bits) {
  return dtype == TRIMTAB_FP8_E4M3 ? scale_bits<formats::Fp8>(max_bits)
                                   : scale_bits<formats::Int8>(max_bits);
}

}  // namespace trimtab
