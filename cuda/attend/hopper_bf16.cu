// Attention on tensor cores of sm_90a: BF16.
#include "attend/hopper_launch.cuh"

namespace trimtab {

template bool launch_hopper<false>(const AttendArguments&, const Limits&, cudaStream_t,
                                   cudaError_t*);

}  // namespace trimtab
