// The attention selectivity index.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_selectivity` needs for these shapes; 0, or counters first. */
uint64_t workspace_selectivity(const trimtab_selectivity_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_selectivity(const trimtab_selectivity_params& params, cudaStream_t stream);

}  // namespace trimtab
