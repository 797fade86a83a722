// Chosen tokens copied into fresh pages.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_compact` needs for these shapes; 0, or counters first. */
uint64_t workspace_compact(const trimtab_compact_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_compact(const trimtab_compact_params& params, cudaStream_t stream);

}  // namespace trimtab
