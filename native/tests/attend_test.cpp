// Attend, its plain form: formats, shapes and places that tensor cores do not take.
#include "attend_case.h"

namespace trimtab::test {
namespace {

TEST(Attend, EveryPageFormat) {
  for (int32_t dtype : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16, TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
    SCOPED_TRACE(dtype);
    AttendCase c;
    c.layout.dtype = dtype;
    c.fresh_dtype = TRIMTAB_F16;
    c.fresh_gap = dtype == TRIMTAB_F16 ? 3 : 0;
    attend_and_compare(c, false);
  }
}

TEST(Attend, Masks) {
  AttendCase c;
  c.fresh_dtype = TRIMTAB_F16;
  c.mask = TRIMTAB_MASK_CAUSAL;
  attend_and_compare(c, false);
  c.mask = TRIMTAB_MASK_TREE;
  c.parents = {-1, 0, 0, 1, 1, 2, -1, 6, 7, -1, -1, 1, 2, -1, -1, -1, -1, -1};
  attend_and_compare(c, false);
}

TEST(Attend, OneSourceOnly) {
  AttendCase c;
  c.query_dtype = TRIMTAB_F32;
  c.history_lengths.clear();
  attend_and_compare(c, false);
  c.fresh_lengths.clear();
  c.history_lengths = {1, 0};  // row 1: queries that see nothing
  attend_and_compare(c, false);
}

TEST(Attend, HeadDims) {
  for (int head_dim : {8, 40, 128, 256}) {
    AttendCase c;
    c.layout = {TRIMTAB_BF16, 32, 2, 2, 2, head_dim, 3};
    c.fresh_dtype = TRIMTAB_F16;
    c.history_lengths = {20, 50, 64, 96};
    c.group = 1;
    attend_and_compare(c, false);
  }
  AttendCase c;  // Codes of 8 bits that copies of 16 bytes do not reach.
  c.layout.dtype = TRIMTAB_INT8;
  c.layout.head_dim = 72;
  attend_and_compare(c, false);
}

TEST(Attend, AScaleOfNothing) {
  AttendCase c;
  c.scale = 0;
  attend_and_compare(c, false);
}

TEST(Attend, BadValuesAreNoted) {
  Layout layout;
  Cache cache(layout, {20, 20}, 41);
  cache.table[1] = layout.pages();
  for (int32_t dtype : {TRIMTAB_F32, TRIMTAB_BF16}) {
    Vectors q(dtype, 2, 3, 2, 32, 44);
    OnDevice<float> out(size_t(2) * 3 * 2 * 32, -7.f);
    trimtab_attend_params params{};
    params.q = q.on_device();
    params.history = cache.on_device();
    params.out = out.tensor(TRIMTAB_F32, {2, 3, 2, 32});
    params.scale = 1;
    Status status;
    ASSERT_NO_FATAL_FAILURE(run(params, workspace_attend, launch_attend, status));
    EXPECT_EQ(status.value().argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_HISTORY_TABLE));
    EXPECT_EQ(status.value().index, 1);
    out.values();
  }
}

}  // namespace
}  // namespace trimtab::test
