// The shapes of blocks that attention of few lines on sm_90a is launched with.
#pragma once

#include "attend/decode.cuh"
#include "attend/kernels.cuh"

namespace trimtab {

template <class S>
bool launch_decode_shape(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                         cudaError_t* error) {
  int64_t pieces = pieces_of(a, S::LINES);
  HopperMaps maps = maps_of(a.op, S::KEYS, S::FRESH_KEYS, 128);
  if (pieces > INT32_MAX || (has(a.op.fresh) && maps.tokens[0] == 0) ||
      (has(a.op.history) && maps.tokens[1] == 0)) {
    return false;
  }
  Grid grid{blocks_of(std::min<int64_t>(pieces, limits.processors)), dim3(S::THREADS),
            S::SHARED_BYTES, true};
  *error = launch(attend_decode<S>, grid, stream, a, maps, static_cast<int32_t>(pieces));
  return true;
}

/** Up to 215 KiB of shared memory, one block a multiprocessor; registers are in
 * native/tests/baseline/resources.txt. */
template <bool HALF, bool PACKED>
bool launch_decode(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                   cudaError_t* error) {
#if defined(__CUDACC__) && !defined(TRIMTAB_SM90A)
  return false;
#else
  int64_t columns = a.op.q.size[3];
  if (limits.architecture != 90 || columns > 128) return false;
  bool eight = a.lines <= 8;
  auto shape = [&](auto launch) { return launch(a, limits, stream, error); };
  return columns <= 64 ? shape(eight ? launch_decode_shape<DecodeShape<64, 8, HALF, PACKED> >
                                     : launch_decode_shape<DecodeShape<64, 16, HALF, PACKED> >)
                       : shape(eight ? launch_decode_shape<DecodeShape<128, 8, HALF, PACKED> >
                                     : launch_decode_shape<DecodeShape<128, 16, HALF, PACKED> >);
#endif
}

}  // namespace trimtab
