// Compact: the bytes of moved tokens, against the bytes they came from or a plain rounding.
#include "compact/compact.cuh"

#include <gtest/gtest.h>

#include "kv_cache.h"

namespace trimtab::test {
namespace {

constexpr int PLACES = 20;

/** Every third token of a head, at most PLACES, from a start of its own. */
std::vector<int32_t> chosen(int tokens, int head, int count) {
  std::vector<int32_t> kept;
  for (int t = head % 3; t < tokens && static_cast<int>(kept.size()) < count; t += 3) {
    kept.push_back(t);
  }
  kept.resize(PLACES, -1);
  return kept;
}

void compact_and_compare(const Layout& from, const Layout& to, bool history, bool fresh, int gap) {
  std::vector<int32_t> lengths(from.rows * from.lists, 31);
  Cache source(from, lengths, 1);
  Vectors k(TRIMTAB_BF16, from.rows, from.heads, 12, from.head_dim, 2, gap);
  Vectors v(TRIMTAB_BF16, from.rows, from.heads, 12, from.head_dim, 3, gap);
  Sources sources;
  if (history) sources.history = &source;
  if (fresh) sources.k = &k;
  if (fresh) sources.v = &v;
  sources.fresh_lengths = {12, 9};
  std::vector<int32_t> indices;
  for (int row = 0; row < from.rows; row++) {
    for (int head = 0; head < from.heads; head++) {
      int count = to.lists == 1 ? 2 + row : 2 + row + head;
      for (int32_t token : chosen(sources.tokens(row, head), head, count)) indices.push_back(token);
    }
  }
  Cache target(to, std::vector<int32_t>(to.rows * to.lists, 0), 4, PLACES);
  std::vector<unsigned char> before = target.slab;
  FreshOnDevice fresh_params(sources);
  OnDevice<int32_t> on_device(indices);
  trimtab_compact_params params{};
  if (history) params.history = source.on_device();
  params.fresh = fresh_params.params;
  params.indices = on_device.tensor(TRIMTAB_I32, {from.rows, from.heads, PLACES});
  params.target = target.on_device();
  ASSERT_NO_FATAL_FAILURE(run(params, workspace_compact, launch_compact));
  target.read_back();
  size_t written = 0;
  for (int row = 0; row < from.rows; row++) {
    for (int head = 0; head < from.heads; head++) {
      const int32_t* kept = &indices[(row * from.heads + head) * PLACES];
      int count = static_cast<int>(std::find(kept, kept + PLACES, -1) - kept);
      EXPECT_EQ(target.length(row, head), count);
      for (int i = 0; i < count; i++) {
        for (bool value : {false, true}) {
          std::vector<float> expected = sources.vector(row, head, kept[i], value);
          std::vector<float> actual = target.vector(row, head, i, value);
          bool paged = kept[i] < sources.history_tokens(row, head);
          if (!has_scales(to.dtype) || (paged && from.dtype == to.dtype)) {
            ASSERT_EQ(actual, expected) << "row " << row << " head " << head << " place " << i;
          }
          float most = 0;
          for (float x : expected) most = std::fmax(most, std::fabs(x));
          for (size_t d = 0; d < expected.size(); d++) {
            ASSERT_NEAR(actual[d], expected[d], most / 16) << "row " << row << " place " << i;
          }
          written += to.head_dim * bytes_of(to.dtype) + (has_scales(to.dtype) ? 2 : 0);
        }
      }
    }
  }
  size_t changed = 0;
  for (size_t i = 0; i < before.size(); i++) changed += before[i] != target.slab[i];
  EXPECT_LE(changed, written);
}

TEST(Compact, CodesAndNumbersOfOneFormat) {
  for (int32_t dtype : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16, TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
    SCOPED_TRACE(dtype);
    Layout layout;
    layout.dtype = dtype;
    compact_and_compare(layout, layout, true, false, 0);
    compact_and_compare(layout, layout, true, true, 0);
  }
}

TEST(Compact, OneFormatIntoAnother) {
  for (int32_t from : {TRIMTAB_BF16, TRIMTAB_FP8_E4M3}) {
    for (int32_t to : {TRIMTAB_F32, TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
      SCOPED_TRACE(testing::Message() << from << " into " << to);
      Layout source;
      source.dtype = from;
      Layout target = source;
      target.dtype = to;
      compact_and_compare(source, target, true, true, 5);
    }
  }
}

TEST(Compact, NewTokensOnly) { compact_and_compare({}, {}, false, true, 0); }

TEST(Compact, OtherPagesAndLists) {
  for (int head_dim : {8, 24, 128, 256}) {
    Layout source{TRIMTAB_INT8, 16, 2, 3, 3, head_dim, 4};
    Layout target{TRIMTAB_INT8, 32, 2, 3, 3, head_dim, 4};
    compact_and_compare(source, target, true, true, 0);
    target.lists = 1;
    compact_and_compare(source, target, true, true, 0);
  }
}

trimtab_status_word note_of(std::vector<int32_t> indices, int bad_source_page,
                            int bad_target_page) {
  Layout layout;
  layout.heads = 2;
  Cache source(layout, {31, 20}, 1);
  Cache target(layout, {0, 0}, 4, 4);
  if (bad_source_page >= 0) source.table[bad_source_page] = layout.pages();
  if (bad_target_page >= 0) target.table[bad_target_page] = -1;
  OnDevice<int32_t> on_device(indices);
  trimtab_compact_params params{};
  params.history = source.on_device();
  params.indices = on_device.tensor(TRIMTAB_I32, {2, 2, 3});
  params.target = target.on_device();
  Status status;
  run(params, workspace_compact, launch_compact, status);
  target.read_back();
  return status.value();
}

TEST(Compact, BadValuesAreNoted) {
  std::vector<int32_t> good = {0, 30, -1, 1, 2, -1, 0, 19, -1, 3, 4, -1};
  EXPECT_EQ(note_of(good, -1, -1).operation, 0u);
  std::vector<int32_t> indices = good;
  indices[7] = 20;
  trimtab_status_word word = note_of(indices, -1, -1);
  EXPECT_EQ(word.argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_INDICES));
  EXPECT_EQ(word.index, 7);
  EXPECT_EQ(word.high, 19);
  indices = good;
  indices[1] = -1;
  indices[2] = 5;
  word = note_of(indices, -1, -1);
  EXPECT_EQ(word.argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_INDICES));
  indices = good;
  indices[5] = 7;
  EXPECT_EQ(note_of(indices, -1, -1).problem, static_cast<uint32_t>(TRIMTAB_PROBLEM_UNEQUAL));
  EXPECT_EQ(note_of(good, 1, -1).argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_HISTORY_TABLE));
  EXPECT_EQ(note_of(good, -1, 4).argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_TARGET_TABLE));
}

}  // namespace
}  // namespace trimtab::test
