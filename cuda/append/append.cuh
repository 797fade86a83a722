// Writes new tokens behind those that pages hold.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_append` needs for these shapes; 0, or counters first. */
uint64_t workspace_append(const trimtab_append_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_append(const trimtab_append_params& params, cudaStream_t stream);

}  // namespace trimtab
