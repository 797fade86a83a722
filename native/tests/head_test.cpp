// Heads of 1 to 8 vectors against a plain C++ form of the canonical order, bit for bit, and that
// form against binary64.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "common/canonical.cuh"
#include "head/head.cuh"
#include "weights.h"

namespace trimtab::test {
namespace {

/** A head and what is asked of it. */
struct Case {
  int32_t format = TRIMTAB_BF16;
  int32_t hidden_format = TRIMTAB_BF16;
  int vectors = 1;
  int columns = 64;
  int matrix_rows = 300;
  int groups = 1;
  int32_t scale_dtype = TRIMTAB_BF16;
  std::vector<uint32_t> scales; /* their bits, in turn; none: random */
  std::optional<std::vector<int32_t>> ids;
  std::optional<int32_t> count;
  bool packed = false;
  int vocabulary = 0; /* 0: the matrix's rows */
  int top = 0;
  bool logits = true;
  bool log_sum_exp = false;
  size_t offset = 0; /* of the codes from an aligned address, in bytes */
};

/** The results, absent ones empty. */
struct Results {
  std::vector<float> logits;
  std::vector<int32_t> ids;
  std::vector<float> values;
  std::vector<float> log_sum_exp;
  trimtab_status_word status;
};

/** A case with its data on the device, to be run any number of times. */
class Prepared {
 public:
  explicit Prepared(const Case& c)
      : c_(c),
        weights_(c.format, c.matrix_rows, c.columns, c.groups, c.scale_dtype, 1, c.offset,
                 c.scales),
        capacity_(c.ids ? static_cast<int>(c.ids->size()) : c.matrix_rows),
        hidden_bits_(hidden_of(c)),
        hidden_(packed_bits(c.hidden_format, hidden_bits_)),
        ids_(c.ids.value_or(std::vector<int32_t>{})),
        count_(std::vector<int32_t>{c.count.value_or(0)}),
        status_(1, trimtab_status_word{}),
        logits_(c.logits ? static_cast<size_t>(c.vectors) * capacity_ : 0, -7.f),
        top_ids_(static_cast<size_t>(c.vectors) * c.top, -7),
        top_values_(static_cast<size_t>(c.vectors) * c.top, -7.f),
        log_sum_exp_(c.log_sum_exp ? c.vectors : 0, -7.f) {
    params_.common.struct_size = sizeof params_;
    params_.common.status = status_.data();
    params_.hidden = hidden_.tensor(c.hidden_format, {c.vectors, c.columns});
    params_.rows.weight = weights_.params();
    if (c.ids) params_.rows.ids = ids_.tensor(TRIMTAB_I32, {capacity_});
    if (c.count) params_.rows.count = count_.tensor(TRIMTAB_I32, {1});
    params_.rows.packed = c.packed;
    params_.rows.vocabulary = c.vocabulary == 0 ? c.matrix_rows : c.vocabulary;
    if (c.logits) params_.logits = logits_.tensor(TRIMTAB_F32, {c.vectors, capacity_});
    if (c.top > 0) {
      params_.ids = top_ids_.tensor(TRIMTAB_I32, {c.vectors, c.top});
      params_.values = top_values_.tensor(TRIMTAB_F32, {c.vectors, c.top});
    }
    if (c.log_sum_exp) params_.log_sum_exp = log_sum_exp_.tensor(TRIMTAB_F32, {c.vectors});
    workspace_ = std::make_unique<Workspace>(workspace_head(params_));
    workspace_->give(params_.common);
  }

