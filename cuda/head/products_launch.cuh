// How logits of many vectors are launched.
#pragma once

#include <algorithm>

#include "head/kernels.cuh"
#include "head/products.cuh"

namespace trimtab {

template <class Format, bool HALF, int TILES, int FRAGMENTS, bool WIDE = false>
bool launch_shape(HeadArguments& a, const Limits& limits, cudaStream_t stream, cudaError_t* error) {
  using Kernel = Products<Format, HALF, TILES, FRAGMENTS, WIDE>;
  constexpr int TOGETHER = WIDE ? WARPGROUP / LANES : 1; /* warps */
  using Rows = typename Kernel::Rows;
  int tiles = std::max(1, ceil_div(a.capacity, Rows::ROWS));
  int blocks = std::min(tiles, limits.processors);
  // As many warps as share hidden vectors, if there are three stages of them, then fewer.
  int warps = std::min(Kernel::MOST_WARPS, ceil_div(tiles, blocks * TOGETHER) * TOGETHER);
  auto shared_bytes = [&] {
    return (WIDE ? PANEL_ALIGNMENT : 0) + Kernel::Hidden::bytes(a) +
           warps * a.stages * Rows::SLOT_BYTES;
  };
  for (int least : {3, 2}) {
    for (int most = warps; warps > 0; warps -= TOGETHER) {
      for (a.stages = MOST_STAGES; a.stages >= least; a.stages--) {
        if (shared_bytes() > dynamic_shared(limits)) continue;
        Grid grid{dim3(blocks), dim3(warps * LANES), static_cast<unsigned>(shared_bytes())};
        *error = launch(head_products<Format, HALF, TILES, FRAGMENTS, WIDE>, grid, stream, a);
        return true;
      }
      if (warps == TOGETHER) {
        warps = most;
        break;
      }
    }
  }
  return false;
}

template <class Format, bool HALF>
bool launch_products(HeadArguments& a, const Limits& limits, cudaStream_t stream,
                     cudaError_t* error) {
  if (a.vectors <= FEW_PRODUCTS) {
    return launch_shape<Format, HALF, FEW_PRODUCTS / 8, 1>(a, limits, stream, error);
  }
  // Larger tiles read hidden vectors less often, but must be enough to occupy the device.
  constexpr int MANY = MOST_PRODUCTS / 8;
  if (wide_products(a, limits)) {
    return launch_shape<Format, HALF, MANY, 1, true>(a, limits, stream, error);
  }
  bool large = a.capacity >= 128 * limits.processors;
  return (large && launch_shape<Format, HALF, MANY, 2>(a, limits, stream, error)) ||
         launch_shape<Format, HALF, MANY, 1>(a, limits, stream, error);
}

}  // namespace trimtab
