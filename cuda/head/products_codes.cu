// Logits of many vectors over quantised rows.
#include "head/products_launch.cuh"

namespace trimtab {

template bool launch_products<formats::Fp8, false>(HeadArguments&, const Limits&, cudaStream_t,
                                                   cudaError_t*);
template bool launch_products<formats::Int8, false>(HeadArguments&, const Limits&, cudaStream_t,
                                                    cudaError_t*);
template bool launch_products<formats::Int4, false>(HeadArguments&, const Limits&, cudaStream_t,
                                                    cudaError_t*);

}  // namespace trimtab
