// Attend on sm_90a: formats, shapes, masks, splits. Skipped where there is no such device.
#include "attend_case.h"

namespace trimtab::test {
namespace {

class AttendHopper : public OnHopper {};

/** 70 queries over one key/value head, which is not split, in two blocks of 128 lines. */
AttendCase with(int32_t format, int head_dim, int page_tokens = 64) {
  AttendCase c;
  c.query_dtype = c.fresh_dtype = format;
  c.layout = {format, page_tokens, 1, 1, 1, head_dim, 512 / page_tokens};
  c.history_lengths = {300};
  c.queries = 70;
  c.group = 2;
  c.query_lengths = c.fresh_lengths = {70};
  c.scale = 1 / std::sqrt(static_cast<float>(head_dim));
  return c;
}

TEST_F(AttendHopper, FormatsAndHeadDims) {
  for (int32_t format : {TRIMTAB_BF16, TRIMTAB_F16}) {
    for (int head_dim : {16, 64, 96, 128}) {
      SCOPED_TRACE(testing::Message() << "format " << format << ", " << head_dim);
      AttendCase c = with(format, head_dim);
      c.seed = head_dim;
      ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
    }
  }
}

/** Pages of every size, rows and heads of any lengths; what ends within a tile and what does not.
 */
TEST_F(AttendHopper, PagesAndLengths) {
  for (int page_tokens : {16, 32, 64, 128}) {
    SCOPED_TRACE(page_tokens);
    AttendCase c = with(TRIMTAB_BF16, 64, page_tokens);
    c.layout = {TRIMTAB_BF16, page_tokens, 3, 2, 2, 64, 384 / page_tokens};
    c.history_lengths = {0, 1, 127, 128, 129, 256};
    c.queries = 66;
    c.group = 1;
    c.query_lengths = {66, 1, 65};
    c.fresh_lengths = {66, 0, 3};
    ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
  }
}

TEST_F(AttendHopper, Masks) {
  for (int group : {1, 4}) {
    SCOPED_TRACE(group);
    AttendCase c = with(TRIMTAB_F16, 64);
    c.group = group;
    c.queries = 150 / group;
    c.mask = TRIMTAB_MASK_CAUSAL;
    c.query_lengths = c.fresh_lengths = {c.queries};
    ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
    c.history_lengths.clear();
    ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
  }
  AttendCase c = with(TRIMTAB_BF16, 128);
  c.queries = 64;
  c.query_lengths = c.fresh_lengths = {61};
  c.make_tree();
  attend_and_compare(c, true);
}

TEST_F(AttendHopper, OneSourceOnly) {
  AttendCase c = with(TRIMTAB_BF16, 64);
  c.history_lengths.clear();
  attend_and_compare(c, true);
  c = with(TRIMTAB_BF16, 64);
  c.fresh_lengths.clear();
  attend_and_compare(c, true);
  c.history_lengths = {0};  // Queries that see nothing.
  attend_and_compare(c, true);
}

TEST_F(AttendHopper, ScalesOfEitherSign) {
  for (float scale : {-0.3f, 1e-30f, 4.f}) {
    AttendCase c = with(TRIMTAB_F16, 64);
    c.scale = scale;
    ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
  }
}

/** Up to 512 lines share tokens by 2048. */
TEST_F(AttendHopper, Splits) {
  for (int history : {2047, 2048}) {
    SCOPED_TRACE(history);
    AttendCase c = with(TRIMTAB_BF16, 16, 128);
    c.layout.pages_of_list = 18;
    c.history_lengths = {history};
    c.queries = 65;
    c.group = 1;
    c.query_lengths = c.fresh_lengths = {2};
    ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
  }
}

/** Nothing unseen reaches a result: not the rest of a page, not new tokens past a row's. */
TEST_F(AttendHopper, WhatIsPastTheEndIsNotRead) {
  for (int32_t format : {TRIMTAB_BF16, TRIMTAB_F16}) {
    AttendCase c = with(format, 64);
    c.fresh_lengths = {9};
    AttendRun run(c);
    std::vector<unsigned char> poison(run.cache.slab.size(), 0xff);  // NaN in every format
    for (int t = 0; t < c.history_lengths[0]; t++) {
      for (bool value : {false, true}) {
        size_t at = run.cache.codes(0, 0, t, value);
        std::copy_n(&run.cache.slab[at], c.layout.head_dim * bytes_of(format), &poison[at]);
      }
    }
    run.cache.slab = poison;
    for (int t = c.fresh_lengths[0]; t < c.queries; t++) {
      for (int d = 0; d < c.layout.head_dim; d++) {
        run.k.set(0, 0, t, d, NAN);
        run.v.set(0, 0, t, d, NAN);
      }
    }
    run.to_device();
    ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
    compare_attend(run, true);
  }
}

/** Whole tiles of every page size, where a part of the columns' room is not the head's and where
 * none is, and rows whose tokens end in the same tile but not at the same place. */
TEST_F(AttendHopper, WholeTiles) {
  for (int page_tokens : {16, 128}) {
    for (int head_dim : {96, 128}) {
      SCOPED_TRACE(testing::Message() << page_tokens << " tokens a page, " << head_dim);
      AttendCase c = with(TRIMTAB_F16, head_dim, page_tokens);
      c.layout = {TRIMTAB_F16, page_tokens, 2, 1, 1, head_dim, 128 / page_tokens};
      c.history_lengths = {128, 127};
      c.queries = 129;
      c.group = 1;
      c.query_lengths = {66, 3};
      c.fresh_lengths = {129, 128};
      ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
    }
  }
}

/** So many lines that 64 columns are taken by tiles of other keys; most lines are of no query. */
TEST_F(AttendHopper, ManyLines) {
  AttendCase c = with(TRIMTAB_BF16, 64, 128);
  c.history_lengths = {389};
  c.queries = 260;
  c.query_lengths = {40};
  c.fresh_lengths = {200};
  attend_and_compare(c, true);
}

/** More pieces of work than blocks that run at a time: rows without tokens between rows with some.
 */
TEST_F(AttendHopper, ManyRows) {
  AttendCase c = with(TRIMTAB_BF16, 16);
  c.layout = {TRIMTAB_BF16, 64, 70, 1, 2, 16, 2};
  c.queries = 65;
  c.group = 1;
  c.history_lengths.clear();
  c.query_lengths.clear();
  c.fresh_lengths.clear();
  for (int row = 0; row < c.layout.rows; row++) {
    bool some = row < 4 || row >= 66;
    c.history_lengths.push_back(some ? 100 + row % 7 * 3 : 0);
    c.fresh_lengths.push_back(some ? row % 66 : 0);
    c.query_lengths.push_back(some ? 65 : 1);
  }
  attend_and_compare(c, true);
}

/** New tokens with the heads inside, as projections leave them, and strides past what a map holds.
 */
TEST_F(AttendHopper, NewTokensOfAnyStrides) {
  AttendCase c = with(TRIMTAB_BF16, 64);
  c.layout.heads = 2;
  c.queries = 140;
  c.query_lengths = c.fresh_lengths = {140};
  AttendRun run(c);
  Vectors inside(c.fresh_dtype, 1, c.queries, c.layout.heads, 64, 1);
  for (int head = 0; head < c.layout.heads; head++) {
    for (int t = 0; t < c.queries; t++) {
      for (int d = 0; d < 64; d++) inside.set(0, t, head, d, run.v.at(0, head, t, d));
    }
  }
  run.to_device();
  trimtab_tensor& v = run.params.fresh.v;
  v = inside.on_device();
  std::swap(v.size[1], v.size[2]);
  std::swap(v.stride[1], v.stride[2]);
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  compare_attend(run, true);
  std::vector<float> mapped = run.out.values();
  run.params.fresh.k.stride[0] = int64_t{1} << 40;
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  EXPECT_EQ(run.out.values(), mapped);
}

/** A line that begins at an odd multiple of 4 bytes. */
TEST_F(AttendHopper, ResultsOfAnyAlignment) {
  AttendRun run(with(TRIMTAB_BF16, 64));
  run.to_device();
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  std::vector<float> aligned = run.out.values();
  OnDevice<float> odd(aligned.size() + 1, -7.f);
  run.params.out.data = odd.data() + 1;
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  std::vector<float> out = odd.values();
  EXPECT_EQ(std::vector<float>(out.begin() + 1, out.end()), aligned);
}

/** A bad page id is noted and its tokens count as zeros; the rest of memory stays untouched. */
TEST_F(AttendHopper, BadPagesAreNoted) { compare_with_bad_page(with(TRIMTAB_BF16, 64), {}); }

/** The results of a device are the same from launch to launch. */
TEST_F(AttendHopper, LaunchedAgain) {
  AttendRun run(with(TRIMTAB_BF16, 128));
  run.to_device();
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  std::vector<float> first = run.out.values();
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  EXPECT_EQ(memcmp(run.out.values().data(), first.data(), 4 * first.size()), 0);
}

}  // namespace
}  // namespace trimtab::test
