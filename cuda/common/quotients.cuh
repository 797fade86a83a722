// Codes of quotients x / scale, where a division and a conversion for each element would take
// longer than the memory: the same bits for less.
#pragma once

#include "common/formats.cuh"

namespace trimtab {

/**
 * Quotients by one number of at most 16 significant bits, such as a BF16 scale, rounded once as x /
 * by is: x times the reciprocal, corrected twice by its exact remainder. After the first correction
 * the quotient is one of the two numbers around the true one, and the second then rounds right
 * (Markstein 1990). Where the remainder of a code above 0 could underflow, or a product overflow,
 * it divides.
 */
class Divisor {
 public:
  TRIMTAB_INLINE explicit Divisor(float by)
      : by_(by), inverse_(1.f / by), plain_(by >= 0x1p-60f && by <= 0x1p60f) {}

  TRIMTAB_INLINE float operator()(float x) const {
    if (!plain_) return x / by_;
    float q = x * inverse_;
    q = fma(fma(-q, by_, x), inverse_, q);
    q = fma(fma(-q, by_, x), inverse_, q);
    // The corrections make +0 of -0.
    return float_of((bits_of(q) & 0x7fffffffu) | (bits_of(x) & 0x80000000u));
  }

 private:
  float by_, inverse_;
  bool plain_;
};

/** FP8 codes of two quotients, the first one's in the lower byte. */
TRIMTAB_INLINE uint32_t code_pair(formats::Fp8, float first, float second) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
  uint16_t pair;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return to_fp8(first) | uint32_t{to_fp8(second)} << 8;
#endif
}

/** INT8 codes of two quotients. */
TRIMTAB_INLINE uint32_t code_pair(formats::Int8, float first, float second) {
  constexpr float TOP = formats::Int8::TOP;
  constexpr float ROUND = 0x1.8p23f;  // adding it rounds to an integer, ties to even
  first = first > TOP ? TOP : first < -TOP ? -TOP : first;
  second = second > TOP ? TOP : second < -TOP ? -TOP : second;
  return (bits_of(first + ROUND) & 0xffu) | (bits_of(second + ROUND) & 0xffu) << 8;
}

}  // namespace trimtab
