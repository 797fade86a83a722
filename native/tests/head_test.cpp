// Heads of 1 to 8 vectors against a plain C++ form of the canonical order, bit for bit, and that
// form against binary64.
#include "head_case.h"

namespace trimtab::test {
namespace {

/** A canonical dot product, and the bound that binary64 puts on its error. */
float dot(const PreparedHead& run, const HeadCase& c, int row, int vector) {
  float lanes[32];
  double exact = 0;
  double magnitude = 0;
  for (int j = 0; j < 32; j++) {
    lanes[j] = 0;
    for (int i = j; i < c.columns; i += 32) {
      float w = run.weight(row, i);
      float x = run.hidden(vector, i);
      lanes[j] = std::fma(w, x, lanes[j]);
      exact += static_cast<double>(w) * x;
      magnitude += std::abs(static_cast<double>(w) * x);
    }
  }
  for (int o = 16; o > 0; o /= 2) {
    for (int j = 0; j < o; j++) lanes[j] += lanes[j + o];
  }
  if (magnitude < 1e38) {
    EXPECT_NEAR(lanes[0], exact, magnitude * (c.columns / 32 + 6) * 0x1p-24);
  }
  return lanes[0];
}

/** Runs a case and compares everything; `bad` places hold ids that no row has. */
void expect_right_here(const HeadCase& c, const std::vector<int>& bad) {
  PreparedHead run(c);
  HeadResults results = run();
  int count = c.count.value_or(run.capacity());
  EXPECT_EQ(results.status.operation, bad.empty() ? 0u : uint32_t{TRIMTAB_OPERATION_HEAD});
  for (int vector = 0; vector < c.vectors; vector++) {
    std::vector<float> logits(count);
    for (int place = 0; place < count; place++) {
      bool absent = std::find(bad.begin(), bad.end(), place) != bad.end();
      int row = c.ids && !c.packed ? (*c.ids)[place] : place;
      logits[place] = absent ? -INFINITY : dot(run, c, row, vector);
    }
    for (int place = 0; c.logits && place < run.capacity(); place++) {
      float wanted = place < count ? logits[place] : -INFINITY;
      same_bits(results.logits[vector * run.capacity() + place], wanted, "logits", vector, place);
    }
    std::vector<int> places = ranking(logits);
    std::erase_if(places,
                  [&](int place) { return std::find(bad.begin(), bad.end(), place) != bad.end(); });
    for (int i = 0; i < c.top; i++) {
      bool present = i < static_cast<int>(places.size());
      if (!present && !bad.empty()) continue;
      int id = !present ? -1 : c.ids ? (*c.ids)[places[i]] : places[i];
      EXPECT_EQ(results.ids[vector * c.top + i], id) << "vector " << vector << ", place " << i;
      same_bits(results.values[vector * c.top + i], present ? logits[places[i]] + 0.f : -INFINITY,
                "values", vector, i);
    }
    if (c.log_sum_exp) {
      same_bits(results.log_sum_exp[vector], log_sum_exp(logits), "logSumExp", vector, 0);
    }
  }
}

void expect_right(const HeadCase& c, const std::vector<int>& bad = {}) {
  on_each_device([&] { expect_right_here(c, bad); });
}

struct Format {
  int32_t format;
  int columns;
  int groups;
};

TEST(Head, EveryFormatAndNumberOfVectors) {
  const Format formats[] = {
      {TRIMTAB_F32, 136, 1},      {TRIMTAB_F16, 264, 1},  {TRIMTAB_BF16, 264, 1},
      {TRIMTAB_FP8_E4M3, 272, 1}, {TRIMTAB_INT8, 272, 2}, {TRIMTAB_INT4, 288, 9},
      {TRIMTAB_INT8, 256, 2},     {TRIMTAB_INT4, 256, 2},
  };
  int seen = 0;
  for (const Format& format : formats) {
    for (int vectors : {1, 2, 3, 8}) {
      SCOPED_TRACE(testing::Message() << "format " << format.format << ", vectors " << vectors);
      HeadCase c;
      c.format = format.format;
      c.hidden_format = TRIMTAB_F32 + seen++ % 3;
      c.columns = format.columns;
      c.groups = format.groups;
      c.vectors = vectors;
      c.matrix_rows = 150;
      c.ids = every_other(70);
      c.top = 5;
      c.log_sum_exp = true;
      expect_right(c);
    }
  }
}

// Enough for large tiles, which few rows do not have.
TEST(Head, RowsForAllProcessors) {
  int processors = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  struct {
    int32_t format;
    int vectors;
  } cases[] = {{TRIMTAB_FP8_E4M3, 1}, {TRIMTAB_INT8, 1}, {TRIMTAB_INT4, 1},
               {TRIMTAB_BF16, 8},     {TRIMTAB_INT8, 8}, {TRIMTAB_INT4, 8}};
  for (auto [format, vectors] : cases) {
    SCOPED_TRACE(testing::Message() << "format " << format << ", " << vectors << " vectors");
    HeadCase c;
    c.format = format;
    c.columns = 640;
    c.groups = format == TRIMTAB_INT8 || format == TRIMTAB_INT4 ? 5 : 1;
    c.vectors = vectors;
    c.matrix_rows = (vectors == 1 ? 193 : 97) * processors;
    expect_right(c);
  }
}

TEST(Head, AnyColumnsAndAlignment) {
  for (int columns : {1, 2, 31, 33, 130, 385}) {
    for (int32_t format : {TRIMTAB_F32, TRIMTAB_BF16, TRIMTAB_INT8}) {
      SCOPED_TRACE(testing::Message() << "format " << format << ", columns " << columns);
      HeadCase c;
      c.format = format;
      c.columns = columns;
      c.vectors = 2;
      c.matrix_rows = 20;
      c.offset = format == TRIMTAB_INT8 ? 1 : 4;
      expect_right(c);
    }
  }
}

// More than shared memory holds: a window goes along, for tiles that a warp computes one after the
// other, too.
TEST(Head, HiddenVectorsBeyondSharedMemory) {
  struct {
    int32_t format;
    int vectors;
    int columns;
    int rows;
  } cases[] = {{TRIMTAB_BF16, 1, 70002, 5},
               {TRIMTAB_BF16, 8, 8224, 20},
               {TRIMTAB_INT8, 4, 16384, 9},
               {TRIMTAB_F32, 3, 9001, 150}};
  for (auto [format, vectors, columns, rows] : cases) {
    SCOPED_TRACE(testing::Message()
                 << "format " << format << ", " << vectors << " vectors of " << columns);
    HeadCase c;
    c.format = format;
    c.hidden_format = format == TRIMTAB_INT8 ? TRIMTAB_F32 : TRIMTAB_BF16;
    c.groups = format == TRIMTAB_INT8 ? 128 : 1;
    c.vectors = vectors;
    c.columns = columns;
    c.matrix_rows = rows;
    expect_right(c);
  }
}

TEST(Head, GroupsOfAnySizeAndF16Scales) {
  for (int groups : {1, 3, 6, 96, 192}) {
    SCOPED_TRACE(groups);
    HeadCase c;
    c.format = groups == 3 ? TRIMTAB_INT4 : TRIMTAB_INT8;
    c.columns = 192;
    c.groups = groups;
    c.scale_dtype = TRIMTAB_F16;
    c.matrix_rows = 20;
    expect_right(c);
  }
}

TEST(Head, ScalesOfAnySize) {
  for (int32_t format : {TRIMTAB_FP8_E4M3, TRIMTAB_INT8, TRIMTAB_INT4}) {
    HeadCase c;
    c.format = format;
    c.matrix_rows = 40;
    // Small, the largest, negative, both zeros, infinite, no number.
    c.scales = {0x0001, 0x7f00, 0xbf80, 0x0000, 0x8000, 0x7f80, 0x7fc0, 0x3f80};
    c.top = 40;
    expect_right(c);
  }
}

TEST(Head, PlacesOffEveryTileAndChunk) {
  for (int rows : {1, 63, 64, 65, 256, 257, 700}) {
    for (bool logits : {false, true}) {
      SCOPED_TRACE(rows);
      HeadCase c;
      c.matrix_rows = rows;
      c.columns = 32;
      c.top = std::min(rows, 10);
      c.logits = logits;
      c.log_sum_exp = true;
      expect_right(c);
    }
  }
}

TEST(Head, MoreOfTheHighestThanAListHolds) {
  for (int top : {64, 65, 200}) {
    SCOPED_TRACE(top);
    HeadCase c;
    c.matrix_rows = 200;
    c.columns = 32;
    c.vectors = 2;
    c.top = top;
    c.logits = false;
    expect_right(c);
  }
}

TEST(Head, CountsFromNoneToAll) {
  for (int count : {0, 1, 64, 99, 100}) {
    SCOPED_TRACE(count);
    HeadCase c;
    c.ids = every_other(100);
    c.count = count;
    c.vectors = 2;
    c.top = 7;
    c.log_sum_exp = true;
    expect_right(c);
  }
}

TEST(Head, PackedRowsStandForIds) {
  HeadCase c;
  c.matrix_rows = 80;
  c.ids = every_other(70);
  c.packed = true;
  c.vocabulary = 1000;
  c.top = 70;
  expect_right(c);
}

TEST(Head, RepeatedIdsHaveAResultEach) {
  HeadCase c;
  c.ids = std::vector<int32_t>{5, 9, 5, 5, 9, 0};
  c.top = 6;
  c.log_sum_exp = true;
  expect_right(c);
}

TEST(Head, IdsOutsideAreNotedAndPassedOver) {
  for (int32_t id : {-1, 300, INT32_MIN, INT32_MAX}) {
    SCOPED_TRACE(id);
    HeadCase c;
    c.ids = every_other(100);
    (*c.ids)[70] = id;
    c.top = 9;
    c.vectors = 2;
    expect_right(c, {70});
    trimtab_status_word status = PreparedHead(c)().status;
    EXPECT_EQ(status.argument, uint32_t{TRIMTAB_ARGUMENT_ROWS_IDS});
    EXPECT_EQ(status.problem, uint32_t{TRIMTAB_PROBLEM_OUTSIDE});
    EXPECT_EQ(status.index, 70);
    EXPECT_EQ(status.value, id);
    EXPECT_EQ(status.low, 0);
    EXPECT_EQ(status.high, 299);
  }
}

TEST(Head, CountsOutsideAreNotedAndNothingIsRead) {
  for (int32_t count : {-1, 101}) {
    HeadCase c;
    c.ids = every_other(100);
    c.count = count;
    c.top = 3;
    c.log_sum_exp = true;
    HeadResults results = PreparedHead(c)();
    EXPECT_EQ(results.status.argument, uint32_t{TRIMTAB_ARGUMENT_ROWS_COUNT});
    EXPECT_EQ(results.status.value, count);
    EXPECT_EQ(results.status.high, 100);
    EXPECT_EQ(results.ids, std::vector<int32_t>(3, -1));
    EXPECT_EQ(results.log_sum_exp[0], -INFINITY);
  }
}

TEST(Head, ReplayedWithOtherIdsAndCounts) {
  HeadCase c;
  c.matrix_rows = 400;
  c.ids = every_other(150);
  c.count = 150;
  c.top = 4;
  c.log_sum_exp = true;
  PreparedHead run(c);
  run();
  for (int count : {150, 3, 149}) {
    for (int32_t& id : *c.ids) id = (id + 7) % 400;
    c.count = count;
    cudaMemcpy(run.ids().data(), c.ids->data(), c.ids->size() * 4, cudaMemcpyHostToDevice);
    cudaMemcpy(run.count().data(), &*c.count, 4, cudaMemcpyHostToDevice);
    HeadResults again = run();
    HeadResults fresh = PreparedHead(c)();
    EXPECT_EQ(again.ids, fresh.ids);
    EXPECT_EQ(again.values, fresh.values);
    EXPECT_EQ(again.logits, fresh.logits);
    EXPECT_EQ(again.log_sum_exp, fresh.log_sum_exp);
  }
}

// The second head's launch may begin, and copy rows, before the first one has chosen them.
TEST(Head, RowsThatTheHeadBeforeChooses) {
  for (int32_t format : {TRIMTAB_BF16, TRIMTAB_INT8, TRIMTAB_INT4}) {
    for (int vectors : {1, 8}) {
      SCOPED_TRACE(testing::Message() << "format " << format << ", vectors " << vectors);
      HeadCase c;
      c.format = format;
      c.columns = 1536;
      c.groups = format == TRIMTAB_BF16 ? 1 : 12;
      c.top = 40;
      PreparedHead first(c);
      std::vector<int32_t> chosen = first().ids;
      c.vectors = vectors;
      c.ids = chosen;
      std::vector<float> wanted = PreparedHead(c)().logits;
      PreparedHead second(c);
      second.take_ids(first.top_ids());
      std::vector<int32_t> others = every_other(c.top);
      cudaMemcpy(first.top_ids().data(), others.data(), c.top * 4, cudaMemcpyHostToDevice);
      first.enqueue();
      EXPECT_EQ(second().logits, wanted);
    }
  }
}

/** Rows of one column, so that the logits are the weights. */
HeadResults of_weights(const std::vector<float>& weights, int top) {
  OnDevice<float> rows(weights);
  OnDevice<float> hidden(std::vector<float>{1.f});
  OnDevice<int32_t> ids(top, -7);
  OnDevice<float> values(top, -7.f);
  OnDevice<float> sum(1, -7.f);
  int64_t count = static_cast<int64_t>(weights.size());
  trimtab_head_params params{};
  params.hidden = hidden.tensor(TRIMTAB_F32, {1, 1});
  params.rows.weight.format = TRIMTAB_F32;
  params.rows.weight.codes = rows.tensor(TRIMTAB_F32, {count, 1});
  params.rows.vocabulary = static_cast<int32_t>(count);
  params.ids = ids.tensor(TRIMTAB_I32, {1, top});
  params.values = values.tensor(TRIMTAB_F32, {1, top});
  params.log_sum_exp = sum.tensor(TRIMTAB_F32, {1});
  Workspace workspace(workspace_head(params));
  workspace.give(params.common);
  EXPECT_EQ(launch_head(params, nullptr), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  return {{}, ids.values(), values.values(), sum.values(), {}};
}

/** The same tensor with other strides. */
trimtab_tensor strided(trimtab_tensor tensor, std::initializer_list<int64_t> strides) {
  std::copy(strides.begin(), strides.end(), tensor.stride);
  return tensor;
}

TEST(Head, EveryTensorMayBeStrided) {
  // Row r is (r, 1), at every fourth element; hidden vectors are (1, 0) and (0, -1).
  OnDevice<float> rows(std::vector<float>{0, 1, 9, 9, 1, 1, 9, 9, 2, 1});
  OnDevice<float> hidden(std::vector<float>{1, 0, 9, 0, -1});
  OnDevice<int32_t> ids(std::vector<int32_t>{2, 9, 0, 9, 1});
  OnDevice<float> logits(8, -7.f);
  OnDevice<int32_t> top(8, -7);
  OnDevice<float> values(5, -7.f);
  OnDevice<float> sums(3, -7.f);
  trimtab_head_params params{};
  params.hidden = strided(hidden.tensor(TRIMTAB_F32, {2, 2}), {3, 1});
  params.rows.weight.format = TRIMTAB_F32;
  params.rows.weight.codes = strided(rows.tensor(TRIMTAB_F32, {3, 2}), {4, 1});
  params.rows.ids = strided(ids.tensor(TRIMTAB_I32, {3}), {2});
  params.rows.vocabulary = 3;
  params.logits = strided(logits.tensor(TRIMTAB_F32, {2, 3}), {5, 1});
  params.ids = strided(top.tensor(TRIMTAB_I32, {2, 2}), {5, 2});
  params.values = strided(values.tensor(TRIMTAB_F32, {2, 2}), {3, 1});
  params.log_sum_exp = strided(sums.tensor(TRIMTAB_F32, {2}), {2});
  Workspace workspace(workspace_head(params));
  workspace.give(params.common);
  ASSERT_EQ(launch_head(params, nullptr), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(logits.values(), (std::vector<float>{2, 0, 1, -7, -7, -1, -1, -1}));
  EXPECT_EQ(top.values(), (std::vector<int32_t>{2, -7, 1, -7, -7, 2, -7, 0}));
  EXPECT_EQ(values.values(), (std::vector<float>{2, 1, -7, -1, -1}));
  EXPECT_FLOAT_EQ(sums.values()[0], std::log(1 + std::exp(1.f) + std::exp(2.f)));
  EXPECT_EQ(sums.values()[1], -7.f);
  EXPECT_FLOAT_EQ(sums.values()[2], std::log(3.f) - 1);
}

TEST(Head, TiesZerosInfinitiesAndNoNumbers) {
  // A dot product starts at +0, so a weight of -0 gives a logit of +0 here; ties go by place.
  std::vector<float> weights(200, -1.f);
  weights[3] = weights[150] = 2.f;
  weights[70] = NAN;
  weights[199] = -INFINITY;
  HeadResults results = of_weights(weights, 200);
  EXPECT_EQ(results.ids[0], 3);
  EXPECT_EQ(results.ids[1], 150);
  EXPECT_EQ(results.ids[2], 0);
  EXPECT_EQ(results.ids[3], 1);
  EXPECT_EQ(results.ids[198], 199);
  EXPECT_EQ(results.ids[199], 70);
  EXPECT_TRUE(std::isnan(results.values[199]));
  EXPECT_TRUE(std::isnan(results.log_sum_exp[0]));

  EXPECT_TRUE(std::isnan(of_weights({0.f, INFINITY, 1.f}, 1).log_sum_exp[0]));
  EXPECT_EQ(of_weights({-INFINITY, -INFINITY}, 1).log_sum_exp[0], -INFINITY);
  std::vector<float> late(300, -INFINITY);
  late[299] = 4.f;
  EXPECT_EQ(of_weights(late, 1).log_sum_exp[0], 4.f);
}

}  // namespace
}  // namespace trimtab::test
