// A kernel that does nothing: the cost of the way to the device, and whether there is code for it.
#pragma once

#include <cuda_runtime.h>

namespace trimtab {

cudaError_t launch_noop(cudaStream_t stream);

/** Success where the library has code for the current device. */
cudaError_t find_code();

}  // namespace trimtab
