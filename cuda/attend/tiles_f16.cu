// Attention on tensor cores: F16 queries over F16 tokens.
#include "attend/tiles_launch.cuh"

namespace trimtab {

template bool launch_tiles<true, false>(const AttendArguments&, const Limits&, cudaStream_t,
                                        cudaError_t*);

}  // namespace trimtab
