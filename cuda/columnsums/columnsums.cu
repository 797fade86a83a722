// Column sums: softmax scores by all queries, not pooled. See softmax/sums.cu; 4096 queries are 256
// batches, each bound by its logits' multiply-adds.
#include "columnsums/columnsums.cuh"

#include "common/ticket.cuh"
#include "softmax/sums.cuh"

namespace trimtab {

namespace {

WeightSums weight_sums(const trimtab_columnsums_params& params) {
  auto group = static_cast<int32_t>(params.q.size[1] / params.sums.size[1]);
  return {{params.q, {}, params.query_lengths, group, params.mask},
          {params.sums, {}, TRIMTAB_POOLING_NONE, 1, 0.f},
          params.history,
          params.fresh,
          params.scale,
          TRIMTAB_OPERATION_COLUMNSUMS,
          params.common.status,
          nullptr};
}

}  // namespace

uint64_t workspace_columnsums(const trimtab_columnsums_params& params) {
  return workspace_weight_sums(weight_sums(params));
}

cudaError_t launch_columnsums(const trimtab_columnsums_params& params, cudaStream_t stream) {
  WeightSums sums = weight_sums(params);
  sums.scratch = scratch(params.common);
  return launch_weight_sums(sums, stream);
}

}  // namespace trimtab
