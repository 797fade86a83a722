// Attention of tests: one launch, its reference in binary64, and how far apart they may be.
#pragma once

#include "attend/attend.cuh"
#include "kv_cache.h"

namespace trimtab::test {

struct AttendCase {
  Layout layout = {TRIMTAB_BF16, 16, 2, 1, 2, 64, 6};
  std::vector<int32_t> history_lengths = {50, 83};  // empty: no history
  std::vector<int32_t> fresh_lengths = {9, 4};      // empty: no new tokens
  std::vector<int32_t> query_lengths = {9, 4};
  int32_t query_dtype = TRIMTAB_BF16;
  int32_t fresh_dtype = TRIMTAB_BF16;
  int fresh_gap = 0;
  int group = 2;
  int queries = 9;
  int mask = TRIMTAB_MASK_NONE;
  std::vector<int32_t> parents;
  float scale = 0.125f;
  uint64_t seed = 41;
  int reserve = 0;  // tokens that lists have pages for, if more than they hold

  /** Some parent of each query: every third one is a root. */
  void make_tree() {
    mask = TRIMTAB_MASK_TREE;
    parents.clear();
    for (int i = 0; i < layout.rows * queries; i++) {
      int node = i % queries;
      parents.push_back(node % 3 == 0 ? -1 : (node * 5 + i) % node);
    }
  }

  bool sees(int row, int query, int fresh) const {
    if (fresh < 0 || mask == TRIMTAB_MASK_NONE) return true;
    if (mask == TRIMTAB_MASK_CAUSAL) return fresh <= query;
    for (int i = query; i >= 0; i = parents[row * queries + i]) {
      if (i == fresh) return true;
    }
    return false;
  }
};

/** A case on the device. */
class AttendRun {
 public:
  explicit AttendRun(const AttendCase& c)
      : c(c),
        heads(c.layout.heads * c.group),
        cache(c.layout, lengths_of(c), c.seed, c.reserve),
        k(c.fresh_dtype, c.layout.rows, c.layout.heads, c.queries, c.layout.head_dim, c.seed + 1,
          c.fresh_gap),
        v(c.fresh_dtype, c.layout.rows, c.layout.heads, c.queries, c.layout.head_dim, c.seed + 2,
          c.fresh_gap),
        q(c.query_dtype, c.layout.rows, heads, c.queries, c.layout.head_dim, c.seed + 3),
        query_lengths(c.query_lengths),
        parents(c.parents),
        out(size_t(c.layout.rows) * heads * c.queries * c.layout.head_dim, -7.f),
        lse(size_t(c.layout.rows) * heads * c.queries, -7.f) {
    sources.fresh_lengths = std::vector<int32_t>(c.layout.rows, 0);
    if (!c.history_lengths.empty()) sources.history = &cache;
    if (!c.fresh_lengths.empty()) {
      sources.k = &k;
      sources.v = &v;
      sources.fresh_lengths = c.fresh_lengths;
    }
  }

  /** Copies everything there; whoever changes numbers does it before. */
  void to_device() {
    const Layout& l = c.layout;
    fresh = std::make_unique<FreshOnDevice>(sources);
    params = {};
    params.q = q.on_device();
    params.query_lengths = query_lengths.tensor(TRIMTAB_I32, {l.rows});
    if (sources.history != nullptr) params.history = cache.on_device();
    params.fresh = fresh->params;
    if (!c.parents.empty()) params.parents = parents.tensor(TRIMTAB_I32, {l.rows, c.queries});
    params.out = out.tensor(TRIMTAB_F32, {l.rows, heads, c.queries, l.head_dim});
    params.lse = lse.tensor(TRIMTAB_F32, {l.rows, heads, c.queries});
    params.mask = c.mask;
    params.scale = c.scale;
  }

  const AttendCase c;
  const int heads;
  Cache cache;
  Vectors k, v, q;
  Sources sources;
  OnDevice<int32_t> query_lengths, parents;
  OnDevice<float> out, lse;
  std::unique_ptr<FreshOnDevice> fresh;
  trimtab_attend_params params{};

