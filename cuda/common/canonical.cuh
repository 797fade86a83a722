// Floating-point operations whose order is part of the contract: scalar, vector and CUDA return the
// same bits. Each has its counterpart of the same name in CanonicalMath.java.
//
// Everything here is one thread's work and compiles as plain C++ too. Compile with -fmad=false
// -ftz=false -prec-div=true (nvcc) or -ffp-contract=off (C++): only fma() may fuse. What a warp
// does together is in warp.cuh.
#pragma once

#include <cmath>
#include <cstdint>

#ifdef __CUDACC__
#define TRIMTAB_INLINE __host__ __device__ __forceinline__
#else
#define TRIMTAB_INLINE inline
#endif

namespace trimtab {

// Lanes of a dot product and of a chunk's sum.
constexpr int LANES = 32;

// Elements of a chunk of a sum over a long axis.
constexpr int CHUNK = 256;

TRIMTAB_INLINE uint32_t bits_of(float x) { return __builtin_bit_cast(uint32_t, x); }

TRIMTAB_INLINE float float_of(uint32_t bits) { return __builtin_bit_cast(float, bits); }

TRIMTAB_INLINE float infinity() { return float_of(0x7f800000u); }

TRIMTAB_INLINE float quiet_nan() { return float_of(0x7fc00000u); }

// a * b + c, rounded once.
TRIMTAB_INLINE float fma(float a, float b, float c) {
#ifdef __CUDA_ARCH__
  return __fmaf_rn(a, b, c);
#else
  return std::fma(a, b, c);
#endif
}

// The larger of two: NaN if one is, +0 above -0 (Java's Math.max).
TRIMTAB_INLINE float max_or_nan(float a, float b) {
  if (a != a || b != b) return quiet_nan();
  if (a == b) return bits_of(a) == 0x80000000u ? b : a;
  return a > b ? a : b;
}

// The larger number: NaN only if both are, +0 above -0 (IEEE 754-2019 maximumNumber).
TRIMTAB_INLINE float max_number(float a, float b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  float most;
  asm("max.f32 %0, %1, %2;" : "=f"(most) : "f"(a), "f"(b));
  return most;
#else
  return a != a ? b : b != b ? a : max_or_nan(a, b);
#endif
}

// One of two numbers that are both there: a compiler would rather branch around what costs more.
TRIMTAB_INLINE float one_of(bool first, float a, float b) {
#ifdef __CUDA_ARCH__
  float one;
  asm("{.reg .pred first;\n"
      "setp.ne.s32 first, %1, 0;\n"
      "selp.f32 %0, %2, %3, first;}"
      : "=f"(one)
      : "r"(static_cast<int>(first)), "f"(a), "f"(b));
  return one;
#else
  return first ? a : b;
#endif
}

// e to the power x, within 1.02 ulp: x = n ln 2 + r, a polynomial in r (Cephes, expf), and n added
// to the exponent.
TRIMTAB_INLINE float exp(float x) {
  constexpr float LEAST = -86.98f;
  constexpr float MOST = 88.37626f;
  constexpr float ROUND = 0x1.8p23f;  // adding it rounds to an integer, ties to even
  bool ordinary = x >= LEAST && x < MOST;
  float within = ordinary ? x : 0.f;
  float rounded = fma(within, 1.442695f, ROUND);
  float n = rounded - ROUND;
  float r = fma(n, -0x1.63p-1f, within);
  r = fma(n, 2.1219444e-4f, r);
  float p = 1.9875691e-4f;
  p = fma(p, r, 1.3981999e-3f);
  p = fma(p, r, 8.333452e-3f);
  p = fma(p, r, 4.1665796e-2f);
  p = fma(p, r, 0.16666666f);
  p = fma(p, r, 0.5f);
  float y = fma(p, r * r, r) + 1.f;
  float power = float_of(bits_of(y) + (bits_of(rounded) << 23));  // n to the exponent
  return one_of(ordinary, power, x >= MOST ? infinity() : x != x ? quiet_nan() : 0.f);
}

// Natural logarithm, within 1.3 ulp: x = (1 + f) 2^e with 1 + f from sqrt(1/2) to sqrt(2), a
// polynomial in f (Cephes, logf), and e ln 2 added.
TRIMTAB_INLINE float log(float x) {
  if (!(x > 0.f)) return x == 0.f ? -infinity() : quiet_nan();
  if (x == infinity()) return x;
  bool subnormal = x < 0x1p-126f;
  uint32_t bits = bits_of(subnormal ? x * 0x1p23f : x);
  int exponent = static_cast<int>(bits >> 23) - (subnormal ? 126 + 23 : 126);
  float mantissa = float_of((bits & 0x7fffffu) | 0x3f000000u);
  if (mantissa < 0.70710677f) {
    exponent--;
    mantissa += mantissa;
  }
  float e = static_cast<float>(exponent);
  float f = mantissa - 1.f;
  float square = f * f;
  float p = 0.070376836f;
  p = fma(p, f, -0.1151461f);
  p = fma(p, f, 0.116769984f);
  p = fma(p, f, -0.12420141f);
  p = fma(p, f, 0.14249323f);
  p = fma(p, f, -0.16668057f);
  p = fma(p, f, 0.20000714f);
  p = fma(p, f, -0.24999994f);
  p = fma(p, f, 0.3333333f);
  float y = p * f * square;
  y = fma(e, -2.1219444e-4f, y);
  y = fma(-0.5f, square, y);
  return fma(e, 0x1.63p-1f, f + y);
}

// A log-sum-exp under construction: chunks are added in rising order.
struct LogSumExp {
  float max = float_of(0xff800000u);
  float sum = 0.f;

