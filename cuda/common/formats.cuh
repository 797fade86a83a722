// Conversions between binary32 and the narrower formats, bit for bit those of FloatFormats.java and
// TokenFormat.java. Widening is exact; narrowing rounds to nearest even.
#pragma once

#include "common/canonical.cuh"

namespace trimtab {

TRIMTAB_INLINE float from_bf16(uint16_t bits) {
  return float_of(static_cast<uint32_t>(bits) << 16);
}

TRIMTAB_INLINE uint16_t to_bf16(float value) {
  uint32_t bits = bits_of(value);
  if (value != value) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

TRIMTAB_INLINE float from_f16(uint16_t bits) {
#ifdef __CUDA_ARCH__
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
#else
  uint32_t magnitude = bits & 0x7fffu;
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  if (magnitude >= 0x7c00u) return float_of(sign | 0x7f800000u | magnitude << 13);
  return float_of(sign | bits_of(float_of(magnitude << 13) * 0x1p112f));
#endif
}

TRIMTAB_INLINE uint16_t to_f16(float value) {
#ifdef __CUDA_ARCH__
  uint16_t half;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(value));
  return half;
#else
  uint32_t magnitude = bits_of(value) & 0x7fffffffu;
  uint32_t sign = bits_of(value) >> 16 & 0x8000u;
  uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;
  } else if (magnitude >= 0x47800000u) {  // 2^16
    half = 0x7c00u;
  } else if (magnitude < 0x38800000u) {  // below 2^-14 in steps of 2^-24, those of floats near 1/2
    half = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
  } else {
    half = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
  }
  return static_cast<uint16_t>(sign | half);
#endif
}

// Widens an FP8 E4M3 code (OCP 8-bit floating point specification 1.0: S.1111.111 is NaN, there are
// no infinities).
TRIMTAB_INLINE float from_fp8(uint8_t code) {
  uint32_t magnitude = code & 0x7fu;
  uint32_t sign = static_cast<uint32_t>(code & 0x80u) << 24;
  if (magnitude == 0x7fu) return quiet_nan();
  return float_of(sign | bits_of(float_of(magnitude << 20) * 0x1p120f));
}

// Rounds to FP8 E4M3, saturating at 448; NaN stays NaN.
TRIMTAB_INLINE uint8_t to_fp8(float value) {
  uint32_t magnitude = bits_of(value) & 0x7fffffffu;
  uint32_t sign = bits_of(value) >> 24 & 0x80u;
  uint32_t code;
  if (magnitude > 0x7f800000u) {
    code = 0x7fu;
  } else if (magnitude >= 0x43e00000u) {  // 448
    code = 0x7eu;
  } else if (magnitude < 0x3c800000u) {  // below 2^-6 in steps of 2^-9, those of floats near 2^14
    code = bits_of(float_of(magnitude) + 0x1p14f) - bits_of(0x1p14f);
  } else {
    code = (magnitude - 0x3c000000u + 0x7ffffu + (magnitude >> 20 & 1u)) >> 20;
  }
  return static_cast<uint8_t>(sign | code);
}

// Formats of elements: BITS of one; for plain numbers widen() of their bits and narrow(); for codes
// value() of one before scaling, code() of x under a scale, and the largest code.
namespace formats {

struct F32 {
  static constexpr int BITS = 32;
  static constexpr bool QUANTIZED = false;
  using Element = float;
  static TRIMTAB_INLINE float widen(float x) { return x; }
  static TRIMTAB_INLINE float narrow(float x) { return x; }
};

struct F16 {
  static constexpr int BITS = 16;
  static constexpr bool QUANTIZED = false;
  using Element = uint16_t;
  static TRIMTAB_INLINE float widen(uint16_t x) { return from_f16(x); }
  static TRIMTAB_INLINE uint16_t narrow(float x) { return to_f16(x); }
};

struct Bf16 {
  static constexpr int BITS = 16;
  static constexpr bool QUANTIZED = false;
  using Element = uint16_t;
  static TRIMTAB_INLINE float widen(uint16_t x) { return from_bf16(x); }
  static TRIMTAB_INLINE uint16_t narrow(float x) { return to_bf16(x); }
};

// Rounds x / scale to an integer of at most `top`; a scale of 0 or NaN gives 0.
TRIMTAB_INLINE int8_t integer_code(float x, float scale, float top) {
  if (!(scale > 0.f)) return 0;
  float quotient = x / scale;
  quotient = quotient > top ? top : quotient < -top ? -top : quotient;
#ifdef __CUDA_ARCH__
  return static_cast<int8_t>(__float2int_rn(quotient));
#else
  return static_cast<int8_t>(std::nearbyint(quotient));
#endif
}

struct Fp8 {
  static constexpr int BITS = 8;
  static constexpr bool QUANTIZED = true;
  static constexpr float TOP = 448.f;
  static TRIMTAB_INLINE float value(uint8_t code) { return from_fp8(code); }
  static TRIMTAB_INLINE uint8_t code(float x, float scale) {
    return scale > 0.f ? to_fp8(x / scale) : uint8_t{0};
  }
};

struct Int8 {
  static constexpr int BITS = 8;
  static constexpr bool QUANTIZED = true;
  static constexpr float TOP = 127.f;
  static TRIMTAB_INLINE float value(uint8_t code) {
    return static_cast<float>(static_cast<int8_t>(code));
  }
  static TRIMTAB_INLINE uint8_t code(float x, float scale) {
    return static_cast<uint8_t>(integer_code(x, scale, TOP));
  }
};

// Two codes to a byte, the element with the lower index in the lower four bits.
struct Int4 {
  static constexpr int BITS = 4;
  static constexpr bool QUANTIZED = true;
  static constexpr float TOP = 7.f;
  static TRIMTAB_INLINE float value(uint8_t nibble) {
    return static_cast<float>(static_cast<int8_t>(nibble << 4) >> 4);
  }
  static TRIMTAB_INLINE uint8_t code(float x, float scale) {
    return static_cast<uint8_t>(integer_code(x, scale, TOP) & 15);
  }
};

}  // namespace formats

// The bits of a group's BF16 scale: bf16(min(max|x|, largest finite) / top), NaN if a member is.
//
// max_bits: largest of the members' bits without their signs, which orders magnitudes and puts NaN
// above them all.
template <class Format>
TRIMTAB_INLINE uint16_t scale_bits(uint32_t max_bits) {
  if (max_bits > 0x7f800000u) return 0x7fc0u;
  float magnitude = float_of(max_bits < 0x7f7fffffu ? max_bits : 0x7f7fffffu);
  return to_bf16(quotient_of_any(magnitude, Format::TOP, 1.f / Format::TOP));
}

TRIMTAB_INLINE uint32_t magnitude_bits(float x) { return bits_of(x) & 0x7fffffffu; }

}  // namespace trimtab
