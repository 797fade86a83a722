// How canonical logits are launched.
#pragma once

#include <algorithm>

#include "common/launch.cuh"
#include "head/dots.cuh"
#include "head/kernels.cuh"

namespace trimtab {

template <class Format, int VECTORS>
cudaError_t launch_dots(HeadArguments& a, const Limits& limits, cudaStream_t stream) {
  using Kernel = Dots<Format, VECTORS>;
  using Rows = typename Kernel::Rows;
  using Hidden = typename Kernel::Hidden;
  int tiles = std::max(1, ceil_div(a.capacity, Rows::ROWS));
  int blocks = std::min(tiles, limits.processors);
  // Three stages keep memory busy, whatever the warps: hidden vectors leave room for four warps'.
  int budget = dynamic_shared(limits);
  a.window = ceil_div(a.columns, Rows::COLUMNS) * Rows::COLUMNS;
  int most = (budget - 4 * 3 * Rows::SLOT_BYTES) / Hidden::bytes(Rows::COLUMNS);
  a.window = std::min(a.window, std::max(1, most) * Rows::COLUMNS);
  budget -= Hidden::bytes(a.window);
  int warps = std::clamp(budget / (3 * Rows::SLOT_BYTES), 1,
                         std::min(Kernel::MOST_WARPS, ceil_div(tiles, blocks)));
  a.stages = std::min(MOST_STAGES, budget / (warps * Rows::SLOT_BYTES));
  Grid grid{dim3(blocks), dim3(warps * LANES),
            static_cast<unsigned>(Hidden::bytes(a.window) + warps * a.stages * Rows::SLOT_BYTES)};
  return launch(head_dots<Format, VECTORS>, grid, stream, a);
}

template <class Format>
cudaError_t launch_dots(HeadArguments a, const Limits& limits, cudaStream_t stream) {
  if (a.vectors == 1) return launch_dots<Format, 1>(a, limits, stream);
  if (a.vectors <= 4) return launch_dots<Format, 4>(a, limits, stream);
  return launch_dots<Format, MOST_DOTS>(a, limits, stream);
}

}  // namespace trimtab
