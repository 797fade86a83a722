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
  a.stages = MOST_STAGES;
  if (Kernel::shared_bytes(a) > dynamic_shared(limits)) a.stages = 2;
  int shared = Kernel::shared_bytes(a);
  int tiles = ceil_div(a.capacity, Kernel::Rows::ROWS);
  int resident = limits.processors * (2 * (shared + 1024) <= limits.processor_shared ? 2 : 1);
  int blocks = std::max(1, std::min({tiles, resident, MOST_HEAD_BLOCKS}));
  Grid grid{dim3(blocks), dim3(Kernel::Rows::THREADS), static_cast<unsigned>(shared)};
  bool finish = a.top > 0 || a.op.log_sum_exp.dtype != TRIMTAB_NONE;
  return launch(head_dots<Format, VECTORS>, grid, stream, a, finish);
}

template <class Format>
cudaError_t launch_dots(HeadArguments a, const Limits& limits, cudaStream_t stream) {
  if (a.vectors == 1) return launch_dots<Format, 1>(a, limits, stream);
  if (a.vectors <= 4) return launch_dots<Format, 4>(a, limits, stream);
  return launch_dots<Format, MOST_DOTS>(a, limits, stream);
}

}  // namespace trimtab
