// Softmax weights of every token summed over queries: scores in softmax mode, and column sums.
#pragma once

#include <cuda_runtime.h>

#include "score/finish.cuh"
#include "softmax/logits.cuh"

namespace trimtab {

struct WeightSums {
  Queries queries;
  Finish finish;
  trimtab_pages history;
  trimtab_new_tokens fresh;
  float scale;
  uint32_t operation;
  trimtab_status_word* status;
  char* scratch;  // the workspace behind its counters
};

/** Bytes of workspace, the counters included. */
uint64_t workspace_weight_sums(const WeightSums& sums);

cudaError_t launch_weight_sums(const WeightSums& sums, cudaStream_t stream);

}  // namespace trimtab
