// Attention on tensor cores: BF16 queries over codes.
#include "attend/tiles_launch.cuh"

namespace trimtab {

template bool launch_tiles<false, true>(const AttendArguments&, const Limits&, cudaStream_t,
                                        cudaError_t*);

}  // namespace trimtab
