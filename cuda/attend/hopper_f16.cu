// Attention on tensor cores of sm_90a: F16.
#include "attend/hopper_launch.cuh"

namespace trimtab {

template bool launch_hopper<true>(const AttendArguments&, const Limits&, cudaStream_t,
                                  cudaError_t*);

}  // namespace trimtab
