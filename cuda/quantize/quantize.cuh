// Weight rows rounded to FP8, INT8 or INT4.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_quantize` needs for these shapes; 0, or counters first. */
uint64_t workspace_quantize(const trimtab_quantize_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_quantize(const trimtab_quantize_params& params, cudaStream_t stream);

}  // namespace trimtab
