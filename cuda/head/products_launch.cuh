// How logits of many vectors are launched.
#pragma once

#include <algorithm>

#include "head/kernels.cuh"
#include "head/products.cuh"

namespace trimtab {

/** Launches with as many stages as fit; false where not even two do. */
template <class Kernel>
bool fit_stages(HeadArguments& a, const Limits& limits) {
  for (a.stages = MOST_STAGES; a.stages >= 2; a.stages--) {
    if (Kernel::shared_bytes(a) <= dynamic_shared(limits)) return true;
  }
  return false;
}

template <class Format, bool HALF, int TILES, int WARPS>
bool launch_shape(HeadArguments& a, const Limits& limits, cudaStream_t stream, cudaError_t* error) {
  using Kernel = Products<Format, HALF, TILES, WARPS>;
  if (!fit_stages<Kernel>(a, limits)) return false;
  int tiles = ceil_div(a.capacity, Kernel::Rows::ROWS);
  a.blocks = std::max(1, std::min({tiles, limits.processors, MOST_HEAD_BLOCKS}));
  Grid grid{dim3(a.blocks), dim3(Kernel::Rows::THREADS),
            static_cast<unsigned>(Kernel::shared_bytes(a))};
  *error = launch(head_products<Format, HALF, TILES, WARPS>, grid, stream, a);
  return true;
}

template <class Format, bool HALF>
bool launch_products(HeadArguments& a, const Limits& limits, cudaStream_t stream,
                     cudaError_t* error) {
  if (a.vectors <= FEW_PRODUCTS) {
    return launch_shape<Format, HALF, FEW_PRODUCTS / 8, 4>(a, limits, stream, error);
  }
  // Larger tiles read hidden vectors less often, but must be enough to occupy the device.
  constexpr int MANY = MOST_PRODUCTS / 8;
  bool large = a.capacity >= 128 * limits.processors;
  return (large && launch_shape<Format, HALF, MANY, 8>(a, limits, stream, error)) ||
         launch_shape<Format, HALF, MANY, 4>(a, limits, stream, error);
}

}  // namespace trimtab
