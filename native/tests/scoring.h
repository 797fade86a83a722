// Scoring of tests: the same case for score and evict, and what must come out.
#pragma once

#include "canonical_reference.h"

namespace trimtab::test {

struct ScoringCase {
  Layout layout = {TRIMTAB_BF16, 16, 2, 1, 2, 32, 6};
  std::vector<int32_t> history_lengths = {50, 83};  // of each list; empty: no history
  std::vector<int32_t> fresh_lengths = {9, 4};      // of each row; empty: no new tokens
  int32_t fresh_dtype = TRIMTAB_F16;
  int fresh_gap = 0;
  int group = 2;
  int queries = 6;
  std::vector<int32_t> query_rows = {0, 5, -1, 2, 3, 3, 1, -1};  // four places a row
  std::vector<int32_t> window = {3, 58, -1, 0, 86, 2};           // three positions a row
  int mode = TRIMTAB_MODE_RAW;
  int mask = TRIMTAB_MASK_NONE;
  int pooling = TRIMTAB_POOLING_NONE;
  int pool_width = 5;
  int places = 90;  // T
};

/** A case with its data, on the host and on the device. */
class PreparedScoring {
 public:
  explicit PreparedScoring(const ScoringCase& c)
      : c(c),
        cache(c.layout, lengths_or_zero(c), 11),
        k(c.fresh_dtype, c.layout.rows, c.layout.heads, 9, c.layout.head_dim, 12, c.fresh_gap),
        v(c.fresh_dtype, c.layout.rows, c.layout.heads, 9, c.layout.head_dim, 13, c.fresh_gap),
        q(TRIMTAB_BF16, c.layout.rows, c.layout.heads * c.group, c.queries, c.layout.head_dim, 14),
        rows_(c.query_rows),
        window_(c.window),
        scores_(size_t(c.layout.rows) * c.layout.heads * c.places, -7.f) {
    if (!c.history_lengths.empty()) sources.history = &cache;
    sources.fresh_lengths = std::vector<int32_t>(c.layout.rows, 0);
    if (!c.fresh_lengths.empty()) {
      sources.fresh_lengths = c.fresh_lengths;
      sources.k = &k;
      sources.v = &v;
    }
    fresh_ = std::make_unique<FreshOnDevice>(sources);
  }

  trimtab_scoring params() {
    trimtab_scoring params{};
    params.q = q.on_device();
    params.query_rows = per_row(rows_, c.query_rows);
    if (sources.history != nullptr) params.history = cache.on_device();
    params.fresh = fresh_->params;
    params.window = per_row(window_, c.window);
    params.scores = scores_.tensor(TRIMTAB_F32, {c.layout.rows, c.layout.heads, c.places});
    params.mode = c.mode;
    params.mask = c.mask;
    params.pooling = c.pooling;
    params.pool_width = c.pool_width;
    params.scale = SCALE;
    return params;
  }

  Floats scores() const { return scores_.values(); }

  std::vector<bool> windowed(int row, int head) const {
    std::vector<bool> windowed(sources.tokens(row, head));
    size_t positions = c.window.size() / c.layout.rows;
    for (size_t p = 0; p < positions; p++) {
      int32_t position = c.window[row * positions + p];
      if (position >= 0) windowed[position] = true;
    }
    return windowed;
  }

  /** Scores in the canonical order, [R,G,T]. */
  Floats expected() const {
    Floats all;
    for (int row = 0; row < c.layout.rows; row++) {
      for (int head = 0; head < c.layout.heads; head++) {
        Floats plain = c.mode == TRIMTAB_MODE_RAW ? raw(row, head) : softmax(row, head);
        Floats scores = pool(plain, windowed(row, head), c.pooling, c.pool_width);
        scores.resize(c.places, -INFINITY);
        all.insert(all.end(), scores.begin(), scores.end());
      }
    }
    return all;
  }

