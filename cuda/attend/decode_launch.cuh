// The shapes of blocks that attention of few lines on sm_90a is launched with.
#pragma once

#include "attend/decode.cuh"
#include "attend/kernels.cuh"

namespace trimtab {

template <class S>
bool launch_decode_shape(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                         cudaError_t* error) {
  int64_t tiles = (a.lines + S::LINES - 1) / S::LINES;
  int64_t pieces = tiles * a.splits * a.heads * a.op.q.size[0];
  HopperMaps maps = maps_of(a.op, S::KEYS, S::FRESH_KEYS);
  if (pieces > INT32_MAX || (has(a.op.fresh) && maps.tokens[0] == 0) ||
      (has(a.op.history) && maps.tokens[1] == 0)) {
    return false;
  }
  Grid grid{blocks_of(std::min<int64_t>(pieces, limits.processors)), dim3(S::THREADS),
            S::SHARED_BYTES, true};
  *error = launch(attend_decode<S>, grid, stream, a, maps, static_cast<int32_t>(pieces));
  return true;
}

/** 193 KiB of shared memory, one block a multiprocessor; registers are in
 * native/tests/baseline/resources.txt. */
template <bool HALF, bool PACKED>
bool launch_decode(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                   cudaError_t* error) {
#if defined(__CUDACC__) && !defined(TRIMTAB_SM90A)
  return false;
#else
  int64_t columns = a.op.q.size[3];
  if (limits.architecture != 90 || columns > 128) return false;
  return columns <= 64
             ? launch_decode_shape<DecodeShape<64, HALF, PACKED> >(a, limits, stream, error)
             : launch_decode_shape<DecodeShape<128, HALF, PACKED> >(a, limits, stream, error);
#endif
}

}  // namespace trimtab
