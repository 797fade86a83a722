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
  PartialSum sum[WARPS];
  float4 out[WARPS][MOST_HEAD_DIM / 4];
};

__device__ __forceinline__ void add(float4& sum, const float4& x, float weight) {
  sum.x = fma(x.x, weight, sum.x);
  sum.y = fma(x.y, weight, sum.y);
  sum.z = fma(x.z, weight, sum.z);
  sum.w = fma(x.w, weight, sum.w);
}

/** The parts of a line that one warp joins, a lane some columns of all of them. */
struct Joined {
  PartialSum all{-infinity(), 0.f};
  float4 out[FOURS] = {};

  /** Adds every WARPS-th part from a number on, some of them read at a time. */
  __device__ __forceinline__ void add_parts(const Partials& partials, int64_t first, int32_t from,
                                            int32_t parts, int32_t columns) {
    constexpr int AT_A_TIME = 8;
    int32_t lane = static_cast<int32_t>(threadIdx.x) % LANES;
    for (int32_t part = from; part < parts; part += AT_A_TIME * WARPS) {
      PartialSum sums[AT_A_TIME];
      float4 outs[AT_A_TIME][FOURS];
      float max = all.max;
#pragma unroll
      for (int i = 0; i < AT_A_TIME; i++) {
        bool there = part + i * WARPS < parts;
        int64_t number = first + part + i * WARPS;
        sums[i] = there ? partials.sum(number) : PartialSum{-infinity(), 0.f};
        const auto* row = reinterpret_cast<const float4*>(partials.out(number));
#pragma unroll
        for (int f = 0; f < FOURS; f++) {
          int32_t four = lane + f * LANES;
          outs[i][f] = there && 4 * four < columns ? row[four] : float4{0.f, 0.f, 0.f, 0.f};
        }
      }
#pragma unroll
      for (const PartialSum& sum : sums) max = fmaxf(max, sum.max);
      scale(weight_of(all, max));
      all.max = max;
#pragma unroll
      for (int i = 0; i < AT_A_TIME; i++) {
        float weight = weight_of(sums[i], max);
        all.sum = fma(sums[i].sum, weight, all.sum);
#pragma unroll
        for (int f = 0; f < FOURS; f++) add(out[f], outs[i][f], weight);
      }
    }
  }

 private:
  __device__ __forceinline__ void scale(float factor) {
    all.sum *= factor;
#pragma unroll
    for (float4& four : out) {
      four.x *= factor, four.y *= factor, four.z *= factor, four.w *= factor;
    }
  }
};

__global__ void __launch_bounds__(THREADS, 2)
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
  float weights[WARPS] = {};
  if (sees) {
    Partials partials(a);
    auto parts = static_cast<int32_t>((counts.all() + a.split_tokens - 1) / a.split_tokens);
    Joined joined;
    joined.add_parts(partials, partials.first(row, query_head, query), warp, parts, columns);
    shared.sum[warp] = joined.all;
#pragma unroll
    for (int f = 0; f < FOURS; f++) shared.out[warp][lane + f * LANES] = joined.out[f];
    __syncthreads();
    for (const PartialSum& sum : shared.sum) all.max = fmaxf(all.max, sum.max);
#pragma unroll
    for (int w = 0; w < WARPS; w++) {
      weights[w] = weight_of(shared.sum[w], all.max);
      all.sum = fma(shared.sum[w].sum, weights[w], all.sum);
    }
  }
  float* to = out_of(a.op, row, query_head, query);
  for (int32_t column = thread; column < columns; column += THREADS) {
    float out = 0.f;
    if (sees) {
#pragma unroll
      for (int w = 0; w < WARPS; w++) {
        out = fma(reinterpret_cast<const float*>(shared.out[w])[column], weights[w], out);
      }
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
