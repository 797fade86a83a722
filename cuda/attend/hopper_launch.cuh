// The shapes of blocks that attention on sm_90a is launched with.
#pragma once

#include "attend/hopper.cuh"
#include "attend/kernels.cuh"

namespace trimtab {

template <class S>
bool launch_hopper_shape(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                         cudaError_t* error) {
  if (S::SHARED_BYTES + static_cast<int>(sizeof(HopperShared<S>)) > limits.block_shared) {
    return false;
  }
  int64_t tiles = (a.lines + S::LINES - 1) / S::LINES;
  Grid grid{blocks_of(tiles * a.splits * a.heads * a.op.q.size[0]), dim3(S::THREADS),
            S::SHARED_BYTES};
  *error = launch(attend_hopper<S>, grid, stream, a, maps_of(a.op));
  return true;
}

/**
 * Two stages of 128 keys: 161 KiB of shared memory for 128 columns, 81 KiB for 64; of 192 keys for
 * 64 columns 113 KiB. Registers are in native/tests/baseline/resources.txt, one block a
 * multiprocessor.
 */
template <bool HALF>
bool launch_hopper(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                   cudaError_t* error) {
#if defined(__CUDACC__) && !defined(TRIMTAB_SM90A)
  return false;
#else
  int64_t columns = a.op.q.size[3];
  if (limits.architecture != 90 || columns > 128) return false;
  if (columns > 64) {
    return launch_hopper_shape<HopperShape<128, 128, 2, 2, HALF> >(a, limits, stream, error);
  }
  // Of few tokens little more than half of 192 may be there.
  return a.lines <= MOST_SPLIT_LINES
             ? launch_hopper_shape<HopperShape<64, 128, 2, 2, HALF> >(a, limits, stream, error)
             : launch_hopper_shape<HopperShape<64, 192, 2, 2, HALF> >(a, limits, stream, error);
#endif
}

}  // namespace trimtab
