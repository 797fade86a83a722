// Scores, selects and writes survivors into fresh pages.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_evict` needs for these shapes; 0, or counters first. */
uint64_t workspace_evict(const trimtab_evict_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_evict(const trimtab_evict_params& params, cudaStream_t stream);

}  // namespace trimtab