  // Adds a chunk: its largest element, and its canonical sum of exp(x - chunk_max).
  TRIMTAB_INLINE void add(float chunk_max, float chunk_sum) {
    if (chunk_max == -infinity()) return;
    float larger = max_or_nan(max, chunk_max);
    sum = fma(sum, exp(max - larger), chunk_sum * exp(chunk_max - larger));
    max = larger;
  }

  TRIMTAB_INLINE float value() const { return max + log(sum); }
};

// x / by, rounded once, from the rounded 1 / by: x times that, corrected twice by its remainder.
// After the first correction the quotient is one of the two numbers around the true one; then the
// remainder is exact, and the second correction rounds right (Markstein 1990). The remainder is
// taken negative: so a zero keeps its sign. No remainder may underflow and no product overflow.
TRIMTAB_INLINE float quotient(float x, float by, float inverse) {
  float q = x * inverse;
  q = fma(fma(q, by, -x), -inverse, q);
  return fma(fma(q, by, -x), -inverse, q);
}

// Whether quotient() is right for x from 0 on: its remainders are no subnormal numbers.
TRIMTAB_INLINE bool divides_plainly(float x) { return (x >= 0x1p-90f) | (x == 0.f); }

// The same for finite x from 0 on and `by` from 1 on, of which no product overflows, or NaN.
TRIMTAB_INLINE float quotient_of_any(float x, float by, float inverse) {
  return divides_plainly(x) ? quotient(x, by, inverse) : x / by;
}

// Adds 32 lanes pairwise, at distances 16, 8, 4, 2, 1; overwrites them.
TRIMTAB_INLINE float tree(float* lanes) {
  for (int o = LANES / 2; o > 0; o /= 2) {
    for (int j = 0; j < o; j++) lanes[j] += lanes[j + o];
  }
  return lanes[0];
}

// A key that orders scores as selection ranks them: NaN below -infinity, -0 equal to +0, otherwise
// by value. Compare as signed numbers.
TRIMTAB_INLINE int32_t rank(float score) {
  if (score != score) return INT32_MIN;
  auto bits = static_cast<int32_t>(bits_of(score + 0.f));
  return bits ^ ((bits >> 31) & INT32_MAX);
}

// The score of a rank: +0 for both zeros, NaN for NaN.
TRIMTAB_INLINE float of_rank(int32_t rank) {
  return float_of(static_cast<uint32_t>(rank ^ ((rank >> 31) & INT32_MAX)));
}

// Score and place as one number: the smaller key ranks first, that is the higher score and among
// equals the lower place.
using Key = uint64_t;

// Behind every key.
constexpr Key NO_KEY = ~Key{0};

TRIMTAB_INLINE Key key_of(float score, int32_t place) {
  auto falling = ~(static_cast<uint32_t>(rank(score)) ^ 0x80000000u);
  return static_cast<Key>(falling) << 32 | static_cast<uint32_t>(place);
}

TRIMTAB_INLINE int32_t place_of(Key key) { return static_cast<int32_t>(key); }

TRIMTAB_INLINE float score_of(Key key) {
  return of_rank(static_cast<int32_t>(~static_cast<uint32_t>(key >> 32) ^ 0x80000000u));
}

}  // namespace trimtab