 private:
  static std::vector<int32_t> lengths_of(const AttendCase& c) {
    return c.history_lengths.empty() ? std::vector<int32_t>(c.layout.rows * c.layout.lists, 0)
                                     : c.history_lengths;
  }
};

/** One line's result: its output with the log-sum-exp behind it, and what bounds errors of it. */
struct AttendLine {
  std::vector<double> result;
  std::vector<double> weighed;  // sums of weight times |value|
  std::vector<double> values;   // sums of |value| times the largest weight
  double logit_error = 0;       // of any logit in binary32, sums in any order
  double largest = 0;           // magnitude of a logit
  double unit = 0;              // half a unit in the last place of what a weight is rounded to
};

/** The format that tensor cores take the weight of a token's value in. */
inline int32_t weight_format(const AttendRun& run, bool paged) {
  int32_t dtype = paged ? run.c.layout.dtype : run.c.fresh_dtype;
  return dtype == TRIMTAB_F16 ? TRIMTAB_F16 : TRIMTAB_BF16;
}

/** One line in the arithmetic of Real, with weights rounded as for tensor cores or not. */
template <typename Real>
AttendLine attend_line(const AttendRun& run, int row, int query_head, int query, bool rounded) {
  int head = query_head / run.c.group;
  int before = run.sources.history_tokens(row, head);
  int tokens = run.sources.tokens(row, head);
  size_t columns = run.c.layout.head_dim;
  std::vector<float> q = run.q.vector(row, query_head, query);
  std::vector<Real> logits(tokens, -INFINITY);
  AttendLine line;
  bool any = false;
  Real max = -INFINITY;
  for (int t = 0; t < tokens; t++) {
    bool valid = query < run.c.query_lengths[row] && run.c.sees(row, query, t - before);
    if (!valid) continue;
    any = true;
    std::vector<float> key = run.sources.vector(row, head, t, false);
    Real logit = 0;
    double terms = 0;
    for (size_t d = 0; d < columns; d++) {
      logit += Real(q[d]) * key[d];
      terms += std::fabs(double(q[d]) * key[d]);
    }
    logits[t] = logit * run.c.scale;
    max = std::max(max, logits[t]);
    if (std::isinf(terms)) continue;
    // Products are exact; a step of tensor cores adds 16 of them and cuts off below 2^-23.
    terms *= std::fabs(run.c.scale);
    line.logit_error = std::max(line.logit_error, terms * (columns / 16.0 + 2) * 0x1p-22);
    line.largest = std::max(line.largest, terms);
  }
  std::vector<Real> out(columns);
  line.weighed.resize(columns);
  line.values.resize(columns);
  Real sum = 0;
  for (int t = 0; t < tokens; t++) {
    if (logits[t] == -INFINITY) continue;
    Real weight = std::exp(logits[t] - max);
    sum += weight;
    std::vector<float> value = run.sources.vector(row, head, t, true);
    double factor = 1;  // of the weight before it is rounded
    if (t < before && has_scales(run.c.layout.dtype)) {
      factor = number(TRIMTAB_BF16, &run.cache.slab[run.cache.scale(row, head, t, true)]);
    }
    int32_t format = weight_format(run, t < before);
    line.unit = std::max(line.unit, format == TRIMTAB_F16 ? 0x1p-11 : 0x1p-8);
    Real used = weight;
    if (rounded) {
      auto scaled = static_cast<float>(weight * factor);
      float result = format == TRIMTAB_F16 ? from_f16(to_f16(scaled)) : from_bf16(to_bf16(scaled));
      used = Real(result / factor);
    }
    for (size_t d = 0; d < columns; d++) {
      out[d] += used * value[d];
      line.weighed[d] += std::fabs(double(weight) * value[d]);
      line.values[d] += std::fabs(value[d]);
    }
  }
  for (size_t d = 0; d < columns; d++) {
    line.result.push_back(any ? double(out[d] / sum) : 0);
    line.weighed[d] /= any ? sum : 1;
    line.values[d] /= any ? sum : 1;
  }
  line.result.push_back(any ? double(max + std::log(sum)) : -INFINITY);
  return line;
}

/** Sums of squares of errors, of the kernel and of a plain computation. */
struct AttendErrors {
  double kernel = 0;
  double plain = 0;
  double largest_kernel = 0;
  double largest_plain = 0;

