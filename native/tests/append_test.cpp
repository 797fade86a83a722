// Append: what lies in pages afterwards, against a plain rounding; everything else untouched.
#include "append/append.cuh"

#include <gtest/gtest.h>

#include "kv_cache.h"

namespace trimtab::test {
namespace {

/** The code nearest to a quotient, of two the even one, by trying all. */
unsigned char nearest_code(int32_t dtype, float quotient) {
  int best = 0;
  double distance = INFINITY;
  for (int code = 0; code < 256; code++) {
    auto byte = static_cast<unsigned char>(code);
    double value = number(dtype, &byte);
    if (std::isnan(value) || code == 0x80) continue;  // -0 of FP8, -128 of INT8
    double d = std::fabs(value - std::clamp<double>(quotient, -1e6, 1e6));
    if (d < distance || (d == distance && code % 2 == 0)) {
      best = code;
      distance = d;
    }
  }
  bool minus_zero = dtype == TRIMTAB_FP8_E4M3 && best == 0 && std::signbit(quotient);
  return static_cast<unsigned char>(minus_zero ? 0x80 : best);
}

/** Writes one vector into a cache's bytes as its format rounds. */
void write(Cache& cache, size_t codes, size_t scale, const std::vector<float>& x) {
  int32_t dtype = cache.layout.dtype;
  if (!has_scales(dtype)) {
    for (size_t d = 0; d < x.size(); d++) {
      put_number(dtype, x[d], &cache.slab[codes + d * bytes_of(dtype)]);
    }
    return;
  }
  float most = 0;
  bool nan = false;
  for (float value : x) {
    most = std::fmax(most, std::fabs(value));
    nan |= std::isnan(value);
  }
  float top = dtype == TRIMTAB_FP8_E4M3 ? 448.f : 127.f;
  float rounded = from_bf16(to_bf16(std::fmin(most, 3.4028235e38f) / top));
  put_number(TRIMTAB_BF16, nan ? NAN : rounded, &cache.slab[scale]);
  for (size_t d = 0; d < x.size(); d++) {
    bool zero = nan || rounded == 0;
    cache.slab[codes + d] = zero ? 0 : nearest_code(dtype, x[d] / rounded);
  }
}

void append_and_compare(const Layout& layout, int32_t dtype, int gap,
                        const std::vector<int32_t>& counts, void (*spoil)(Vectors&) = nullptr) {
  int capacity = layout.pages_of_list * layout.page_tokens;
  std::vector<int32_t> lengths(layout.rows * layout.lists);
  for (size_t i = 0; i < lengths.size(); i++) lengths[i] = static_cast<int32_t>(7 * i % 23);
  Cache cache(layout, lengths, 5, capacity);
  int most = *std::max_element(counts.begin(), counts.end());
  Vectors k(dtype, layout.rows, layout.heads, most, layout.head_dim, 6, gap);
  Vectors v(dtype, layout.rows, layout.heads, most, layout.head_dim, 7, gap);
  if (spoil != nullptr) spoil(k);
  FreshOnDevice fresh({nullptr, &k, &v, counts});
  trimtab_append_params params{};
  params.fresh = fresh.params;
  params.target = cache.on_device();
  ASSERT_NO_FATAL_FAILURE(run(params, workspace_append, launch_append));
  Cache expected = Cache(layout, lengths, 5, capacity);
  for (int row = 0; row < layout.rows; row++) {
    for (int head = 0; head < layout.heads; head++) {
      for (int t = 0; t < counts[row]; t++) {
        int place = expected.length(row, head) + t;
        for (bool value : {false, true}) {
          write(expected, expected.codes(row, head, place, value),
                expected.scale(row, head, place, value), (value ? v : k).vector(row, head, t));
        }
      }
    }
  }
  for (int i = 0; i < layout.rows * layout.lists; i++) {
    expected.lengths[i] += counts[i / layout.lists];
  }
  cache.read_back();
  EXPECT_EQ(cache.lengths, expected.lengths);
  EXPECT_EQ(cache.slab, expected.slab);
}

TEST(Append, EveryFormatFromEveryFormat) {
  for (int32_t from : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16}) {
    for (int32_t to : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16, TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
      SCOPED_TRACE(testing::Message() << "from " << from << " to " << to);
      Layout layout;
      layout.dtype = to;
      append_and_compare(layout, from, 0, {5, 17});
      append_and_compare(layout, from, 3, {5, 0});
    }
  }
}

TEST(Append, HeadDimsAndPageSizes) {
  for (int head_dim : {8, 40, 64, 128, 256}) {
    for (int tokens : {16, 32, 128}) {
      SCOPED_TRACE(testing::Message() << "head dim " << head_dim << ", pages of " << tokens);
      Layout layout{TRIMTAB_INT8, tokens, 2, 2, 2, head_dim, 3};
      append_and_compare(layout, TRIMTAB_BF16, 0, {1, 19});
    }
  }
}

TEST(Append, ZerosInfinitiesAndNan) {
  for (int32_t to : {TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
    Layout layout;
    layout.dtype = to;
    append_and_compare(layout, TRIMTAB_F32, 0, {3, 3}, [](Vectors& k) {
      for (int d = 0; d < 32; d++) k.set(0, 0, 0, d, 0);
      k.set(0, 1, 1, 3, INFINITY);
      k.set(1, 2, 2, 4, NAN);
    });
  }
}

TEST(Append, NothingToAppend) { append_and_compare({}, TRIMTAB_F32, 0, {0, 0}); }

/** What a bad value leads to: its note, and lists that keep their lengths. */
void expect_note(const Layout& layout, std::vector<int32_t> lengths, std::vector<int32_t> counts,
                 int bad_page, uint32_t argument, int64_t index, int64_t value) {
  Cache cache(layout, lengths, 5, layout.pages_of_list * layout.page_tokens);
  if (bad_page >= 0) cache.table[bad_page] = layout.pages();
  Vectors k(TRIMTAB_BF16, layout.rows, layout.heads, 20, layout.head_dim, 6);
  Vectors v(TRIMTAB_BF16, layout.rows, layout.heads, 20, layout.head_dim, 7);
  FreshOnDevice fresh({nullptr, &k, &v, counts});
  trimtab_append_params params{};
  params.fresh = fresh.params;
  params.target = cache.on_device();
  Status status;
  ASSERT_NO_FATAL_FAILURE(run(params, workspace_append, launch_append, status));
  trimtab_status_word word = status.value();
  EXPECT_EQ(word.operation, static_cast<uint32_t>(TRIMTAB_OPERATION_APPEND));
  EXPECT_EQ(word.argument, argument);
  EXPECT_EQ(word.index, index);
  EXPECT_EQ(word.value, value);
  cache.read_back();  // fails where anything outside the slab was written
}

TEST(Append, BadValuesAreNoted) {
  Layout layout;
  expect_note(layout, {63, 3}, {2, 5}, -1, TRIMTAB_ARGUMENT_TARGET_LENGTHS, 0, 63);
  expect_note(layout, {3, -1}, {2, 5}, -1, TRIMTAB_ARGUMENT_TARGET_LENGTHS, 1, -1);
  expect_note(layout, {3, 3}, {2, 21}, -1, TRIMTAB_ARGUMENT_FRESH_LENGTHS, 1, 21);
  expect_note(layout, {3, 16}, {2, 5}, 5, TRIMTAB_ARGUMENT_TARGET_TABLE, 5, layout.pages());
}

}  // namespace
}  // namespace trimtab::test
