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

constexpr int WARPS = 2;
constexpr int THREADS = WARPS * LANES;
constexpr int COLUMNS = 4 * LANES;  // that a warp joins

__device__ __forceinline__ void multiply(float4& four, float factor) {
  four.x *= factor, four.y *= factor, four.z *= factor, four.w *= factor;
}
__device__ __forceinline__ void add(float4& to, const float4& four, float factor) {
  to.x = fma(four.x, factor, to.x), to.y = fma(four.y, factor, to.y);
  to.z = fma(four.z, factor, to.z), to.w = fma(four.w, factor, to.w);
}

/** Parts of a line that one warp joined, a lane four columns of all of them. */
struct Joined {
  PartialSum all{-infinity(), 0.f};
  float4 out{0.f, 0.f, 0.f, 0.f};

  /** Adds every `step`-th of the parts from one on; `column`: the lane's first, beyond all where it
   * has none. */
  __device__ __forceinline__ void add_parts(const Partials& partials, int64_t first, int32_t from,
                                            int32_t parts, int32_t step, int64_t column,
                                            int64_t columns) {
    constexpr int AT_A_TIME = 8;
    auto lane = static_cast<int32_t>(threadIdx.x) % LANES;
    int32_t count = (parts - from + step - 1) / step;
    float4 outs[AT_A_TIME];
    auto read = [&](int32_t begin) {
#pragma unroll
      for (int i = 0; i < AT_A_TIME; i++) {
        bool there = begin + i < count && column < columns;
        const float* at = partials.out(first + from + (begin + i) * step) + column;
        outs[i] = there ? *reinterpret_cast<const float4*>(at) : float4{0.f, 0.f, 0.f, 0.f};
      }
    };
    for (int32_t begin = 0; begin < count; begin += LANES) {
      // Before sums come, so that one waits for both at once.
      read(begin);
      bool there = begin + lane < count;
      PartialSum sum{-infinity(), 0.f};
      if (there) sum = partials.sum(first + from + (begin + lane) * step);
      rise(warp_max_or_nan(fmaxf(all.max, sum.max)));
      float weight = weight_of(sum, all.max);
      all.sum += warp_tree(sum.sum * weight);
      for (int32_t i = 0;;) {
#pragma unroll
        for (int j = 0; j < AT_A_TIME; j++) {
          trimtab::add(out, outs[j], __shfl_sync(ALL_LANES, weight, i + j));
        }
        i += AT_A_TIME;
        if (i >= LANES || begin + i >= count) break;
        read(begin + i);
      }
    }
  }

  /** Takes a larger largest logit. */
  __device__ __forceinline__ void rise(float max) {
    float factor = weight_of(all, max);
    all = {max, all.sum * factor};
    multiply(out, factor);
  }

  /** Adds one of no larger logits. */
  __device__ __forceinline__ void add(const Joined& other) {
    float weight = weight_of(other.all, all.max);
    all.sum = fma(other.all.sum, weight, all.sum);
    trimtab::add(out, other.out, weight);
  }
};

/** What the warps of a block tell each other. */
struct CombineShared {
  PartialSum sum[WARPS];
  float4 out[WARPS][LANES];
};

/** LINE_WARPS join the parts of a line's 128 columns. */
template <int LINE_WARPS>
__global__ void __launch_bounds__(THREADS, 16)
    attend_combine(const __grid_constant__ AttendArguments a) {
  __shared__ CombineShared shared;
  Notes notes{a.op.common.status, TRIMTAB_OPERATION_ATTEND};
  const int64_t* size = a.op.q.size;
  auto queries = static_cast<uint32_t>(size[2]);
  auto heads = static_cast<uint32_t>(size[1]);
  auto lane = static_cast<int32_t>(threadIdx.x) % LANES;
  auto warp = static_cast<int32_t>(threadIdx.x) / LANES % LINE_WARPS;
  uint32_t line = blockIdx.x * (WARPS / LINE_WARPS) + threadIdx.x / LANES / LINE_WARPS;
  int32_t column = static_cast<int32_t>(blockIdx.y) * COLUMNS + 4 * lane;
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
    int32_t parts = (counts.all() - 1) / split_tokens_of(a, counts.all()) + 1;
    joined.add_parts(partials, partials.first(row, query_head, query), warp, parts, LINE_WARPS,
                     column, size[3]);
  }
  if constexpr (LINE_WARPS > 1) {
    shared.sum[warp] = joined.all;
    shared.out[warp][lane] = joined.out;
    __syncthreads();
    if (warp > 0) return;
    float max = joined.all.max;
#pragma unroll
    for (int w = 1; w < LINE_WARPS; w++) max = fmaxf(max, shared.sum[w].max);
    joined.rise(max);
#pragma unroll
    for (int w = 1; w < LINE_WARPS; w++) joined.add({shared.sum[w], shared.out[w][lane]});
  }
  float* to = out_of(a.op, row, query_head, query);
  multiply(joined.out, 1.f / joined.all.sum);  // As where one block has all tokens: LineOutput.
  const float four[4] = {joined.out.x, joined.out.y, joined.out.z, joined.out.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    if (column + i < size[3]) to[column + i] = sees ? four[i] : 0.f;
  }
  if (column == 0 && has(a.op.lse)) {
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
  grid.blocks.y = static_cast<unsigned>((size[3] + COLUMNS - 1) / COLUMNS);
  return few ? launch(attend_combine<WARPS>, grid, stream, a)
             : launch(attend_combine<1>, grid, stream, a);
}

}  // namespace trimtab
