// Which drafted tokens become text.
//
// Rows of probabilities are checked as they are read, so those behind the first refused draft are
// not; kept ids are held against their bounds, not against each other.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bytes of workspace that `launch_verify` needs for these shapes; 0, or counters first. */
uint64_t workspace_verify(const trimtab_verify_params& params);

/** Enqueues a checked operation. */
cudaError_t launch_verify(const trimtab_verify_params& params, cudaStream_t stream);

}  // namespace trimtab
