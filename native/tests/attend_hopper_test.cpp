// Attend on sm_90a: formats, shapes, masks, splits. Skipped where there is no such device.
#include "attend_case.h"

namespace trimtab::test {
namespace {

class AttendHopper : public testing::Test {
 protected:
  void SetUp() override {
    int devices = 0;
    ASSERT_EQ(cudaGetDeviceCount(&devices), cudaSuccess);
    for (int device = 0; device < devices; device++) {
      int major = 0;
      int minor = 0;
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
      cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
      if (10 * major + minor != 90) continue;
      ASSERT_EQ(cudaSetDevice(device), cudaSuccess);
      return;
    }
    GTEST_SKIP() << "no GPU of compute capability 9.0";
  }
  void TearDown() override { cudaSetDevice(0); }
};

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

/** A bad page id is noted and its tokens count as zeros; the rest of memory stays untouched. */
TEST_F(AttendHopper, BadPagesAreNoted) {
  AttendCase c = with(TRIMTAB_BF16, 64);
  AttendRun run(c);
  run.cache.table[3] = run.c.layout.pages();
  run.to_device();
  Status status;
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend, status));
  EXPECT_EQ(status.value().argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_HISTORY_TABLE));
  EXPECT_EQ(status.value().index, 3);
  run.out.values();
}

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
