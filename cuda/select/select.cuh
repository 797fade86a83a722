// The window and the highest scores of each head.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_select` needs for these shapes; 0, or counters first. */
uint64_t workspace_select(const trimtab_select_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_select(const trimtab_select_params& params, cudaStream_t stream);

}  // namespace trimtab
