// Logits over the rows of a head, their highest and their log-sum-exp. Up to 8 vectors: canonical.
//
// Ids are held against their bounds, not against each other: one that is there twice has a logit at
// each of its places. An id outside leaves -inf at its place, which is not among the highest.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_head` needs for these shapes; 0, or counters first. */
uint64_t workspace_head(const trimtab_head_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_head(const trimtab_head_params& params, cudaStream_t stream);

}  // namespace trimtab
