// How canonical logits are launched.
#pragma once

#include <algorithm>

#include "common/launch.cuh"
#include "head/dots.cuh"
#include "head/kernels.cuh"

namespace trimtab {

template <class Format, int VECTORS, bool FEW = false>
cudaError_t launch_dots(HeadArguments& a, const Limits& limits, cudaStream_t stream) {
  using Kernel = Dots<Format, VECTORS, FEW>;
  using Rows = typename Kernel::Rows;
  using Hidden = typename Kernel::Hidden;
  int tiles = std::max(1, ceil_div(a.capacity, Rows::ROWS));
  int blocks = std::min(tiles, limits.processors);
  int warp_bytes = Kernel::warp_bytes(a);
  // Hidden vectors leave room for four warps' stages.
  int budget = dynamic_shared(limits);
  a.window = ceil_div(a.columns, Rows::COLUMNS) * Rows::COLUMNS;
  int most = (budget - 4 * warp_bytes) / Hidden::bytes(Rows::COLUMNS);
  a.window = std::min(a.window, std::max(1, most) * Rows::COLUMNS);
  budget -= Hidden::bytes(a.window);
  int warps = std::clamp(budget / warp_bytes, 1, Kernel::MOST_WARPS);
  // As many as share all rounds of tiles.
  int rounds = ceil_div(tiles, blocks * warps);
  warps = ceil_div(tiles, blocks * rounds);
  Grid grid{dim3(blocks), dim3(warps * LANES),
            static_cast<unsigned>(Hidden::bytes(a.window) + warps * warp_bytes)};
  grid.early = Kernel::EARLY && limits.architecture >= 90;
  return launch(head_dots<Format, VECTORS, FEW>, grid, stream, a);
}

/** Chooses the size of tiles. */
template <class Format, int VECTORS>
cudaError_t launch_shape(HeadArguments& a, const Limits& limits, cudaStream_t stream) {
  if constexpr (VECTORS > 1 || Format::QUANTIZED) {
    using Many = Dots<Format, VECTORS, false>;
    if (a.capacity < Many::Rows::ROWS * Many::MOST_WARPS * limits.processors * 3 / 4) {
      return launch_dots<Format, VECTORS, true>(a, limits, stream);
    }
  }
  return launch_dots<Format, VECTORS>(a, limits, stream);
}

template <class Format>
cudaError_t launch_dots(HeadArguments a, const Limits& limits, cudaStream_t stream) {
  if (a.vectors == 1) return launch_shape<Format, 1>(a, limits, stream);
  if (a.vectors <= 4) return launch_dots<Format, 4>(a, limits, stream);
  return launch_shape<Format, MOST_DOTS>(a, limits, stream);
}

}  // namespace trimtab
