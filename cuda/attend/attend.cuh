// Attention over pages and new tokens.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_attend` needs for these shapes; 0, or counters first. */
uint64_t workspace_attend(const trimtab_attend_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_attend(const trimtab_attend_params& params, cudaStream_t stream);

}  // namespace trimtab
