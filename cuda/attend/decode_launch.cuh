// The shapes of blocks that attention of few lines on sm_90a is launched with.
#pragma once

#include "attend/decode.cuh"
#include "attend/kernels.cuh"

namespace trimtab {

template <class S>
void launch_decode_shape(const AttendArguments& a, const HopperMaps& maps, cudaStream_t stream,
                         cudaError_t* error) {
  int64_t tiles = (a.lines + S::LINES - 1) / S::LINES;
  Grid grid{blocks_of(tiles * a.splits * a.heads * a.op.q.size[0]), dim3(S::THREADS),
            S::SHARED_BYTES, true};
  *error = launch(attend_decode<S>, grid, stream, a, maps);
}

/** Stages hold 96 KiB; registers are in native/tests/baseline/resources.txt. */
template <bool HALF, bool PACKED>
bool launch_decode(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                   cudaError_t* error) {
#if defined(__CUDACC__) && !defined(TRIMTAB_SM90A)
  return false;
#else
  int64_t columns = a.op.q.size[3];
  if (limits.architecture != 90 || columns > 128) return false;
  using Narrow = DecodeShape<64, 6, HALF, PACKED>;
  using Wide = DecodeShape<128, PACKED ? 6 : 3, HALF, PACKED>;
  HopperMaps maps = maps_of(a.op, Wide::FRESH_KEYS);
  if ((has(a.op.fresh) && maps.tokens[0] == 0) || (has(a.op.history) && maps.tokens[1] == 0)) {
    return false;
  }
  if (columns <= 64) {
    launch_decode_shape<Narrow>(a, maps, stream, error);
  } else {
    launch_decode_shape<Wide>(a, maps, stream, error);
  }
  return true;
#endif
}

}  // namespace trimtab
