// The shapes of blocks that attention on tensor cores is launched with.
#pragma once

#include "attend/kernels.cuh"
#include "attend/tiles.cuh"

namespace trimtab {

template <class S>
bool launch_shape(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                  cudaError_t* error) {
  if (limits.architecture < 80 ||
      S::SHARED_BYTES + static_cast<int>(sizeof(TileShared<S>)) > limits.block_shared) {
    return false;
  }
  Grid grid{blocks_of(pieces_of(a, S::LINES)), dim3(S::THREADS), S::SHARED_BYTES};
  *error = launch(attend_tiles<S>, grid, stream, a);
  return true;
}

/**
 * FEW lines: 16 a block, whose warps share the keys; memory is the bound, and two to four blocks a
 * multiprocessor keep 32 KiB or more on their way. MANY: each warp has its own lines past all keys;
 * 32 of them where registers allow it, which halves what is read from shared memory. Codes are
 * widened by the warp that multiplies them, so they take the form in which that is one warp.
 *
 *   columns            64   128  256
 *   FEW   shared KiB   23    41   77
 *   MANY  shared KiB   37    69   67
 * Registers are in native/tests/baseline/resources.txt; MANY is two blocks a multiprocessor.
 */
template <int COLUMNS, bool HALF, bool PACKED>
bool launch_columns(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                    cudaError_t* error) {
  constexpr bool WIDE = COLUMNS > 128;
  constexpr int FEW_BLOCKS = WIDE ? 2 : PACKED && (COLUMNS > 64) ? 3 : 4;
  using Few = Shape<COLUMNS, 1, 1, 64, FEW_BLOCKS, HALF, PACKED>;
  if constexpr (!PACKED) {
    using Many = Shape<COLUMNS, WIDE ? 1 : 2, 4, WIDE ? 32 : 64, 2, HALF, PACKED>;
    if (a.lines > FEW_LINES) return launch_shape<Many>(a, limits, stream, error);
  }
  return launch_shape<Few>(a, limits, stream, error);
}

template <bool HALF, bool PACKED>
bool launch_tiles(const AttendArguments& a, const Limits& limits, cudaStream_t stream,
                  cudaError_t* error) {
  int64_t columns = a.op.q.size[3];
  return columns <= 64    ? launch_columns<64, HALF, PACKED>(a, limits, stream, error)
         : columns <= 128 ? launch_columns<128, HALF, PACKED>(a, limits, stream, error)
                          : launch_columns<256, HALF, PACKED>(a, limits, stream, error);
}

}  // namespace trimtab
