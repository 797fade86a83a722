// Pools plain scores whose windows reach too far for a tile.
#pragma once

#include <cuda_runtime.h>

#include "score/finish.cuh"

namespace trimtab {

/** What the pooling launch reads besides the plain scores [R,G,T]. */
struct PlainScores {
  Finish finish;
  trimtab_pages history;
  trimtab_new_tokens fresh;
  trimtab_status_word* status;
  uint32_t operation;
  const float* plain;
};

cudaError_t launch_pool(const PlainScores& scores, cudaStream_t stream);

}  // namespace trimtab