  /** Plain scores of a head in binary64. */
  std::vector<double> precise(int row, int head) const {
    std::vector<Floats> keys = sources.keys(row, head);
    std::vector<double> scores(keys.size());
    std::vector<int32_t> present = present_queries(row);
    for (size_t i = 0; i < present.size(); i++) {
      for (int member = 0; member < c.group; member++) {
        Floats query = q.vector(row, head * c.group + member, present[i]);
        std::vector<double> weights(keys.size());
        double max = -INFINITY;
        double total = 0;
        for (size_t t = 0; t < keys.size(); t++) {
          for (size_t d = 0; d < query.size(); d++) weights[t] += double(query[d]) * keys[t][d];
          weights[t] *= SCALE;
          bool seen = t < visible(keys.size(), present.size(), i);
          if (seen) max = std::fmax(max, weights[t]);
          if (!seen) weights[t] = -INFINITY;
        }
        for (double& w : weights) total += std::exp(w - max);
        for (size_t t = 0; t < keys.size(); t++) {
          double weight = std::isinf(max) ? 0 : std::exp(weights[t] - max) / total;
          scores[t] += (c.mode == TRIMTAB_MODE_RAW ? weights[t] : weight) / c.group;
        }
      }
    }
    return scores;
  }

  static constexpr float SCALE = 0.177f;
  ScoringCase c;
  Cache cache;
  Vectors k, v, q;
  Sources sources;

 private:
  static std::vector<int32_t> lengths_or_zero(const ScoringCase& c) {
    if (!c.history_lengths.empty()) return c.history_lengths;
    return std::vector<int32_t>(c.layout.rows * c.layout.lists, 0);
  }

  trimtab_tensor per_row(const OnDevice<int32_t>& on_device, const std::vector<int32_t>& values) {
    if (values.empty()) return {};
    auto each = static_cast<int64_t>(values.size()) / c.layout.rows;
    return on_device.tensor(TRIMTAB_I32, {c.layout.rows, each});
  }

  size_t visible(size_t tokens, size_t present, size_t i) const {
    if (c.mask == TRIMTAB_MASK_NONE) return tokens;
    auto seen = static_cast<int64_t>(tokens) - static_cast<int64_t>(present - 1 - i);
    return static_cast<size_t>(std::max<int64_t>(seen, 0));
  }

  std::vector<int32_t> present_queries(int row) const {
    std::vector<int32_t> present;
    size_t places = c.query_rows.size() / c.layout.rows;
    for (size_t w = 0; w < places; w++) {
      if (c.query_rows[row * places + w] >= 0) present.push_back(c.query_rows[row * places + w]);
    }
    for (int i = 0; places == 0 && i < c.queries; i++) present.push_back(i);
    return present;
  }

  Floats raw(int row, int head) const {
    Floats sum(c.layout.head_dim);
    for (int32_t query : present_queries(row)) {
      for (int member = 0; member < c.group; member++) {
        Floats x = q.vector(row, head * c.group + member, query);
        for (size_t d = 0; d < x.size(); d++) sum[d] += x[d];
      }
    }
    return logits(sum, sources.keys(row, head), sources.tokens(row, head),
                  SCALE / static_cast<float>(c.group));
  }

  Floats softmax(int row, int head) const {
    std::vector<Floats> keys = sources.keys(row, head);
    Floats sums(keys.size());
    std::vector<int32_t> present = present_queries(row);
    for (size_t i = 0; i < present.size(); i++) {
      for (int member = 0; member < c.group; member++) {
        Floats query = q.vector(row, head * c.group + member, present[i]);
        add_weights(query, keys, visible(keys.size(), present.size(), i), SCALE, sums);
      }
    }
    for (float& sum : sums) sum /= static_cast<float>(c.group);
    return sums;
  }

  OnDevice<int32_t> rows_;
  OnDevice<int32_t> window_;
  OnDevice<float> scores_;
  std::unique_ptr<FreshOnDevice> fresh_;
};

}  // namespace trimtab::test