  Results operator()() {
    EXPECT_EQ(launch_head(params_, nullptr), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    workspace_->expect_clean();
    return {logits_.values(), top_ids_.values(), top_values_.values(), log_sum_exp_.values(),
            status_.values()[0]};
  }

  float weight(int row, int column) const { return weights_(row, column); }
  float hidden(int vector, int column) const {
    return number_of(c_.hidden_format, hidden_bits_[vector * c_.columns + column]);
  }
  int capacity() const { return capacity_; }
  const OnDevice<int32_t>& ids() const { return ids_; }
  const OnDevice<int32_t>& count() const { return count_; }

 private:
  static std::vector<uint32_t> hidden_of(const Case& c) {
    Random random(2);
    std::vector<uint32_t> bits(static_cast<size_t>(c.vectors) * c.columns);
    for (uint32_t& element : bits) element = random_bits(c.hidden_format, random);
    return bits;
  }

  Case c_;
  Weights weights_;
  int capacity_;
  std::vector<uint32_t> hidden_bits_;
  OnDevice<unsigned char> hidden_;
  OnDevice<int32_t> ids_;
  OnDevice<int32_t> count_;
  OnDevice<trimtab_status_word> status_;
  OnDevice<float> logits_;
  OnDevice<int32_t> top_ids_;
  OnDevice<float> top_values_;
  OnDevice<float> log_sum_exp_;
  std::unique_ptr<Workspace> workspace_;
  trimtab_head_params params_{};
};

/** A canonical dot product, and the bound that binary64 puts on its error. */
float dot(const Prepared& run, const Case& c, int row, int vector) {
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

/** Log-sum-exp in chunks of 256, one after the other. */
float log_sum_exp(const std::vector<float>& logits) {
  float max = -INFINITY;
  float sum = 0;
  double exact = 0;
  for (size_t first = 0; first < logits.size(); first += 256) {
    size_t end = std::min(first + 256, logits.size());
    float chunk_max = *std::max_element(logits.begin() + first, logits.begin() + end);
    float lanes[32];
    for (size_t j = 0; j < 32; j++) {
      lanes[j] = 0;
      for (size_t i = first + j; i < end; i += 32) lanes[j] += trimtab::exp(logits[i] - chunk_max);
    }
    for (int o = 16; o > 0; o /= 2) {
      for (int j = 0; j < o; j++) lanes[j] += lanes[j + o];
    }
    if (chunk_max == -INFINITY) continue;
    float larger = std::max(max, chunk_max);
    sum = std::fma(sum, trimtab::exp(max - larger), lanes[0] * trimtab::exp(chunk_max - larger));
    max = larger;
  }
  for (float logit : logits) exact += std::exp(static_cast<double>(logit) - max);
  float result = max + trimtab::log(sum);
  if (max > -INFINITY) {
    EXPECT_NEAR(result, max + std::log(exact), 1e-5 * (1 + std::abs(result)));
  }
  return result;
}

void same_bits(float got, float wanted, const char* what, int vector, int place) {
  if (std::isnan(wanted) && std::isnan(got)) return;
  EXPECT_EQ(float_to_bits(got), float_to_bits(wanted))
      << what << "[" << vector << ", " << place << "]: " << got << ", expected " << wanted;
}

/** Places by score, the higher and then the earlier first; NaN behind all. */
std::vector<int> ranking(const std::vector<float>& scores) {
  std::vector<int> places(scores.size());
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(), [&](int a, int b) {
    return std::isnan(scores[b]) ? !std::isnan(scores[a]) : scores[a] > scores[b];
  });
  return places;
}

/** Runs a case and compares everything; `bad` places hold ids that no row has. */
void expect_right(const Case& c, const std::vector<int>& bad = {}) {
  Prepared run(c);
  Results results = run();
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

/** Runs a case of more than 8 vectors: each logit is as near to binary64's as a plain dot product
   in binary32 may be, twice over, and the rest follows from the logits. */
void expect_near(const Case& c) {
  Prepared prepared(c);
  Results results = prepared();
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

std::vector<int32_t> every_other(int count) {
  std::vector<int32_t> ids(count);
  for (int i = 0; i < count; i++) ids[i] = 2 * i + 1;
  return ids;
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
      Case c;
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

TEST(Head, ManyVectorsOfEveryFormat) {
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
    Case c;
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

TEST(Head, ManyVectorsInLargeTiles) {
  Case c;
  c.format = TRIMTAB_INT4; /* small enough for tiles of 128 rows in any shared memory */
  c.vectors = 20;
  c.columns = 64;
  c.matrix_rows = 700;
  c.top = 3;
  c.log_sum_exp = true;
  expect_near(c);
}

TEST(Head, AnyColumnsAndAlignment) {
  for (int columns : {1, 2, 31, 33, 130, 385}) {
    for (int32_t format : {TRIMTAB_F32, TRIMTAB_BF16, TRIMTAB_INT8}) {
      SCOPED_TRACE(testing::Message() << "format " << format << ", columns " << columns);
      Case c;
      c.format = format;
      c.columns = columns;
      c.vectors = 2;
      c.matrix_rows = 20;
      c.offset = format == TRIMTAB_INT8 ? 1 : 4;
      expect_right(c);
    }
  }
}

TEST(Head, GroupsOfAnySizeAndF16Scales) {
  for (int groups : {1, 3, 6, 96, 192}) {
    SCOPED_TRACE(groups);
    Case c;
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
    Case c;
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
      Case c;
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
    Case c;
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
    Case c;
    c.ids = every_other(100);
    c.count = count;
    c.vectors = 2;
    c.top = 7;
    c.log_sum_exp = true;
    expect_right(c);
  }
}

TEST(Head, PackedRowsStandForIds) {
  Case c;
  c.matrix_rows = 80;
  c.ids = every_other(70);
  c.packed = true;
  c.vocabulary = 1000;
  c.top = 70;
  expect_right(c);
}

TEST(Head, RepeatedIdsHaveAResultEach) {
  Case c;
  c.ids = std::vector<int32_t>{5, 9, 5, 5, 9, 0};
  c.top = 6;
  c.log_sum_exp = true;
  expect_right(c);
}

TEST(Head, IdsOutsideAreNotedAndPassedOver) {
  for (int32_t id : {-1, 300, INT32_MIN, INT32_MAX}) {
    SCOPED_TRACE(id);
    Case c;
    c.ids = every_other(100);
    (*c.ids)[70] = id;
    c.top = 9;
    c.vectors = 2;
    expect_right(c, {70});
    trimtab_status_word status = Prepared(c)().status;
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
    Case c;
    c.ids = every_other(100);
    c.count = count;
    c.top = 3;
    c.log_sum_exp = true;
    Results results = Prepared(c)();
    EXPECT_EQ(results.status.argument, uint32_t{TRIMTAB_ARGUMENT_ROWS_COUNT});
    EXPECT_EQ(results.status.value, count);
    EXPECT_EQ(results.status.high, 100);
    EXPECT_EQ(results.ids, std::vector<int32_t>(3, -1));
    EXPECT_EQ(results.log_sum_exp[0], -INFINITY);
  }
}

TEST(Head, ReplayedWithOtherIdsAndCounts) {
  Case c;
  c.matrix_rows = 400;
  c.ids = every_other(150);
  c.count = 150;
  c.top = 4;
  c.log_sum_exp = true;
  Prepared run(c);
  run();
  for (int count : {150, 3, 149}) {
    for (int32_t& id : *c.ids) id = (id + 7) % 400;
    c.count = count;
    cudaMemcpy(run.ids().data(), c.ids->data(), c.ids->size() * 4, cudaMemcpyHostToDevice);
    cudaMemcpy(run.count().data(), &*c.count, 4, cudaMemcpyHostToDevice);
    Results again = run();
    Results fresh = Prepared(c)();
    EXPECT_EQ(again.ids, fresh.ids);
    EXPECT_EQ(again.values, fresh.values);
    EXPECT_EQ(again.logits, fresh.logits);
    EXPECT_EQ(again.log_sum_exp, fresh.log_sum_exp);
  }
}

/** Rows of one column, so that the logits are the weights. */
Results of_weights(const std::vector<float>& weights, int top) {
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
  Results results = of_weights(weights, 200);
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
