// Attend of few lines on sm_90a: formats, shapes, masks, splits. Skipped where there is no such
// device.
#include "attend_case.h"

namespace trimtab::test {
namespace {

class AttendDecode : public OnHopper {};

struct Formats {
  int32_t queries, pages;
};
constexpr Formats FORMATS[] = {{TRIMTAB_BF16, TRIMTAB_BF16},     {TRIMTAB_F16, TRIMTAB_F16},
                               {TRIMTAB_BF16, TRIMTAB_FP8_E4M3}, {TRIMTAB_F16, TRIMTAB_FP8_E4M3},
                               {TRIMTAB_BF16, TRIMTAB_INT8},     {TRIMTAB_F16, TRIMTAB_INT8}};

/** Three queries of a group of 4 over two key/value heads with a list each. */
AttendCase with(Formats formats, int head_dim, int page_tokens = 64) {
  AttendCase c;
  c.query_dtype = c.fresh_dtype = formats.queries;
  c.layout = {formats.pages, page_tokens, 1, 2, 2, head_dim, 256 / page_tokens};
  c.history_lengths = {145, 64};
  c.queries = 3;
  c.group = 4;
  c.query_lengths = c.fresh_lengths = {3};
  c.scale = 1 / std::sqrt(static_cast<float>(head_dim));
  return c;
}

TEST_F(AttendDecode, FormatsAndHeadDims) {
  int turn = 0;
  for (Formats formats : FORMATS) {
    for (int head_dim : {16, 64, 96, 128}) {
      for (int page_tokens : {16, 32, 64, 128}) {
        if ((turn++ + head_dim / 32) % 2 == 0) continue;
        SCOPED_TRACE(testing::Message()
                     << "queries " << formats.queries << ", pages of " << formats.pages << ", "
                     << head_dim << ", " << page_tokens);
        AttendCase c = with(formats, head_dim, page_tokens);
        if (turn % 3 == 1) c.mask = TRIMTAB_MASK_CAUSAL;
        if (turn % 3 == 2) c.make_tree();
        c.seed = turn;
        ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
      }
    }
  }
}

/** Rows of any lengths, ends within a tile and not, rows that see nothing, all heads in a page. */
TEST_F(AttendDecode, Lengths) {
  for (Formats formats : {FORMATS[0], FORMATS[2]}) {
    AttendCase c = with(formats, 64, 16);
    c.layout = {formats.pages, 16, 6, 1, 2, 64, 9};
    c.history_lengths = {0, 1, 63, 64, 65, 144};
    c.group = formats.pages == TRIMTAB_BF16 ? 1 : 2;
    c.queries = 32;
    c.query_lengths = {1, 0, 32, 7, 1, 1};
    c.fresh_lengths = {0, 1, 32, 31, 0, 5};
    ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
  }
}

TEST_F(AttendDecode, OneSourceOnly) {
  for (Formats formats : {FORMATS[1], FORMATS[2]}) {
    AttendCase c = with(formats, 64);
    c.fresh_lengths.clear();
    ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
    c.history_lengths = {0, 0};  // Queries that see nothing.
    ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
  }
  AttendCase c = with(FORMATS[0], 64);
  c.history_lengths.clear();
  attend_and_compare(c, true);
}

/** More tiles than stages, blocks by 512 tokens. */
TEST_F(AttendDecode, Splits) {
  for (Formats formats : {FORMATS[0], FORMATS[2]}) {
    for (int history : {511, 512, 1100}) {
      SCOPED_TRACE(history);
      AttendCase c = with(formats, 128, 32);
      c.layout.pages_of_list = 35;
      c.history_lengths = {history, 7};
      c.queries = 2;
      c.group = 2;
      c.query_lengths = c.fresh_lengths = {2};
      ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
    }
  }
}

/** So many heads that splits are of more than 512 tokens, by the tokens of each row. */
TEST_F(AttendDecode, SplitsOfManyHeads) {
  for (int page_tokens : {16, 128}) {
    AttendCase c = with(FORMATS[page_tokens == 16 ? 2 : 0], 16, page_tokens);
    c.layout = {c.layout.dtype, page_tokens, 2, 1, 64, 16, 1536 / page_tokens};
    c.history_lengths = {1500, 700};
    c.query_lengths = c.fresh_lengths = {3, 1};
    c.group = 1;
    attend_and_compare(c, true);
  }
}

TEST_F(AttendDecode, ARowDoesNotDependOnItsBatch) {
  for (Formats formats : {FORMATS[0], FORMATS[2]}) {
    AttendCase c = with(formats, 64);
    c.layout = {formats.pages, 64, 3, 1, 2, 64, 18};
    c.queries = 1;
    c.history_lengths = {700, 100, 1100};
    c.query_lengths = c.fresh_lengths = {1, 1, 1};
    ASSERT_NO_FATAL_FAILURE(compare_rows_alone(c));
  }
}

/** More pieces of work than blocks that run at a time: rows without tokens between rows with some,
 * of all numbers of tiles. */
TEST_F(AttendDecode, ManyRows) {
  AttendCase c = with(FORMATS[2], 16, 16);
  c.layout = {c.layout.dtype, 16, 136, 1, 1, 16, 6};
  c.queries = 2;
  c.group = 1;
  c.history_lengths.clear();
  c.query_lengths.clear();
  c.fresh_lengths.clear();
  for (int row = 0; row < c.layout.rows; row++) {
    c.history_lengths.push_back(row % 5 == 0 ? 0 : row * 37 % 96);
    c.fresh_lengths.push_back(row % 3);
    c.query_lengths.push_back(row % 7 == 0 ? 1 : 2);
  }
  attend_and_compare(c, true);
}

/** So many lines over codes that tokens are not split, and are more than page ids kept at once. */
TEST_F(AttendDecode, ManyLinesOverCodes) {
  AttendCase c = with(FORMATS[2], 16, 16);
  c.layout = {c.layout.dtype, 16, 1, 1, 1, 16, 66};
  c.history_lengths = {1045};
  c.queries = 520;
  c.group = 1;
  c.query_lengths = {20};
  c.fresh_lengths = {70};
  c.mask = TRIMTAB_MASK_CAUSAL;
  attend_and_compare(c, true);
}

/** Nothing unseen reaches a result: not the rest of a page, not new tokens past a row's. */
TEST_F(AttendDecode, WhatIsPastTheEndIsNotRead) {
  for (Formats formats : FORMATS) {
    AttendCase c = with(formats, 64, 32);
    c.fresh_lengths = {2};
    AttendRun run(c);
    std::vector<unsigned char> poison(run.cache.slab.size(), 0xff);  // NaN but for INT8
    for (int head = 0; head < 2; head++) {
      for (int t = 0; t < c.history_lengths[head]; t++) {
        for (bool value : {false, true}) {
          size_t at = run.cache.codes(0, head, t, value);
          std::copy_n(&run.cache.slab[at], c.layout.head_dim * bytes_of(formats.pages),
                      &poison[at]);
          if (!has_scales(formats.pages)) continue;
          at = run.cache.scale(0, head, t, value);
          std::copy_n(&run.cache.slab[at], 2, &poison[at]);
        }
      }
    }
    run.cache.slab = poison;
    for (int head = 0; head < 2; head++) {
      for (int d = 0; d < c.layout.head_dim; d++) {
        run.k.set(0, head, 2, d, NAN);
        run.v.set(0, head, 2, d, NAN);
      }
    }
    run.to_device();
    ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
    compare_attend(run, true);
  }
}

/** New tokens that a map cannot hold are taken by another kernel. */
TEST_F(AttendDecode, StridesBeyondMaps) {
  AttendCase c = with(FORMATS[0], 64);
  AttendRun run(c);
  run.to_device();
  run.params.fresh.k.stride[0] = int64_t{1} << 40;
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  compare_attend(run, true);
}

/** A bad page id is noted and its tokens count as zeros; pages past the end are not looked at. */
TEST_F(AttendDecode, BadPagesAreNoted) {
  for (Formats formats : {FORMATS[0], FORMATS[2]}) {
    ASSERT_NO_FATAL_FAILURE(compare_with_bad_page(with(formats, 64, 16), {15}));
  }
}

/** The results of a device are the same from launch to launch, whichever copies come first. */
TEST_F(AttendDecode, LaunchedAgain) {
  for (Formats formats : {FORMATS[0], FORMATS[2]}) {
    AttendCase c = with(formats, 128);
    c.layout.pages_of_list = 18;
    c.history_lengths = {1100, 700};
    AttendRun run(c);
    run.to_device();
    ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
    ASSERT_NO_FATAL_FAILURE(compare_attend(run, true));
    std::vector<float> first = run.out.values();
    for (int again = 0; again < 2; again++) {
      ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
      ASSERT_EQ(memcmp(run.out.values().data(), first.data(), 4 * first.size()), 0);
    }
  }
}

}  // namespace
}  // namespace trimtab::test
