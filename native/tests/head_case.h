// A head that a test asks for, its run on the device, and what follows from its logits.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "common/canonical.cuh"
#include "head/head.cuh"
#include "weights.h"

namespace trimtab::test {

/** A head and what is asked of it. */
struct HeadCase {
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
struct HeadResults {
  std::vector<float> logits;
  std::vector<int32_t> ids;
  std::vector<float> values;
  std::vector<float> log_sum_exp;
  trimtab_status_word status;
};

/** A case with its data on the device, to be run any number of times. */
class PreparedHead {
 public:
  explicit PreparedHead(const HeadCase& c)
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

  void enqueue() { EXPECT_EQ(launch_head(params_, nullptr), cudaSuccess); }

  HeadResults operator()() {
    enqueue();
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
  const OnDevice<int32_t>& top_ids() const { return top_ids_; }
  /** Gathers rows whose ids lie there. */
  void take_ids(const OnDevice<int32_t>& ids) {
    params_.rows.ids = ids.tensor(TRIMTAB_I32, {capacity_});
  }
  const OnDevice<int32_t>& count() const { return count_; }

 private:
  static std::vector<uint32_t> hidden_of(const HeadCase& c) {
    Random random(2);
    std::vector<uint32_t> bits(static_cast<size_t>(c.vectors) * c.columns);
    for (uint32_t& element : bits) element = random_bits(c.hidden_format, random);
    return bits;
  }

  HeadCase c_;
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

/** Runs a test on each device: they have different kernels and shared memory. */
template <class Body>
void on_each_device(const Body& body) {
  int devices = 0;
  ASSERT_EQ(cudaGetDeviceCount(&devices), cudaSuccess);
  for (int device = 0; device < devices; device++) {
    SCOPED_TRACE(testing::Message() << "device " << device);
    ASSERT_EQ(cudaSetDevice(device), cudaSuccess);
    body();
  }
  cudaSetDevice(0);
}

/** Log-sum-exp in chunks of 256, one after the other. */
inline float log_sum_exp(const std::vector<float>& logits) {
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

inline void same_bits(float got, float wanted, const char* what, int vector, int place) {
  if (std::isnan(wanted) && std::isnan(got)) return;
  EXPECT_EQ(float_to_bits(got), float_to_bits(wanted))
      << what << "[" << vector << ", " << place << "]: " << got << ", expected " << wanted;
}

/** Places by score, the higher and then the earlier first; NaN behind all. */
inline std::vector<int> ranking(const std::vector<float>& scores) {
  std::vector<int> places(scores.size());
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(), [&](int a, int b) {
    return std::isnan(scores[b]) ? !std::isnan(scores[a]) : scores[a] > scores[b];
  });
  return places;
}

inline std::vector<int32_t> every_other(int count) {
  std::vector<int32_t> ids(count);
  for (int i = 0; i < count; i++) ids[i] = 2 * i + 1;
  return ids;
}

}  // namespace trimtab::test
