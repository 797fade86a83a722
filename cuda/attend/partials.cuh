// What the blocks that share the tokens of a line leave in the workspace for combine().
#pragma once

#include "attend/arguments.cuh"
#include "common/fast.cuh"
#include "common/ticket.cuh"

namespace trimtab {

/** Softmax over part of a line's tokens: its largest logit in units of log2, and the sum of
 * weights relative to that one. */
struct PartialSum {
  float max;
  float sum;
};

/** What a part's weights are multiplied by where `max` is the largest logit of all. */
__device__ __forceinline__ float weight_of(const PartialSum& part, float max) {
  return fast_exp2(part.max - (max == -infinity() ? 0.f : max));
}

/** The natural logarithm of the sum of exponentials. */
__device__ __forceinline__ float log_sum(const PartialSum& all) {
  return fma(all.max, 0.6931471805599453f, log(all.sum));
}

/** The parts of all lines, by query head. */
class Partials {
 public:
  static uint64_t bytes(const AttendArguments& a) {
    const int64_t* size = a.op.q.size;
    uint64_t parts = static_cast<uint64_t>(size[0]) * size[1] * size[2] * a.splits;
    return TRIMTAB_COUNTER_BYTES + parts * (sizeof(PartialSum) + sizeof(float) * size[3]);
  }

  __device__ explicit Partials(const AttendArguments& a)
      : size_(a.op.q.size),
        splits_(a.splits),
        out_(reinterpret_cast<float*>(scratch(a.op.common))) {}

  /** The first part of a line; its others follow. */
  __device__ __forceinline__ int64_t first(int32_t row, int32_t query_head, int32_t query) const {
    return ((row * size_[1] + query_head) * size_[2] + query) * splits_;
  }

  /** Weighted sum of values, head_dim elements. */
  __device__ __forceinline__ float* out(int64_t part) const { return out_ + part * size_[3]; }

  __device__ __forceinline__ PartialSum& sum(int64_t part) const {
    float* end = out(size_[0] * size_[1] * size_[2] * splits_);
    return reinterpret_cast<PartialSum*>(end)[part];
  }

 private:
  const int64_t* const size_;
  const int64_t splits_;
  float* const out_;
};

}  // namespace trimtab
