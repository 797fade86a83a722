// Attention on sm_90a: F16 queries, few lines.
#include "attend/decode_launch.cuh"

namespace trimtab {

template bool launch_decode<true, false>(const AttendArguments&, const Limits&, cudaStream_t,
                                         cudaError_t*);

}  // namespace trimtab
