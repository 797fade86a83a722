// Canonical logits over rows of plain numbers.
#include "head/dots_launch.cuh"

namespace trimtab {

template cudaError_t launch_dots<formats::F32>(HeadArguments, const Limits&, cudaStream_t);
template cudaError_t launch_dots<formats::F16>(HeadArguments, const Limits&, cudaStream_t);
template cudaError_t launch_dots<formats::Bf16>(HeadArguments, const Limits&, cudaStream_t);

}  // namespace trimtab
