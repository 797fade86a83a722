// Codes without division against codes with one.
#include "common/quotients.cuh"

#include <gtest/gtest.h>

#include <cmath>

#include "random.h"

namespace trimtab::test {
namespace {

float quotient(float x, float by) {
  Divisor divisor(by);
  return divisor(divisor.plain() ? x : divisor.scaled(x));
}

template <class Format>
void expect_codes(float x, float scale) {
  uint32_t pair = code_pair(Format{}, quotient(x, scale), quotient(-x, scale));
  uint32_t expected = Format::code(x, scale) | uint32_t{Format::code(-x, scale)} << 8;
  ASSERT_EQ(pair, expected) << x << " / " << scale;
}

TEST(Quotients, CodesOfRandomNumbersUnderRandomScales) {
  Random random(1);
  for (int i = 0; i < 2000000; i++) {
    uint64_t bits = random.bits();
    float scale = from_bf16(static_cast<uint16_t>(bits & 0x7fff));
    if (!(scale > 0) || std::isinf(scale)) continue;
    // Up to 512 times the scale, and some of the numbers a BF16 tensor would hold.
    float x = std::ldexp(random.uniform(), static_cast<int>(bits >> 16 & 15) - 6) * scale;
    if (bits >> 20 & 1) x = from_bf16(to_bf16(x));
    ASSERT_NO_FATAL_FAILURE(expect_codes<formats::Fp8>(x, scale));
    ASSERT_NO_FATAL_FAILURE(expect_codes<formats::Int8>(x, scale));
  }
}

TEST(Quotients, AreRoundedOnceWhereTheyDoNotUnderflow) {
  Random random(2);
  for (int i = 0; i < 2000000; i++) {
    float by = from_bf16(to_bf16(std::ldexp(1 + random.uniform(), random.below(80) - 40)));
    float x = by * std::ldexp(1 + random.uniform(), random.below(20) - 10);
    ASSERT_EQ(quotient(x, by), x / by) << x << " / " << by;
  }
}

template <class Format>
void expect_codes_of_short(float x, float scale) {
  Divisor divisor(scale);
  uint32_t pair = code_pair(Format{}, divisor.of_short()(x), divisor.of_short()(-x));
  uint32_t expected = Format::code(x, scale) | uint32_t{Format::code(-x, scale)} << 8;
  ASSERT_EQ(pair, expected) << x << " / " << scale;
}

TEST(Quotients, EveryShortNumberUnderEveryScale) {
  for (uint16_t mantissa = 0; mantissa < 128; mantissa++) {
    float scale = from_bf16(static_cast<uint16_t>(0x3f80 | mantissa));
    for (bool f16 : {false, true}) {
      for (uint32_t bits = 0; bits < 0x7c00; bits++) {
        auto short_bits = static_cast<uint16_t>(bits);
        float x = f16 ? from_f16(short_bits) : from_bf16(short_bits);
        if (!(x <= 512 * scale)) break;
        ASSERT_NO_FATAL_FAILURE(expect_codes<formats::Fp8>(x, scale));
        ASSERT_NO_FATAL_FAILURE(expect_codes<formats::Int8>(x, scale));
        ASSERT_NO_FATAL_FAILURE(expect_codes_of_short<formats::Fp8>(x, scale));
        ASSERT_NO_FATAL_FAILURE(expect_codes_of_short<formats::Int8>(x, scale));
      }
    }
  }
}

TEST(Quotients, OfAnyNumberAndSum) {
  Random random(3);
  for (int i = 0; i < 2000000; i++) {
    float by = std::ldexp(1 + random.uniform(), random.below(24));
    float x = std::ldexp(random.uniform(), -random.below(140));
    ASSERT_EQ(quotient_of_any(x, by, 1 / by), x / by) << x << " / " << by;
  }
  EXPECT_EQ(bits_of(quotient_of_any(0.f, 3.f, 1 / 3.f)), 0u);
}

TEST(Quotients, Ties) {
  for (int code = 0; code < 2 * 448; code++) {
    for (float scale : {1.f, 0.75f, 0x1.fcp-7f, 0x1p-70f, 0x1p90f}) {
      for (float step : {0x1p-10f, 0x1p-5f, 0.5f}) {
        float x = static_cast<float>(code) * step * scale;
        ASSERT_NO_FATAL_FAILURE(expect_codes<formats::Fp8>(x, scale));
        ASSERT_NO_FATAL_FAILURE(expect_codes<formats::Int8>(x, scale));
      }
    }
  }
}

TEST(Quotients, Infinities) {
  ASSERT_NO_FATAL_FAILURE(expect_codes<formats::Fp8>(INFINITY, 0x1p120f));
  ASSERT_NO_FATAL_FAILURE(expect_codes<formats::Int8>(INFINITY, 0x1p120f));
}

}  // namespace
}  // namespace trimtab::test
