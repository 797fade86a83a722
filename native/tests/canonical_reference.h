// The canonical order of scores written plainly, one number after the other, to be compared bit for
// bit; and the same in binary64.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "common/canonical.cuh"
#include "kv_cache.h"

namespace trimtab::test {

using Floats = std::vector<float>;

inline float dot(const Floats& a, const Floats& b) {
  float lanes[32] = {};
  for (size_t i = 0; i < a.size(); i++) lanes[i % 32] = std::fma(a[i], b[i], lanes[i % 32]);
  return tree(lanes);
}

inline float sum(const Floats& x) {
  float total = 0;
  for (size_t first = 0; first < x.size(); first += 256) {
    float lanes[32] = {};
    for (size_t i = first; i < std::min(first + 256, x.size()); i++) lanes[i % 32] += x[i];
    total += tree(lanes);
  }
  return total;
}

inline float max_of(const Floats& x, size_t from, size_t to) {
  float max = -INFINITY;
  for (size_t i = from; i < to; i++) max = max_or_nan(max, x[i]);
  return max;
}

inline Floats logits(const Floats& query, const std::vector<Floats>& keys, size_t count,
                     float scale) {
  Floats logits(count);
  for (size_t t = 0; t < count; t++) logits[t] = dot(query, keys[t]) * scale;
  return logits;
}

/** Adds a query's softmax weights on the first `visible` keys. */
inline void add_weights(const Floats& query, const std::vector<Floats>& keys, size_t visible,
                        float scale, Floats& sums) {
  Floats weights = logits(query, keys, visible, scale);
  float max = max_of(weights, 0, visible);
  for (float& w : weights) w = trimtab::exp(w - max);
  float total = sum(weights);
  for (size_t t = 0; t < visible; t++) sums[t] += weights[t] / total;
}

inline float log_sum_exp(const Floats& logits) {
  LogSumExp all;
  for (size_t first = 0; first < logits.size(); first += 256) {
    size_t end = std::min(first + 256, logits.size());
    float max = max_of(logits, first, end);
    Floats weights;
    for (size_t i = first; i < end; i++) weights.push_back(trimtab::exp(logits[i] - max));
    all.add(max, sum(weights));
  }
  return all.value();
}

/** The places of the `wanted` highest, of equal ones the lower, NaN last, in rising order. */
inline std::vector<int32_t> highest(const Floats& x, size_t wanted) {
  std::vector<int32_t> places(x.size());
  std::iota(places.begin(), places.end(), 0);
  auto before = [&](int32_t a, int32_t b) {
    bool a_nan = std::isnan(x[a]);
    bool b_nan = std::isnan(x[b]);
    if (a_nan || b_nan) return a_nan == b_nan ? a < b : b_nan;
    return x[a] != x[b] ? x[a] > x[b] : a < b;
  };
  std::sort(places.begin(), places.end(), before);
  places.resize(std::min(wanted, places.size()));
  std::sort(places.begin(), places.end());
  return places;
}

/** Pools plain scores; `windowed` tokens give way and end as -inf. */
inline Floats pool(const Floats& plain, const std::vector<bool>& windowed, int pooling, int width) {
  Floats neutral = plain;
  Floats pooled(plain.size());
  int64_t reach = pooling == TRIMTAB_POOLING_NONE ? 0 : width / 2;
  auto tokens = static_cast<int64_t>(plain.size());
  for (int64_t t = 0; t < tokens; t++) {
    if (windowed[t]) neutral[t] = pooling == TRIMTAB_POOLING_MAX ? -INFINITY : 0.f;
  }
  for (int64_t t = 0; t < tokens; t++) {
    float max = NAN;
    float total = 0;
    // One place outside stands for all.
    for (int64_t i = std::max<int64_t>(t - reach, -1); i <= std::min(t + reach, tokens); i++) {
      bool outside = i < 0 || i >= tokens;
      max = max_number(max, outside ? -INFINITY : neutral[i]);
      if (!outside) total += neutral[i];
    }
    pooled[t] = pooling == TRIMTAB_POOLING_MAX   ? max
                : pooling == TRIMTAB_POOLING_AVG ? total / static_cast<float>(width)
                                                 : neutral[t];
    if (windowed[t]) pooled[t] = -INFINITY;
  }
  return pooled;
}

/** Equal bits, but for a NaN's payload. */
inline void expect_bits(const Floats& actual, const Floats& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); i++) {
    if (std::isnan(actual[i]) && std::isnan(expected[i])) continue;
    ASSERT_EQ(bits_of(actual[i]), bits_of(expected[i]))
        << "at " << i << ": " << actual[i] << ", expected " << expected[i];
  }
}

}  // namespace trimtab::test
