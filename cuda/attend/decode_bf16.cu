// Attention on sm_90a: BF16 queries, few lines.
#include "attend/decode_launch.cuh"

namespace trimtab {

template bool launch_decode<false, false>(const AttendArguments&, const Limits&, cudaStream_t,
                                          cudaError_t*);

}  // namespace trimtab
