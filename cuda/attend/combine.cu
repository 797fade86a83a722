// Attention's last step where blocks shared the tokens of a line: their parts are joined, a block a
// line where lines are few and a warp a line otherwise, in an order that the number of parts alone
// decides.
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

/** Parts of a line that one warp joined, a lane some columns of all of them. */
struct Joined {
  PartialSum all{-infinity(), 0.f};
  float4 out[FOURS] = {};

  /** Adds every `step`-th of the parts from one on, some of them read at a time. */
  __device__ __forceinline__ void add_parts(const Partials& partials, int64_t first, int32_t from,
                                            int32_t parts, int32_t step, int32_t columns) {
    constexpr int AT_A_TIME = 8;
    int32_t lane = static_cast<int32_t>(threadIdx.x) % LANES;
    for (int32_t part = from; part < parts; part += AT_A_TIME * step) {
      PartialSum sums[AT_A_TIME];
      float4 outs[AT_A_TIME][FOURS];
#pragma unroll
      for (int i = 0; i < AT_A_TIME; i++) {
        bool there = part + i * step < parts;
        int64_t number = first + (there ? part + i * step : part);
        sums[i] = there ? partials.sum(number) : PartialSum{-infinity(), 0.f};
        const auto* row = reinterpret_cast<const float4*>(partials.out(number));
#pragma unroll
        for (int f = 0; f < FOURS; f++) {
          int32_t four = lane + f * LANES;
          outs[i][f] = there && 4 * four < columns ? row[four] : float4{0.f, 0.f, 0.f, 0.f};
        }
      }
      float max = all.max;
#pragma unroll
      for (const PartialSum& sum : sums) max = fmaxf(max, sum.max);
      rise(max);
#pragma unroll
      for (int i = 0; i < AT_A_TIME; i++) weigh(sums[i], outs[i]);
    }
  }

  /** Takes a larger largest logit. */
  __device__ __forceinline__ void rise(float max) {
    float factor = weight_of(all, max);
    all = {max, all.sum * factor};
#pragma unroll
    for (float4& four : out) {
      four.x *= factor, four.y *= factor, four.z *= factor, four.w *= factor;
    }
  }

  /** Adds one of no larger logits. */
  __device__ __forceinline__ void weigh(const PartialSum& sum, const float4 (&of)[FOURS]) {
    float weight = weight_of(sum, all.max);
    all.sum = fma(sum.sum, weight, all.sum);
#pragma unroll
    for (int f = 0; f < FOURS; f++) {
      out[f].x = fma(of[f].x, weight, out[f].x);
      out[f].y = fma(of[f].y, weight, out[f].y);
      out[f].z = fma(of[f].z, weight, out[f].z);
      out[f].w = fma(of[f].w, weight, out[f].w);
    }
  }
};

/** LINE_WARPS join the parts of a line. */
template <int LINE_WARPS>
__global__ void __launch_bounds__(THREADS, 2)
    attend_combine(const __grid_constant__ AttendArguments a) {
  __shared__ CombineShared shared;
  Notes notes{a.op.common.status, TRIMTAB_OPERATION_ATTEND};
  const int64_t* size = a.op.q.size;
  auto queries = static_cast<uint32_t>(size[2]);
  auto heads = static_cast<uint32_t>(size[1]);
  auto columns = static_cast<int32_t>(size[3]);
  uint32_t lane = threadIdx.x % LANES;
  uint32_t warp = threadIdx.x / LANES % LINE_WARPS;
  uint32_t line = blockIdx.x * (WARPS / LINE_WARPS) + threadIdx.x / LANES / LINE_WARPS;
  auto query = static_cast<int32_t>(line % queries);
  auto query_head = static_cast<int32_t>(line / queries % heads);
  auto row = static_cast<int32_t>(line / queries / heads);
  if (row >= size[0]) return;
  TokenCounts counts =
      tokens_of(a.op.history, a.op.fresh, row, query_head / a.group, INT32_MAX, notes);
  bool sees = query < valid_queries(a.op.q, a.op.query_lengths, row, notes);
  if (sees) {
    bool tree = a.op.mask == TRIMTAB_MASK_TREE;
    sees = sees_any(a.op, counts, query, tree ? ancestors_of(a.op, row, query, notes) : 0);
  }
  begin_next_kernel();
  await_kernel_before();
  Joined joined;
  if (sees) {
    Partials partials(a);
    auto parts = static_cast<int32_t>((counts.all() + a.split_tokens - 1) / a.split_tokens);
    joined.add_parts(partials, partials.first(row, query_head, query), warp, parts, LINE_WARPS,
                     columns);
  }
  if constexpr (LINE_WARPS > 1) {
    shared.sum[warp] = joined.all;
#pragma unroll
    for (int f = 0; f < FOURS; f++) shared.out[warp][lane + f * LANES] = joined.out[f];
    __syncthreads();
    if (warp > 0) return;
    float max = joined.all.max;
#pragma unroll
    for (int w = 1; w < LINE_WARPS; w++) max = fmaxf(max, shared.sum[w].max);
    joined.rise(max);
#pragma unroll
    for (int w = 1; w < LINE_WARPS; w++) {
      float4 out[FOURS];
#pragma unroll
      for (int f = 0; f < FOURS; f++) out[f] = shared.out[w][lane + f * LANES];
      joined.weigh(shared.sum[w], out);
    }
  }
  float* to = out_of(a.op, row, query_head, query);
  float factor = 1.f / joined.all.sum;  // As where one block has all tokens: LineOutput.
#pragma unroll
  for (int f = 0; f < FOURS; f++) {
    const float four[4] = {joined.out[f].x, joined.out[f].y, joined.out[f].z, joined.out[f].w};
    int32_t column = 4 * static_cast<int32_t>(lane + f * LANES);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      if (column + i < columns) to[column + i] = sees ? four[i] * factor : 0.f;
    }
  }
  if (warp == 0 && lane == 0 && has(a.op.lse)) {
    row_of(a.op.lse, row, query_head)[query] = sees ? log_sum(joined.all) : -infinity();
  }
}

}  // namespace

cudaError_t launch_combine(const AttendArguments& a, cudaStream_t stream) {
  const int64_t* size = a.op.q.size;
  int64_t lines = size[0] * size[1] * size[2];
  // Few lines have many parts each; of many lines each is a warp's.
  bool few = a.lines <= FEW_LINES;
  Grid grid{blocks_of(few ? lines : (lines + WARPS - 1) / WARPS), dim3(THREADS), 0, true};
  return few ? launch(attend_combine<WARPS>, grid, stream, a)
             : launch(attend_combine<1>, grid, stream, a);
}

}  // namespace trimtab
