// Codes of quotients x / scale, where a division and a conversion for each element would take
// longer than the memory: the same bits for less.
#pragma once

#include "common/formats.cuh"

namespace trimtab {

/**
 * Quotients of dividends of at most 11 significant bits by a scale of 8, or what has the same code:
 * with the rest of the inverse a quotient is exact that lies between two codes, and others are
 * further from there, by 2^-13 of themselves, than its error. The rest is not negative, so that a
 * zero keeps its sign.
 */
struct ShortDivisor {
  float below, rest;  // the inverse: a number not above it, and what is missing

  TRIMTAB_INLINE float operator()(float x) const { return fma(x, below, x * rest); }
};

/**
 * Quotients by one number such as a BF16 scale.
 *
 * Where a remainder could underflow or a product overflow, dividend and divisor are first scaled
 * by a power of two; what that rounds or clamps has a code of 0 or the largest one all the same.
 */
class Divisor {
 public:
  TRIMTAB_INLINE explicit Divisor(float by)
      : factor_(by > 0x1p60f    ? 0x1p-100f
                : by < 0x1p-60f ? 0x1p100f
                                : 1.f),
        by_(by * factor_),
        inverse_(1.f / by_) {}

  /** Whether dividends need not be scaled. */
  TRIMTAB_INLINE bool plain() const { return factor_ == 1.f; }

  TRIMTAB_INLINE float scaled(float x) const {
    constexpr float MOST = 0x1p90f;
    x *= factor_;
    return x > MOST ? MOST : x < -MOST ? -MOST : x;
  }

  /** The quotient of a dividend, scaled unless plain(). */
  TRIMTAB_INLINE float operator()(float x) const { return quotient(x, by_, inverse_); }

  /** For dividends of few bits, scaled unless plain(). */
  TRIMTAB_INLINE ShortDivisor of_short() const {
    float below = fma(by_, inverse_, -1.f) > 0.f ? float_of(bits_of(inverse_) - 1) : inverse_;
    return {below, fma(-by_, below, 1.f) * inverse_};
  }

 private:
  float factor_, by_, inverse_;
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
