// Attend on tensor cores: formats, shapes, masks, splits.
#include "attend_case.h"

namespace trimtab::test {
namespace {

struct Formats {
  int32_t queries, pages;
};
constexpr Formats FORMATS[] = {{TRIMTAB_BF16, TRIMTAB_BF16},     {TRIMTAB_F16, TRIMTAB_F16},
                               {TRIMTAB_BF16, TRIMTAB_FP8_E4M3}, {TRIMTAB_F16, TRIMTAB_FP8_E4M3},
                               {TRIMTAB_BF16, TRIMTAB_INT8},     {TRIMTAB_F16, TRIMTAB_INT8}};

AttendCase with(Formats formats, int head_dim, int page_tokens = 16) {
  AttendCase c;
  c.query_dtype = c.fresh_dtype = formats.queries;
  c.layout = {formats.pages, page_tokens, 2, 1, 1, head_dim, 80 / page_tokens + 1};
  c.history_lengths = {18, 70};
  c.scale = 1 / std::sqrt(static_cast<float>(head_dim));
  return c;
}

TEST(AttendTiles, FormatsAndHeadDims) {
  int turn = 0;
  for (Formats formats : FORMATS) {
    for (int head_dim : {64, 96, 128, 256}) {
      for (int queries : {9, 40}) {
        if (queries == 40 && head_dim == 96) continue;  // the kernel of 128
        SCOPED_TRACE(testing::Message() << "queries " << queries << " of format " << formats.queries
                                        << ", pages of " << formats.pages << ", " << head_dim);
        AttendCase c = with(formats, head_dim, 16 << turn % 4);
        c.queries = queries;
        c.group = 1;
        c.query_lengths = c.fresh_lengths = {queries, queries / 2};
        if (turn % 3 == 1) c.mask = TRIMTAB_MASK_CAUSAL;
        if (turn % 3 == 2) c.make_tree();
        c.seed = turn++;
        ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
      }
    }
  }
}

TEST(AttendTiles, GroupsAndLists) {
  for (int group : {1, 2, 4, 8}) {
    for (int mask : {TRIMTAB_MASK_NONE, TRIMTAB_MASK_CAUSAL, TRIMTAB_MASK_TREE}) {
      SCOPED_TRACE(testing::Message() << "group " << group << " mask " << mask);
      AttendCase c = with(FORMATS[group % 2], 64, 32);
      c.layout = {c.layout.dtype, 32, 2, 2, 2, 64, 4};
      c.history_lengths = {20, 0, 64, 97};
      c.group = group;
      c.queries = 7;
      c.fresh_lengths = {7, 3};
      c.query_lengths = {6, 7};
      c.mask = mask;
      if (mask == TRIMTAB_MASK_TREE) c.make_tree();
      ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
    }
  }
}

TEST(AttendTiles, AWholeTree) {
  AttendCase c = with(FORMATS[0], 64);
  c.queries = 64;
  c.group = 4;
  c.layout.rows = 1;
  c.history_lengths = {37};
  c.query_lengths = c.fresh_lengths = {64};
  c.make_tree();
  attend_and_compare(c, true);
}

TEST(AttendTiles, OneSourceOnly) {
  AttendCase c = with(FORMATS[0], 64);
  c.history_lengths.clear();
  attend_and_compare(c, true);
  c = with(FORMATS[4], 64);
  c.fresh_lengths.clear();
  c.history_lengths = {1, 0};  // row 1: queries that see nothing
  attend_and_compare(c, true);
}

TEST(AttendTiles, OneOfEverything) {
  for (Formats formats : FORMATS) {
    AttendCase c;
    c.query_dtype = c.fresh_dtype = formats.queries;
    c.layout = {formats.pages, 16, 1, 1, 1, 16, 1};
    c.history_lengths = {1};
    c.query_lengths = {1};
    c.fresh_lengths.clear();
    c.group = c.queries = 1;
    attend_and_compare(c, true);
  }
}

TEST(AttendTiles, ScalesOfEitherSign) {
  for (float scale : {-0.3f, 1e-30f, 4.f}) {
    AttendCase c = with(FORMATS[1], 64);
    c.scale = scale;
    attend_and_compare(c, true);
  }
}

/** Keys of any number, the splits' boundaries among them: of few lines and heads every 512. */
TEST(AttendTiles, Splits) {
  for (Formats formats : {FORMATS[0], FORMATS[5]}) {
    for (int history : {0, 500, 511, 512, 513, 1000, 1025}) {
      SCOPED_TRACE(history);
      AttendCase c = with(formats, 64);
      c.layout.rows = 1;
      c.layout.pages_of_list = 70;
      c.history_lengths = {history};
      c.query_lengths = c.fresh_lengths = {7};
      c.mask = TRIMTAB_MASK_CAUSAL;
      ASSERT_NO_FATAL_FAILURE(attend_and_compare(c, true));
    }
  }
}

/** So many heads that splits are of more than 512 tokens. */
TEST(AttendTiles, SplitsOfManyHeads) {
  AttendCase c = with(FORMATS[0], 16, 128);
  c.layout = {TRIMTAB_BF16, 128, 1, 1, 64, 16, 10};
  c.history_lengths = {1200};
  c.queries = 1;
  c.group = 2;
  c.query_lengths = c.fresh_lengths = {1};
  attend_and_compare(c, true);
}

TEST(AttendTiles, SplitsOfManyLines) {
  AttendCase c = with(FORMATS[0], 64, 128);
  c.layout.rows = 1;
  c.layout.pages_of_list = 17;
  c.history_lengths = {2040};
  c.queries = 20;
  c.query_lengths = c.fresh_lengths = {17};
  c.make_tree();
  attend_and_compare(c, true);
}

/** Beyond 512 lines nothing is split; the table is read 2048 tokens at a time. */
TEST(AttendTiles, MoreLinesThanAreSplit) {
  AttendCase c = with(FORMATS[0], 16, 16);
  c.layout = {TRIMTAB_BF16, 16, 1, 1, 1, 16, 132};
  c.history_lengths = {2100};
  c.queries = 65;
  c.group = 8;
  c.query_lengths = {2};
  c.fresh_lengths = {65};
  attend_and_compare(c, true);
}

/** Nothing unseen reaches a result: not the rest of a page, not padding, not codes' scales. */
TEST(AttendTiles, WhatIsPastTheEndIsNotRead) {
  for (Formats formats : FORMATS) {
    AttendCase c = with(formats, 64);
    AttendRun run(c);
    std::vector<unsigned char> poison(run.cache.slab.size(), 0xff);  // NaN in every format
    for (int row = 0; row < 2; row++) {
      for (int t = 0; t < c.history_lengths[row]; t++) {
        for (bool value : {false, true}) {
          size_t at = run.cache.codes(row, 0, t, value);
          size_t bytes = c.layout.head_dim * bytes_of(formats.pages);
          std::copy_n(&run.cache.slab[at], bytes, &poison[at]);
          if (!has_scales(formats.pages)) continue;
          at = run.cache.scale(row, 0, t, value);
          std::copy_n(&run.cache.slab[at], 2, &poison[at]);
        }
      }
      for (int t = c.fresh_lengths[row]; t < c.queries; t++) {
        for (int d = 0; d < c.layout.head_dim; d++) {
          run.k.set(row, 0, t, d, NAN);
          run.v.set(row, 0, t, d, NAN);
        }
      }
    }
    run.cache.slab = poison;
    run.to_device();
    ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
    compare_attend(run, true);
  }
}

/** A key whose logit is -inf weighs nothing. */
TEST(AttendTiles, LogitsOfMinusInfinity) {
  AttendCase c = with(FORMATS[0], 64);
  AttendRun run(c);
  for (int row = 0; row < 2; row++) {
    for (int h = 0; h < c.group; h++) {
      for (int i = 0; i < c.queries; i++) run.q.set(row, h, i, 5, 1);
    }
    for (int t = 0; t < 3; t++) run.k.set(row, 0, t, 5, -INFINITY);
  }
  run.to_device();
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  compare_attend(run, true);
}

/** A launch made once stays right when lengths change, and takes exactly its workspace. */
TEST(AttendTiles, LaunchedAgainWithOtherLengths) {
  AttendCase c = with(FORMATS[0], 64, 64);
  c.layout.pages_of_list = 18;
  c.reserve = 1100;
  AttendRun run(c);
  run.to_device();
  Status status;
  run.params.common.status = status.data();
  Workspace memory(workspace_attend(run.params));
  memory.give(run.params.common);
  ASSERT_GT(run.params.common.workspace_bytes, 0u);
  for (std::vector<int32_t> lengths : {c.history_lengths, {1100, 0}, {3, 600}}) {
    run.cache.lengths = lengths;
    ASSERT_EQ(
        cudaMemcpy(run.params.history.lengths.data, lengths.data(), 8, cudaMemcpyHostToDevice),
        cudaSuccess);
    ASSERT_EQ(launch_attend(run.params, nullptr), cudaSuccess);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    compare_attend(run, true);
  }
  memory.expect_clean();
  EXPECT_EQ(status.value().operation, 0u);
}

TEST(AttendTiles, AByteLessOfWorkspaceIsRefused) {
  AttendCase c = with(FORMATS[0], 64, 64);
  c.layout.pages_of_list = 18;
  AttendRun run(c);
  run.to_device();
  run.params.common.struct_size = sizeof run.params;
  trimtab_launch launch{sizeof(trimtab_launch), 0, nullptr};
  uint64_t bytes = 0;
  ASSERT_EQ(trimtab_attend_workspace(&run.params, &bytes, nullptr), TRIMTAB_SUCCESS);
  Status status;
  run.params.common.status = status.data();
  Workspace memory(bytes);
  memory.give(run.params.common);
  run.params.common.workspace_bytes = bytes - 1;
  trimtab_error error{};
  error.struct_size = sizeof error;
  EXPECT_EQ(trimtab_attend(&run.params, &launch, &error), TRIMTAB_SMALL_WORKSPACE) << error.text;
  run.params.common.workspace_bytes = bytes;
  ASSERT_EQ(trimtab_attend(&run.params, &launch, &error), TRIMTAB_SUCCESS) << error.text;
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  compare_attend(run, true);
}

TEST(AttendTiles, ARowDoesNotDependOnItsBatch) {
  for (int queries : {4, 40}) {
    AttendCase c = with(FORMATS[queries == 4 ? 2 : 0], 64, 16);
    c.layout.rows = 3;
    c.layout.pages_of_list = 70;
    c.queries = queries;
    c.history_lengths = {700, 100, 1100};
    c.query_lengths = c.fresh_lengths = {queries, queries - 1, queries};
    ASSERT_NO_FATAL_FAILURE(compare_rows_alone(c));
  }
}

}  // namespace
}  // namespace trimtab::test
