// Attend: its error against binary64 is at most twice that of a plain computation in binary32.
#include "attend/attend.cuh"

#include <gtest/gtest.h>

#include "kv_cache.h"

namespace trimtab::test {
namespace {

struct Case {
  Layout layout = {TRIMTAB_BF16, 16, 2, 1, 2, 64, 6};
  std::vector<int32_t> history_lengths = {50, 83};  // empty: no history
  std::vector<int32_t> fresh_lengths = {9, 4};      // empty: no new tokens
  std::vector<int32_t> query_lengths = {9, 4};
  int fresh_gap = 0;
  int group = 2;
  int queries = 9;
  int mask = TRIMTAB_MASK_NONE;
  std::vector<int32_t> parents;
};

/** The largest distance of results from binary64. */
struct Errors {
  double plain = 0;
  double kernel = 0;
};

bool sees(const Case& c, int row, int query, int fresh) {
  if (fresh < 0 || c.mask == TRIMTAB_MASK_NONE) return true;
  if (c.mask == TRIMTAB_MASK_CAUSAL) return fresh <= query;
  for (int i = query; i >= 0; i = c.parents[row * c.queries + i]) {
    if (i == fresh) return true;
  }
  return false;
}

/** One query in the arithmetic of Real: its output, and its log-sum-exp behind it. */
template <typename Real>
std::vector<double> attend(const std::vector<float>& query, const Sources& sources, int row,
                           int head, const std::vector<bool>& seen, float scale) {
  std::vector<Real> weights(seen.size());
  Real max = -INFINITY;
  for (size_t t = 0; t < seen.size(); t++) {
    if (!seen[t]) continue;
    std::vector<float> key = sources.vector(row, head, t, false);
    for (size_t d = 0; d < key.size(); d++) weights[t] += Real(query[d]) * key[d];
    weights[t] *= scale;
    max = std::max(max, weights[t]);
  }
  std::vector<Real> out(query.size());
  Real sum = 0;
  for (size_t t = 0; t < seen.size(); t++) {
    if (!seen[t]) continue;
    Real weight = std::exp(weights[t] - max);
    sum += weight;
    std::vector<float> value = sources.vector(row, head, t, true);
    for (size_t d = 0; d < value.size(); d++) out[d] += weight * value[d];
  }
  std::vector<double> result;
  for (Real x : out) result.push_back(sum == 0 ? 0 : x / sum);
  result.push_back(sum == 0 ? -INFINITY : max + std::log(sum));
  return result;
}

void attend_and_compare(const Case& c) {
  constexpr float SCALE = 0.125f;
  const Layout& l = c.layout;
  Cache cache(
      l, c.history_lengths.empty() ? std::vector<int32_t>(l.rows * l.lists, 0) : c.history_lengths,
      41);
  Vectors k(TRIMTAB_F16, l.rows, l.heads, 9, l.head_dim, 42, c.fresh_gap);
  Vectors v(TRIMTAB_F16, l.rows, l.heads, 9, l.head_dim, 43, c.fresh_gap);
  Vectors q(TRIMTAB_BF16, l.rows, l.heads * c.group, c.queries, l.head_dim, 44);
  Sources sources;
  sources.fresh_lengths = std::vector<int32_t>(l.rows, 0);
  if (!c.history_lengths.empty()) sources.history = &cache;
  if (!c.fresh_lengths.empty()) {
    sources.k = &k;
    sources.v = &v;
    sources.fresh_lengths = c.fresh_lengths;
  }
  FreshOnDevice fresh(sources);
  OnDevice<int32_t> query_lengths(c.query_lengths);
  OnDevice<int32_t> parents(c.parents);
  int heads = l.heads * c.group;
  OnDevice<float> out(size_t(l.rows) * heads * c.queries * l.head_dim, -7.f);
  OnDevice<float> lse(size_t(l.rows) * heads * c.queries, -7.f);
  trimtab_attend_params params{};
  params.q = q.on_device();
  params.query_lengths = query_lengths.tensor(TRIMTAB_I32, {l.rows});
  if (sources.history != nullptr) params.history = cache.on_device();
  params.fresh = fresh.params;
  if (!c.parents.empty()) params.parents = parents.tensor(TRIMTAB_I32, {l.rows, c.queries});
  params.out = out.tensor(TRIMTAB_F32, {l.rows, heads, c.queries, l.head_dim});
  params.lse = lse.tensor(TRIMTAB_F32, {l.rows, heads, c.queries});
  params.mask = c.mask;
  params.scale = SCALE;
  ASSERT_NO_FATAL_FAILURE(run(params, workspace_attend, launch_attend));
  std::vector<float> outs = out.values();
  std::vector<float> lses = lse.values();
  Errors errors;
  for (int row = 0; row < l.rows; row++) {
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < c.queries; i++) {
        int head = h / c.group;
        int before = sources.history_tokens(row, head);
        std::vector<bool> seen(sources.tokens(row, head));
        for (size_t t = 0; t < seen.size(); t++) {
          seen[t] = i < c.query_lengths[row] && sees(c, row, i, static_cast<int>(t) - before);
        }
        std::vector<float> query = q.vector(row, h, i);
        auto precise = attend<double>(query, sources, row, head, seen, SCALE);
        auto plain = attend<float>(query, sources, row, head, seen, SCALE);
        size_t place = (size_t(row) * heads + h) * c.queries + i;
        std::vector<float> actual(outs.begin() + place * l.head_dim,
                                  outs.begin() + (place + 1) * l.head_dim);
        actual.push_back(lses[place]);
        for (size_t d = 0; d < precise.size(); d++) {
          if (std::isinf(precise[d])) {
            ASSERT_EQ(actual[d], precise[d]);
            continue;
          }
          errors.plain = std::max(errors.plain, std::fabs(plain[d] - precise[d]));
          errors.kernel = std::max(errors.kernel, std::fabs(actual[d] - precise[d]));
        }
      }
    }
  }
  EXPECT_LE(errors.kernel, 2 * errors.plain);
}

TEST(Attend, EveryPageFormat) {
  for (int32_t dtype : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16, TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
    SCOPED_TRACE(dtype);
    Case c;
    c.layout.dtype = dtype;
    c.fresh_gap = dtype == TRIMTAB_F16 ? 3 : 0;
    attend_and_compare(c);
  }
}

TEST(Attend, Masks) {
  Case c;
  c.mask = TRIMTAB_MASK_CAUSAL;
  attend_and_compare(c);
  c.mask = TRIMTAB_MASK_TREE;
  c.parents = {-1, 0, 0, 1, 1, 2, -1, 6, 7, -1, -1, 1, 2, -1, -1, -1, -1, -1};
  attend_and_compare(c);
}

TEST(Attend, OneSourceOnly) {
  Case c;
  c.history_lengths.clear();
  attend_and_compare(c);
  c = {};
  c.fresh_lengths.clear();
  c.history_lengths = {1, 0};  // row 1: queries that see nothing
  attend_and_compare(c);
}

TEST(Attend, HeadDims) {
  for (int head_dim : {8, 40, 128, 256}) {
    Case c;
    c.layout = {TRIMTAB_BF16, 32, 2, 2, 2, head_dim, 3};
    c.history_lengths = {20, 50, 64, 96};
    c.group = 1;
    attend_and_compare(c);
  }
}

TEST(Attend, BadValuesAreNoted) {
  Layout layout;
  Cache cache(layout, {20, 20}, 41);
  cache.table[1] = layout.pages();
  Vectors q(TRIMTAB_F32, 2, 3, 2, 32, 44);
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

}  // namespace
}  // namespace trimtab::test
