// Scores of every token by a window of queries.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_score` needs for these shapes; 0, or counters first. */
uint64_t workspace_score(const trimtab_score_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_score(const trimtab_score_params& params, cudaStream_t stream);

/** The same for the scoring that is part of an operation. */
uint64_t workspace_scoring(const trimtab_scoring& scoring);
cudaError_t launch_scoring(const trimtab_common& common, const trimtab_scoring& scoring,
                           uint32_t operation, cudaStream_t stream);

}  // namespace trimtab
