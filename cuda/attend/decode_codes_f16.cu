// Attention on sm_90a: few F16 queries over codes.
#include "attend/decode_launch.cuh"

namespace trimtab {

template bool launch_decode<true, true>(const AttendArguments&, const Limits&, cudaStream_t,
                                        cudaError_t*);

}  // namespace trimtab
