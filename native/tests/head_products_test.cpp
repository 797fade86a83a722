// Heads of 9 to 64 vectors, which tensor cores multiply, against binary64.
#include <array>
#include <utility>

#include "head_case.h"

namespace trimtab::test {
namespace {

/** Runs a case of more than 8 vectors: each logit is as near to binary64's as a plain dot product
   in binary32 may be, twice over, and the rest follows from the logits. */
void expect_near_here(const HeadCase& c) {
  PreparedHead prepared(c);
  HeadResults results = prepared();
  EXPECT_EQ(results.status.operation, 0u);
  int count = c.count.value_or(prepared.capacity());
  double error = 0;
  double plain_error = 0;
  for (int vector = 0; vector < c.vectors; vector++) {
    const float* logits = &results.logits[vector * prepared.capacity()];
    for (int place = 0; place < prepared.capacity(); place++) {
      if (place >= count) {
        EXPECT_EQ(logits[place], -INFINITY);
        continue;
      }
      int row = c.ids && !c.packed ? (*c.ids)[place] : place;
      double exact = 0;
      float plain = 0;
      for (int i = 0; i < c.columns; i++) {
        float weight = prepared.weight(row, i);
        float x = prepared.hidden(vector, i);
        exact += static_cast<double>(weight) * x;
        plain += weight * x;
      }
      error = std::max(error, std::abs(logits[place] - exact));
      plain_error = std::max(plain_error, std::abs(plain - exact));
    }
    std::vector<float> all(logits, logits + count);
    std::vector<int> places = ranking(all);
    for (int i = 0; i < c.top; i++) {
      EXPECT_EQ(results.ids[vector * c.top + i], c.ids ? (*c.ids)[places[i]] : places[i]);
      same_bits(results.values[vector * c.top + i], all[places[i]], "values", vector, i);
    }
    if (c.log_sum_exp) {
      same_bits(results.log_sum_exp[vector], log_sum_exp(all), "logSumExp", vector, 0);
    }
  }
  EXPECT_LE(error, 2 * plain_error);
}

void expect_near(const HeadCase& c) {
  on_each_device([&] { expect_near_here(c); });
}

TEST(HeadProducts, EveryFormat) {
  struct {
    int32_t format;
    int32_t hidden_format;
    int columns;
    int groups;
  } cases[] = {
      {TRIMTAB_F32, TRIMTAB_F32, 96, 1},       {TRIMTAB_F32, TRIMTAB_BF16, 68, 1},
      {TRIMTAB_F16, TRIMTAB_F16, 136, 1},      {TRIMTAB_F16, TRIMTAB_BF16, 35, 1},
      {TRIMTAB_F16, TRIMTAB_F32, 64, 1},       {TRIMTAB_BF16, TRIMTAB_BF16, 264, 1},
      {TRIMTAB_BF16, TRIMTAB_F32, 161, 1},     {TRIMTAB_BF16, TRIMTAB_F16, 40, 1},
      {TRIMTAB_FP8_E4M3, TRIMTAB_BF16, 83, 1}, {TRIMTAB_INT8, TRIMTAB_BF16, 256, 2},
      {TRIMTAB_INT8, TRIMTAB_F16, 192, 6},     {TRIMTAB_INT8, TRIMTAB_BF16, 60, 3},
      {TRIMTAB_INT4, TRIMTAB_BF16, 256, 2},    {TRIMTAB_INT4, TRIMTAB_F32, 70, 1},
  };
  int seen = 0;
  for (auto [format, hidden_format, columns, groups] : cases) {
    int vectors = std::array{9, 16, 17, 64, 63}[seen++ % 5];
    SCOPED_TRACE(testing::Message() << "format " << format << " by " << hidden_format << ", "
                                    << vectors << " vectors of " << columns);
    HeadCase c;
    c.format = format;
    c.hidden_format = hidden_format;
    c.columns = columns;
    c.groups = groups;
    c.vectors = vectors;
    c.matrix_rows = 150;
    c.ids = every_other(75);
    c.count = 70;
    c.top = 5;
    c.log_sum_exp = true;
    expect_near(c);
  }
}

// Lists of the highest that leave static shared memory no room beside two stages, on devices of
// 99 KiB a block: fewer vectors at a time are multiplied then.
TEST(HeadProducts, ListsThatFillSharedMemory) {
  for (auto [vectors, top] : {std::pair{32, 4}, std::pair{64, 2}}) {
    SCOPED_TRACE(testing::Message() << vectors << " vectors, top " << top);
    HeadCase c;
    c.vectors = vectors;
    c.top = top;
    expect_near(c);
  }
}

TEST(HeadProducts, LargeTiles) {
  HeadCase c;
  c.format = TRIMTAB_INT4; /* small enough for tiles of 128 rows in any shared memory */
  c.vectors = 20;
  c.columns = 64;
  c.matrix_rows = 700;
  c.top = 3;
  c.log_sum_exp = true;
  expect_near(c);
}

}  // namespace
}  // namespace trimtab::test
