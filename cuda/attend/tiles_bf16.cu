// Attention on tensor cores: BF16 queries over BF16 tokens.
#include "attend/tiles_launch.cuh"

namespace trimtab {

template bool launch_tiles<false, false>(const AttendArguments&, const Limits&, cudaStream_t,
                                         cudaError_t*);

}  // namespace trimtab
