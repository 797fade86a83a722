// The kernels of a head by format.
#pragma once

#include "common/limits.cuh"
#include "head/arguments.cuh"

namespace trimtab {

/** Enqueues canonical logits of up to MOST_DOTS vectors and what is made of them. */
template <class Format>
cudaError_t launch_dots(HeadArguments arguments, const Limits& limits, cudaStream_t stream);

}  // namespace trimtab
