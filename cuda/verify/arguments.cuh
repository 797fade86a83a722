// What the kernels of a verification are given, and the notes that they make.
#pragma once

#include <cuda_runtime.h>

#include "common/canonical.cuh"
#include "common/status.cuh"
#include "trimtab.h"

namespace trimtab {

/** A launch: the operation, and what the host derives from it once. */
struct VerifyArguments {
  trimtab_verify_params op;
  int rows;       /* batch rows B */
  int drafted;    /* tokens of a row */
  int vocabulary; /* V */
  int kept;       /* kept ids k */
  int outcomes;   /* rows of target of a batch row */

  int32_t* found;        /* [rows, outcomes]: what each row of target would emit */
  unsigned char* blocks; /* each block's own memory */
  int64_t block_bytes;
};

/** An element of a tensor of 32-bit elements. */
template <class Element>
__device__ __forceinline__ Element& element(const trimtab_tensor& tensor, int64_t i, int64_t j = 0,
                                            int64_t l = 0) {
  int64_t place = i * tensor.stride[0];
  if (tensor.rank > 1) place += j * tensor.stride[1];
  if (tensor.rank > 2) place += l * tensor.stride[2];
  return static_cast<Element*>(tensor.data)[place];
}

/** Notes a bad value of a verification. */
__device__ __forceinline__ void note_bad(const VerifyArguments& a, uint32_t argument,
                                         uint32_t problem, int64_t index, int64_t value,
                                         Bounds bounds = {}) {
  note(a.op.common.status, TRIMTAB_OPERATION_VERIFY, argument, problem, index, value, bounds);
}

/** Whether an id lies in the vocabulary; notes one that does not. */
__device__ __forceinline__ bool is_id(const VerifyArguments& a, uint32_t argument, int64_t index,
                                      int32_t id) {
  if (id >= 0 && id < a.vocabulary) return true;
  note_bad(a, argument, TRIMTAB_PROBLEM_OUTSIDE, index, id, {0, a.vocabulary - 1});
  return false;
}

/** A uniform number; notes one outside [0, 1). */
__device__ __forceinline__ float uniform_of(const VerifyArguments& a, const trimtab_tensor& tensor,
                                            uint32_t argument, int64_t i, int64_t j = 0) {
  float u = element<const float>(tensor, i, j);
  if (!(u >= 0.f && u < 1.f)) {
    int64_t index = tensor.rank > 1 ? i * tensor.size[1] + j : i;
    note_bad(a, argument, TRIMTAB_PROBLEM_OUTSIDE, index, bits_of(u), {0, 1});
  }
  return u;
}

/** A probability; notes a negative one and what is no number. `first`: index of the row's first. */
__device__ __forceinline__ float probability_of(const VerifyArguments& a, const float* row,
                                                uint32_t argument, int64_t first, int i) {
  float p = row[i];
  if (!(p >= 0.f)) note_bad(a, argument, TRIMTAB_PROBLEM_NEGATIVE, first + i, bits_of(p));
  return p;
}

/** Notes a row of probabilities that is no distribution. */
__device__ __forceinline__ void check_sum(const VerifyArguments& a, uint32_t argument,
                                          int64_t first, float total) {
  double off = static_cast<double>(total) - 1.0;
  if (threadIdx.x == 0 && !(off <= 1e-3 && off >= -1e-3)) {
    note_bad(a, argument, TRIMTAB_PROBLEM_SUM, first, bits_of(total));
  }
}

/** Writes one emitted token. */
__device__ __forceinline__ void emit(const VerifyArguments& a, int row, int place, int32_t token) {
  element<int32_t>(a.op.emitted, row, place) = token;
}

/** Completes a row with `tokens` emitted: -1 behind them. One thread's work. */
__device__ __forceinline__ void end(const VerifyArguments& a, int row, int tokens, int accepted) {
  for (int place = tokens; place < a.op.emitted.size[1]; place++) emit(a, row, place, -1);
  element<int32_t>(a.op.accepted, row) = accepted;
}

}  // namespace trimtab
