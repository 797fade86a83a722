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
  int64_t pieces = pieces_of(a, S::LINES);
  // Pieces of much the same work are dealt out to as many blocks as run at a time, which copy one's
  // tokens while lines still are at the last; others go to whichever multiprocessor is free.
  bool dealt = a.op.mask != TRIMTAB_MASK_CAUSAL && a.splits == 1 && pieces <= INT32_MAX;
  int64_t blocks = dealt ? std::min<int64_t>(pieces, limits.processors) : pieces;
  Grid grid{blocks_of(blocks), dim3(S::THREADS), S::SHARED_BYTES};
  *error = launch(attend_hopper<S>, grid, stream, a, maps_of(a.op, BOX_TOKENS, BOX_TOKENS, 256),
                  static_cast<int32_t>(pieces));
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
