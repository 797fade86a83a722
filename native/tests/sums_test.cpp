// Column sums and the selectivity index: the canonical order bit for bit.
#include <gtest/gtest.h>

#include "canonical_reference.h"
#include "columnsums/columnsums.cuh"
#include "selectivity/selectivity.cuh"

namespace trimtab::test {
namespace {

constexpr float SCALE = 0.31f;

struct Case {
  Layout layout = {TRIMTAB_BF16, 16, 2, 1, 2, 24, 6};
  std::vector<int32_t> history_lengths = {50, 83};  // empty: no history
  std::vector<int32_t> fresh_lengths = {9, 4};
  std::vector<int32_t> query_lengths = {9, 4};
  int group = 2;
  int queries = 9;
  int mask = TRIMTAB_MASK_NONE;
  int top = 11;
};

/** A case with its data, on the host and on the device. */
struct Prepared {
  explicit Prepared(const Case& c)
      : c(c),
        cache(c.layout,
              c.history_lengths.empty() ? std::vector<int32_t>(c.layout.rows * c.layout.lists, 0)
                                        : c.history_lengths,
              31),
        k(TRIMTAB_F32, c.layout.rows, c.layout.heads, 9, c.layout.head_dim, 32),
        q(TRIMTAB_F16, c.layout.rows, c.layout.heads * c.group, c.queries, c.layout.head_dim, 33),
        query_lengths(c.query_lengths) {
    if (!c.history_lengths.empty()) sources.history = &cache;
    sources.k = &k;
    sources.fresh_lengths = c.fresh_lengths;
    fresh = std::make_unique<FreshOnDevice>(sources);
  }

  template <typename Params>
  void fill(Params& params) {
    params.q = q.on_device();
    params.query_lengths = query_lengths.tensor(TRIMTAB_I32, {c.layout.rows});
    if (sources.history != nullptr) params.history = cache.on_device();
    params.fresh = fresh->params;
    params.scale = SCALE;
  }

  Case c;
  Cache cache;
  Vectors k, q;
  Sources sources;
  OnDevice<int32_t> query_lengths;
  std::unique_ptr<FreshOnDevice> fresh;
};

void sums_and_compare(const Case& c) {
  constexpr int PLACES = 95;
  Prepared p(c);
  OnDevice<float> sums(size_t(c.layout.rows) * c.layout.heads * PLACES, -7.f);
  trimtab_columnsums_params params{};
  p.fill(params);
  params.mask = c.mask;
  params.sums = sums.tensor(TRIMTAB_F32, {c.layout.rows, c.layout.heads, PLACES});
  ASSERT_NO_FATAL_FAILURE(run(params, workspace_columnsums, launch_columnsums));
  Floats expected;
  for (int row = 0; row < c.layout.rows; row++) {
    for (int head = 0; head < c.layout.heads; head++) {
      std::vector<Floats> keys = p.sources.keys(row, head);
      Floats of_head(keys.size());
      for (int i = 0; i < c.query_lengths[row]; i++) {
        int seen = static_cast<int>(keys.size());
        if (c.mask == TRIMTAB_MASK_CAUSAL) seen -= c.query_lengths[row] - 1 - i;
        for (int member = 0; member < c.group; member++) {
          Floats query = p.q.vector(row, head * c.group + member, i);
          add_weights(query, keys, std::max(seen, 0), SCALE, of_head);
        }
      }
      for (float& sum : of_head) sum /= static_cast<float>(c.group);
      of_head.resize(PLACES, 0);
      expected.insert(expected.end(), of_head.begin(), of_head.end());
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_bits(sums.values(), expected));
}

void index_and_compare(const Case& c) {
  Prepared p(c);
  OnDevice<float> index(3, -7.f);
  trimtab_selectivity_params params{};
  p.fill(params);
  params.top = c.top;
  params.index = index.tensor(TRIMTAB_F32, {3});
  ASSERT_NO_FATAL_FAILURE(run(params, workspace_selectivity, launch_selectivity));
  Floats current;
  Floats history;
  for (int row = 0; row < c.layout.rows; row++) {
    for (int head = 0; head < c.layout.heads * c.group; head++) {
      std::vector<Floats> keys = p.sources.keys(row, head / c.group);
      int before = p.sources.history_tokens(row, head / c.group);
      for (int i = 0; i < c.query_lengths[row]; i++) {
        Floats weights = logits(p.q.vector(row, head, i), keys, keys.size(), SCALE);
        float lse = log_sum_exp(weights);
        for (float& w : weights) w = trimtab::exp(w - lse);
        current.push_back(sum(Floats(weights.begin() + before, weights.end())));
        weights.resize(before);
        float share = 0;
        for (int32_t t : highest(weights, c.top)) share += weights[t];
        history.push_back(share);
      }
    }
  }
  auto count = static_cast<float>(current.size());
  float a = sum(current) / count;
  float b = sum(history) / count;
  ASSERT_NO_FATAL_FAILURE(expect_bits(index.values(), {a, b, a * b}));
}

TEST(ColumnSums, MasksAndFormats) {
  for (int mask : {TRIMTAB_MASK_NONE, TRIMTAB_MASK_CAUSAL}) {
    for (int32_t dtype : {TRIMTAB_F32, TRIMTAB_BF16, TRIMTAB_INT8}) {
      Case c;
      c.mask = mask;
      c.layout.dtype = dtype;
      sums_and_compare(c);
    }
  }
}

TEST(ColumnSums, WithoutHistoryOrQueries) {
  Case c;
  c.history_lengths.clear();
  c.mask = TRIMTAB_MASK_CAUSAL;
  c.query_lengths = {9, 7};  // more queries than tokens in row 1
  sums_and_compare(c);
  c.query_lengths = {0, 0};
  sums_and_compare(c);
}

TEST(ColumnSums, ManyBatches) {
  Case c;
  c.queries = 41;
  c.query_lengths = {41, 23};
  sums_and_compare(c);
}

TEST(Selectivity, Formats) {
  for (int32_t dtype : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_FP8_E4M3}) {
    Case c;
    c.layout.dtype = dtype;
    index_and_compare(c);
  }
}

TEST(Selectivity, AllOfHistoryOrNone) {
  Case c;
  c.top = 1000;
  index_and_compare(c);
  c.top = 1;
  index_and_compare(c);
  c.history_lengths.clear();
  index_and_compare(c);
  c.query_lengths = {0, 0};
  index_and_compare(c);
}

TEST(Selectivity, LongRowsAndListsOfHeads) {
  Case c;
  c.layout = {TRIMTAB_BF16, 128, 1, 2, 2, 16, 8};
  c.history_lengths = {900, 517};
  c.fresh_lengths = {9};
  c.query_lengths = {5};
  c.top = 60;
  index_and_compare(c);
}

TEST(Sums, BadValuesAreNoted) {
  Case c;
  c.query_lengths = {9, 10};
  Prepared p(c);
  OnDevice<float> index(3, -7.f);
  trimtab_selectivity_params params{};
  p.fill(params);
  params.top = 1;
  params.index = index.tensor(TRIMTAB_F32, {3});
  Status status;
  ASSERT_NO_FATAL_FAILURE(run(params, workspace_selectivity, launch_selectivity, status));
  EXPECT_EQ(status.value().argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_QUERY_LENGTHS));
  EXPECT_EQ(status.value().index, 1);
  EXPECT_EQ(status.value().value, 10);
}

}  // namespace
}  // namespace trimtab::test
