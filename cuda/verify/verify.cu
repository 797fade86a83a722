// All methods read each row of probabilities that they need once or twice, a block a row:
//
//   bytes  4 V for each row of target read, 8 k of the draft and the kept ids; residuals of sampled
//          drafts go through the workspace, 4 V written and read
//   bound  a block's own share of memory's speed, about 5 us for 128256 ids, and the sequential
//          addition of V / 256 chunks, about 2 us
#include "verify/verify.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "common/shapes.h"
#include "verify/sampled.cuh"
#include "verify/walk.cuh"

namespace trimtab {

namespace {

/** Most blocks of a grid, each with memory of its own. */
constexpr int64_t MOST_BLOCKS = 128;
constexpr int WALK_THREADS = 128;

__global__ void __launch_bounds__(Sampled::THREADS, 1)
    verify_sampled(const __grid_constant__ VerifyArguments a) {
  __shared__ Sampled::Shared shared;
  Sampled sampled(a, shared);
  for (int row = static_cast<int>(blockIdx.x); row < a.rows; row += static_cast<int>(gridDim.x)) {
    if (a.op.method == TRIMTAB_VERIFY_CHAIN) {
      sampled.chain(row);
    } else {
      sampled.siblings(row);
    }
  }
}

__global__ void __launch_bounds__(BlockMasses::THREADS, 1)
    verify_outcomes(const __grid_constant__ VerifyArguments a) {
  __shared__ BlockMasses::Shared shared;
  BlockMasses masses(shared, reinterpret_cast<float*>(a.blocks + blockIdx.x * a.block_bytes));
  int64_t all = static_cast<int64_t>(a.rows) * a.outcomes;
  for (int64_t i = blockIdx.x; i < all; i += gridDim.x) {
    int32_t id =
        outcome_of(a, masses, static_cast<int>(i / a.outcomes), static_cast<int>(i % a.outcomes));
    if (threadIdx.x == 0) a.found[i] = id;
  }
}

__global__ void __launch_bounds__(WALK_THREADS)
    verify_walk(const __grid_constant__ VerifyArguments a) {
  int row =
      static_cast<int>((static_cast<int64_t>(blockIdx.x) * WALK_THREADS + threadIdx.x) / LANES);
  if (row < a.rows) walk(a, row);
}

bool is_sampled(const trimtab_verify_params& op) {
  return op.method == TRIMTAB_VERIFY_CHAIN || op.method == TRIMTAB_VERIFY_MULTI_ROUND;
}

VerifyArguments arguments_of(const trimtab_verify_params& op) {
  VerifyArguments a{};
  a.op = op;
  a.rows = static_cast<int>(op.tokens.size[0]);
  a.drafted = static_cast<int>(op.tokens.size[1]);
  a.vocabulary = static_cast<int>(op.target.size[op.target.rank - 1]);
  a.kept = op.ids.dtype == TRIMTAB_NONE ? 0 : static_cast<int>(op.ids.size[0]);
  a.outcomes = op.target.rank > 2 ? a.drafted + 1 : 1;
  auto workspace = static_cast<unsigned char*>(op.common.workspace);
  a.found = reinterpret_cast<int32_t*>(workspace + TRIMTAB_COUNTER_BYTES);
  int64_t outcomes = int64_t{a.rows} * a.outcomes;
  a.blocks = workspace + TRIMTAB_COUNTER_BYTES + (is_sampled(op) ? 0 : aligned(4 * outcomes));
  a.block_bytes = is_sampled(op)
                      ? SampledSpace(a, nullptr).bytes
                      : aligned(int64_t{8} * BlockMasses::chunks_of(a.vocabulary));
  return a;
}

int64_t grid_blocks(const VerifyArguments& a) {
  int64_t rows = a.rows;
  return std::min(is_sampled(a.op) ? rows : rows * a.outcomes, MOST_BLOCKS);
}

}  // namespace

uint64_t workspace_verify(const trimtab_verify_params& params) {
  VerifyArguments a = arguments_of(params);
  auto before =
      static_cast<uint64_t>(a.blocks - static_cast<unsigned char*>(a.op.common.workspace));
  return a.rows == 0 ? 0 : before + static_cast<uint64_t>(grid_blocks(a) * a.block_bytes);
}

cudaError_t launch_verify(const trimtab_verify_params& params, cudaStream_t stream) {
  VerifyArguments a = arguments_of(params);
  if (a.rows == 0) return cudaSuccess;
  Grid grid{dim3(static_cast<unsigned>(grid_blocks(a))), dim3(BlockMasses::THREADS)};
  if (is_sampled(params)) return launch(verify_sampled, grid, stream, a);
  cudaError_t error = launch(verify_outcomes, grid, stream, a);
  if (error != cudaSuccess) return error;
  constexpr int ROWS = WALK_THREADS / LANES;
  return launch(verify_walk,
                Grid{dim3(static_cast<unsigned>((a.rows + ROWS - 1) / ROWS)), dim3(WALK_THREADS)},
                stream, a);
}

}  // namespace trimtab