  void add(double kernel_error, double plain_error) {
    kernel += kernel_error * kernel_error;
    plain += plain_error * plain_error;
    largest_kernel = std::max(largest_kernel, kernel_error);
    largest_plain = std::max(largest_plain, plain_error);
  }
};

/**
 * Compares what is on the device. Results on tensor cores: every one within what the roundings of
 * its formats allow (cuda/attend/tiles.cuh), and all together, as root of the mean of squares, at
 * most twice the error of a plain computation whose weights are rounded to the same formats.
 * Others: the largest error at most twice that of a plain computation in binary32.
 */
inline void compare_attend(const AttendRun& run, bool tensor_cores) {
  std::vector<float> outs = run.out.values();
  std::vector<float> lses = run.lse.values();
  const Layout& l = run.c.layout;
  AttendErrors errors;
  for (int row = 0; row < l.rows; row++) {
    for (int h = 0; h < run.heads; h++) {
      for (int i = 0; i < run.c.queries; i++) {
        SCOPED_TRACE(testing::Message() << "row " << row << " head " << h << " query " << i);
        AttendLine exact = attend_line<double>(run, row, h, i, false);
        AttendLine plain = attend_line<float>(run, row, h, i, tensor_cores);
        int tokens = run.sources.tokens(row, h / run.c.group);
        size_t place = (size_t(row) * run.heads + h) * run.c.queries + i;
        // Weights: their logits', in numerator and denominator, and exp2's; sums: a step of tensor
        // cores adds 16, and each tile of 32 or 64 keys and each split scales what there is.
        double logit = exact.logit_error + exact.largest * 0x1p-22;
        double sums = 2 * logit + (tokens / 8.0 + 16) * 0x1p-22;
        for (int d = 0; d < l.head_dim; d++) {
          double error = std::fabs(outs[place * l.head_dim + d] - exact.result[d]);
          double bound = exact.weighed[d] * (exact.unit + sums) + exact.values[d] * 0x1p-25;
          if (tensor_cores) {
            ASSERT_TRUE(error <= bound) << "column " << d << " error " << error << " of " << bound;
          }
          ASSERT_FALSE(std::isnan(error)) << "column " << d;
          // Even exact weights would be of logits in binary32.
          double least = tensor_cores ? exact.weighed[d] * (exact.largest + 1) * 0x1p-22 : 0;
          errors.add(error, std::fabs(plain.result[d] - exact.result[d]) + least);
        }
        double expected = exact.result[l.head_dim];
        if (std::isinf(expected)) {
          ASSERT_EQ(lses[place], expected);
          continue;
        }
        double error = std::fabs(lses[place] - expected);
        double bound = logit + (tokens / 8.0 + 16) * 0x1p-22 + std::fabs(expected) * 0x1p-22;
        ASSERT_TRUE(error <= bound) << "log-sum-exp " << lses[place] << " error " << error;
        if (!tensor_cores) errors.add(error, std::fabs(plain.result[l.head_dim] - expected));
      }
    }
  }
  if (tensor_cores) {
    EXPECT_LE(std::sqrt(errors.kernel), 2 * std::sqrt(errors.plain));
  } else {
    EXPECT_LE(errors.largest_kernel, 2 * errors.largest_plain);
  }
}

/** Runs a case and compares. */
inline void attend_and_compare(const AttendCase& c, bool tensor_cores) {
  AttendRun run(c);
  run.to_device();
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  compare_attend(run, tensor_cores);
}

/** The page in place 3 of the first list is bad: that is noted and its tokens count as zeros. Bad
 * ids in places past the end of the list are not looked at. */
inline void compare_with_bad_page(const AttendCase& c, std::initializer_list<int> past_the_end) {
  for (int32_t bad : {-1, c.layout.pages()}) {
    AttendRun run(c);
    int32_t page = run.cache.table[3];
    run.cache.table[3] = bad;
    for (int place : past_the_end) run.cache.table[place] = bad;
    run.to_device();
    Status status;
    ASSERT_NO_FATAL_FAILURE(
        trimtab::test::run(run.params, workspace_attend, launch_attend, status));
    EXPECT_EQ(status.value().argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_HISTORY_TABLE));
    EXPECT_EQ(status.value().index, 3);
    EXPECT_EQ(status.value().value, bad);
    std::vector<float> out = run.out.values();
    run.cache.table[3] = page;
    std::fill_n(&run.cache.slab[page * c.layout.page_bytes()], c.layout.page_bytes(), 0);
    run.to_device();
    ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
    EXPECT_EQ(run.out.values(), out);
  }
}

/** A row alone, and one whose list has less room, give the bits that they give in a batch. */
inline void compare_rows_alone(const AttendCase& c) {
  AttendRun run(c);
  run.to_device();
  ASSERT_NO_FATAL_FAILURE(trimtab::test::run(run.params, workspace_attend, launch_attend));
  std::vector<float> batch = run.out.values();
  size_t elements = batch.size() / c.layout.rows;
  for (int row = 0; row < c.layout.rows; row++) {
    OnDevice<float> out(elements, -7.f);
    trimtab_attend_params params = run.params;
    for (trimtab_tensor* tensor :
         {&params.q, &params.query_lengths, &params.history.table, &params.history.lengths,
          &params.fresh.k, &params.fresh.v, &params.fresh.lengths}) {
      size_t element = tensor->dtype == TRIMTAB_I32 ? 4 : bytes_of(tensor->dtype);
      tensor->data = static_cast<char*>(tensor->data) + row * tensor->stride[0] * element;
      tensor->size[0] = 1;
    }
    int32_t tokens = params.history.tokens;
    params.history.table.size[2] = std::max((c.history_lengths[row] + tokens - 1) / tokens, 1);
    params.out = out.tensor(TRIMTAB_F32, {1, run.heads, c.queries, c.layout.head_dim});
    params.lse = {};
    ASSERT_NO_FATAL_FAILURE(trimtab::test::run(params, workspace_attend, launch_attend));
    std::vector<float> alone = out.values();
    for (size_t i = 0; i < elements; i++) {
      ASSERT_EQ(bits_of(alone[i]), bits_of(batch[row * elements + i])) << "row " << row;
    }
  }
}

/** On the first device of compute capability 9.0; skipped where there is none. */
class OnHopper : public testing::Test {
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

}  // namespace trimtab::test
