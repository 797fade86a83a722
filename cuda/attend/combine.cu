// Attention's last step where blocks shared the tokens of a line: their parts are joined, a block a
// line, in an order that the number of parts alone decides.
//
// s parts of d columns a line: bytes 4 s d, read from L2; 1 MiB for 32 lines of 64 parts of 128.
#include "attend/kernels.cuh"
#include "attend/partials.cuh"
#include "common/launch.cuh"
#include "common/warp.cuh"

namespace trimtab {

namespace {

constexpr int WARPS = 8;
constexpr int THREADS = WARPS * LANES;
constexpr int FOURS = MOST_HEAD_DIM / LANES / 4;  // a lane's: from columns 4 lane and 128 on

/** What the warps of a block tell each other. */
struct CombineShared {
  float max[WARPS];
  float sum[WARPS];
  float4 out[WARPS][MOST_HEAD_DIM / 4];
};

__device__ __forceinline__ void add(float4& sum, const float4& x, float weight) {
  sum.x = fma(x.x, weight, sum.x);
  sum.y = fma(x.y, weight, sum.y);
  sum.z = fma(x.z, weight, sum.z);
  sum.w = fma(x.w, weight, sum.w);
}

/** The largest logit of all parts. All threads of the block call. */
__device__ float largest(const Partials& partials, int64_t first, int32_t parts, float* shared) {
  float max = -infinity();
  for (auto i = static_cast<int32_t>(threadIdx.x); i < parts; i += THREADS) {
    max = fmaxf(max, partials.sum(first + i).max);
  }
#pragma unroll
  for (int o = LANES / 2; o > 0; o /= 2) max = fmaxf(max, __shfl_xor_sync(ALL_LANES, max, o));
  shared[threadIdx.x / LANES] = max;
  __syncthreads();
  for (int w = 0; w < WARPS; w++) max = fmaxf(max, shared[w]);
  return max;
}

__global__ void __launch_bounds__(THREADS, 4)
    attend_combine(const __grid_constant__ AttendArguments a) {
  __shared__ CombineShared shared;
  Notes notes{a.op.common.status, TRIMTAB_OPERATION_ATTEND};
  const int64_t* size = a.op.q.size;
  auto query = static_cast<int32_t>(blockIdx.x % size[2]);
  auto query_head = static_cast<int32_t>(blockIdx.x / size[2] % size[1]);
  auto row = static_cast<int32_t>(blockIdx.x / size[2] / size[1]);
  auto columns = static_cast<int32_t>(size[3]);
  auto thread = static_cast<int32_t>(threadIdx.x);
  int32_t lane = thread % LANES;
  int32_t warp = thread / LANES;
  TokenCounts counts =
      tokens_of(a.op.history, a.op.fresh, row, query_head / a.group, INT32_MAX, notes);
  bool sees = query < valid_queries(a.op.q, a.op.query_lengths, row, notes);
  if (sees) {
    bool tree = a.op.mask == TRIMTAB_MASK_TREE;
    sees = sees_any(a.op, counts, query, tree ? ancestors_of(a.op, row, query, notes) : 0);
  }
  begin_next_kernel();
  await_kernel_before();
  PartialSum all{-infinity(), 0.f};
  if (sees) {
    Partials partials(a);
    int64_t first = partials.first(row, query_head, query);
    auto parts = static_cast<int32_t>((counts.all() + a.split_tokens - 1) / a.split_tokens);
    all.max = largest(partials, first, parts, shared.max);
    float sum = 0.f;
    float4 out[FOURS] = {};
#pragma unroll 8
    for (int32_t i = warp; i < parts; i += WARPS) {
      PartialSum part = partials.sum(first + i);
      float weight = weight_of(part, all.max);
      sum = fma(part.sum, weight, sum);
      const auto* from = reinterpret_cast<const float4*>(partials.out(first + i));
#pragma unroll
      for (int f = 0; f < FOURS; f++) {
        int32_t four = lane + f * LANES;
        if (4 * four < columns) add(out[f], from[four], weight);
      }
    }
    shared.sum[warp] = sum;
#pragma unroll
    for (int f = 0; f < FOURS; f++) shared.out[warp][lane + f * LANES] = out[f];
    __syncthreads();
    for (int w = 0; w < WARPS; w++) all.sum += shared.sum[w];
  }
  float* to = out_of(a.op, row, query_head, query);
  for (int32_t column = thread; column < columns; column += THREADS) {
    float out = 0.f;
    if (sees) {
      for (const auto& outs : shared.out) out += reinterpret_cast<const float*>(outs)[column];
      out *= 1.f / all.sum;  // As where one block has all tokens: LineOutput.
    }
    to[column] = out;
  }
  if (thread == 0 && has(a.op.lse)) {
    row_of(a.op.lse, row, query_head)[query] = sees ? log_sum(all) : -infinity();
  }
}

}  // namespace

cudaError_t launch_combine(const AttendArguments& a, cudaStream_t stream) {
  const int64_t* size = a.op.q.size;
  Grid grid{blocks_of(size[0] * size[1] * size[2]), dim3(THREADS), 0, true};
  return launch(attend_combine, grid, stream, a);
}

}  // namespace trimtab
