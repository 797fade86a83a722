// Chosen weight rows copied side by side.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_pack` needs for these shapes; 0, or counters first. */
uint64_t workspace_pack(const trimtab_pack_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_pack(const trimtab_pack_params& params, cudaStream_t stream);

}  // namespace trimtab
