// Quantised rows against the definition, code by code, and copies of rows.
#include "quantize/quantize.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "pack/pack.cuh"
#include "weights.h"

namespace trimtab::test {
namespace {

/** Rounds to BF16 by trying both neighbours. */
uint32_t nearest_bf16(double x) {
  uint32_t below = float_to_bits(static_cast<float>(x)) >> 16;
  while (number_of(TRIMTAB_BF16, below) > x) below--;
  while (number_of(TRIMTAB_BF16, below + 1) <= x) below++;
  double low = x - number_of(TRIMTAB_BF16, below);
  double high = number_of(TRIMTAB_BF16, below + 1) - x;
  return low < high || (low == high && below % 2 == 0) ? below : below + 1;
}

/** The code whose number is nearest to a quotient, ties to the even code; 0 under no scale. */
uint32_t nearest_code(int32_t format, float quotient) {
  if (format != TRIMTAB_FP8_E4M3) {
    float top = format == TRIMTAB_INT8 ? 127 : 7;
    auto code = static_cast<int>(std::nearbyint(std::clamp(quotient, -top, top)));
    return static_cast<uint32_t>(code) & (format == TRIMTAB_INT8 ? 0xff : 0xf);
  }
  uint32_t best = 0;
  for (uint32_t code = 1; code < 0x7f; code++) {
    double distance = std::abs(std::abs(quotient) - number_of(format, code));
    double nearest = std::abs(std::abs(quotient) - number_of(format, best));
    if (distance < nearest || (distance == nearest && code % 2 == 0)) best = code;
  }
  return best | (std::signbit(quotient) ? 0x80 : 0);
}

void expect_quantised(int32_t format, int32_t from, int columns, int groups,
                      const std::vector<uint32_t>& bits) {
  int rows = static_cast<int>(bits.size()) / columns;
  int group = columns / groups;
  bool nibbles = format == TRIMTAB_INT4;
  OnDevice<unsigned char> weight(packed_bits(from, bits));
  OnDevice<unsigned char> codes(nibbles ? bits.size() / 2 : bits.size(), 0x5c);
  OnDevice<uint16_t> scales(static_cast<size_t>(rows) * groups, 0x1234);
  OnDevice<trimtab_status_word> status(1, trimtab_status_word{});
  trimtab_quantize_params params{};
  params.common.status = status.data();
  params.weight = weight.tensor(from, {rows, columns});
  params.rows.format = format;
  params.rows.codes =
      codes.tensor(nibbles ? TRIMTAB_INT8 : format, {rows, nibbles ? columns / 2 : columns});
  params.rows.scales = scales.tensor(TRIMTAB_BF16, {rows, groups});
  ASSERT_EQ(workspace_quantize(params), 0u);
  ASSERT_EQ(launch_quantize(params, nullptr), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  std::vector<unsigned char> code_bytes = codes.values();
  std::vector<uint16_t> scale_bits = scales.values();
  float top = format == TRIMTAB_FP8_E4M3 ? 448.f : format == TRIMTAB_INT8 ? 127.f : 7.f;
  for (int i = 0; i < rows * groups; i++) {
    float max = 0;
    for (int j = i * group; j < (i + 1) * group; j++) {
      float x = std::abs(number_of(from, bits[j]));
      max = std::isnan(x) || std::isnan(max) ? NAN : std::max(max, x);
    }
    float quotient = std::min(max, 3.4028235e38f) / top;
    uint32_t scale = std::isnan(max) ? 0x7fc0 : nearest_bf16(quotient);
    EXPECT_EQ(scale_bits[i], scale) << "scale " << i;
    float wide = number_of(TRIMTAB_BF16, scale);
    for (int j = i * group; j < (i + 1) * group; j++) {
      uint32_t wanted = wide > 0 ? nearest_code(format, number_of(from, bits[j]) / wide) : 0;
      uint32_t got = nibbles ? code_bytes[j / 2] >> 4 * (j % 2) & 15 : code_bytes[j];
      EXPECT_EQ(got, wanted) << "code " << j << " of " << number_of(from, bits[j]);
    }
  }
}

TEST(Quantize, EveryFormatAndGroup) {
  struct {
    int32_t format;
    int columns;
    int groups;
  } cases[] = {{TRIMTAB_FP8_E4M3, 300, 1}, {TRIMTAB_FP8_E4M3, 33, 1}, {TRIMTAB_INT8, 256, 2},
               {TRIMTAB_INT8, 35, 7},      {TRIMTAB_INT8, 520, 1},    {TRIMTAB_INT4, 256, 2},
               {TRIMTAB_INT4, 30, 6},      {TRIMTAB_INT4, 600, 1},    {TRIMTAB_INT4, 2, 2}};
  Random random(3);
  for (auto [format, columns, groups] : cases) {
    for (int32_t from : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16}) {
      SCOPED_TRACE(testing::Message() << format << " of " << from << ", " << columns);
      std::vector<uint32_t> bits(static_cast<size_t>(9) * columns);
      for (uint32_t& element : bits) element = random_bits(from, random);
      expect_quantised(format, from, columns, groups, bits);
    }
  }
}

TEST(Quantize, ZerosInfinitiesNoNumbersAndTheSmallest) {
  for (int32_t format : {TRIMTAB_FP8_E4M3, TRIMTAB_INT8, TRIMTAB_INT4}) {
    std::vector<uint32_t> bits;
    for (float x : {0.f,    -0.f,    0.f,    0.f, INFINITY,      1.f,     -INFINITY, 0.f,
                    NAN,    1.f,     2.f,    3.f, 1e-45f,        -3e-45f, 0.f,       1e-44f,
                    1e-38f, -1e-39f, 3e-39f, 0.f, 3.4028235e38f, -1e38f,  1e30f,     0.5f}) {
      bits.push_back(float_to_bits(x));
    }
    expect_quantised(format, TRIMTAB_F32, 4, 1, bits);
  }
}

TEST(Quantize, TiesGoToTheEvenCode) {
  // The largest is the top code itself, so the scale is 1 and quotients are the weights.
  std::vector<uint32_t> bits;
  for (float x : {7.f, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, 3.5f, -6.5f}) {
    bits.push_back(float_to_bits(x));
  }
  expect_quantised(TRIMTAB_INT4, TRIMTAB_F32, 8, 1, bits);
}

TEST(Pack, CopiesRowsAndScalesOfAnyAlignment) {
  for (int32_t format : {TRIMTAB_F32, TRIMTAB_BF16, TRIMTAB_FP8_E4M3, TRIMTAB_INT8, TRIMTAB_INT4}) {
    for (int columns : {2, 64, 258}) {
      SCOPED_TRACE(testing::Message() << "format " << format << ", columns " << columns);
      Weights from(format, 50, columns, 1, TRIMTAB_BF16, 4, columns == 2 ? 4 : 0);
      Weights to(format, 6, columns, 1, TRIMTAB_BF16, 5);
      OnDevice<int32_t> ids(std::vector<int32_t>{49, 0, 7, 7, 50, 3});
      OnDevice<trimtab_status_word> status(1, trimtab_status_word{});
      trimtab_pack_params params{};
      params.common.status = status.data();
      params.from = from.params();
      params.ids = ids.tensor(TRIMTAB_I32, {6});
      params.to = to.params();
      ASSERT_EQ(workspace_pack(params), 0u);
      ASSERT_EQ(launch_pack(params, nullptr), cudaSuccess);
      ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
      std::vector<int32_t> rows = ids.values();
      for (int i = 0; i < 6; i++) {
        for (int column = 0; column < columns; column++) {
          // The id that no row has leaves what was there.
          float wanted = i == 4 ? to(i, column) : from(rows[i], column);
          ASSERT_EQ(to.now(i, column), wanted) << "row " << i << ", column " << column;
        }
      }
      trimtab_status_word noted = status.values()[0];
      EXPECT_EQ(noted.operation, uint32_t{TRIMTAB_OPERATION_PACK});
      EXPECT_EQ(noted.argument, uint32_t{TRIMTAB_ARGUMENT_IDS});
      EXPECT_EQ(noted.index, 4);
      EXPECT_EQ(noted.value, 50);
      EXPECT_EQ(noted.high, 49);
    }
  }
}

}  // namespace
}  // namespace trimtab::test
