// Attention that each token receives from all queries.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_columnsums` needs for these shapes; 0, or counters first. */
uint64_t workspace_columnsums(const trimtab_columnsums_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_columnsums(const trimtab_columnsums_params& params, cudaStream_t stream);

}  // namespace trimtab
