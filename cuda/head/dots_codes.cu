// Canonical logits over quantised rows.
#include "head/dots_launch.cuh"

namespace trimtab {

template cudaError_t launch_dots<formats::Fp8>(HeadArguments, const Limits&, cudaStream_t);
template cudaError_t launch_dots<formats::Int8>(HeadArguments, const Limits&, cudaStream_t);
template cudaError_t launch_dots<formats::Int4>(HeadArguments, const Limits&, cudaStream_t);

}  // namespace trimtab
