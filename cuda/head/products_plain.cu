// Logits of many vectors over rows of plain numbers.
#include "head/products_launch.cuh"

namespace trimtab {

template bool launch_products<formats::F32, false>(HeadArguments&, const Limits&, cudaStream_t,
                                                   cudaError_t*);
template bool launch_products<formats::F16, false>(HeadArguments&, const Limits&, cudaStream_t,
                                                   cudaError_t*);
template bool launch_products<formats::F16, true>(HeadArguments&, const Limits&, cudaStream_t,
                                                  cudaError_t*);
template bool launch_products<formats::Bf16, false>(HeadArguments&, const Limits&, cudaStream_t,
                                                    cudaError_t*);

}  // namespace trimtab
