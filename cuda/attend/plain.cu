// Attend, the plain form: a block a query, whose warps take 32 keys in turn: a lane a key for their
// logits, then lanes along the head's dimension for their values; max and sum carried along (online
// softmax), and those of all warps put together at the end, in their order.
//
// FLOPs: 4 a query, key and dimension. Each query reads all keys and values through the caches, so
// it is bound by loads far above the arithmetic's time; values of several tokens are loaded before
// the first one is used.
#include "attend/arguments.cuh"
#include "attend/kernels.cuh"
#include "common/elements.cuh"
#include "common/launch.cuh"
#include "common/warp.cuh"

namespace trimtab {

namespace {

constexpr int WARPS = 8;
constexpr int AT_ONCE = 4;                     // tokens whose values are on their way
constexpr int SLICES = MOST_HEAD_DIM / LANES;  // dimensions of a lane: lane, lane + 32, ...

/** One query and what it attends to. */
struct Work {
  int32_t row, query_head, head, query;
  TokenCounts counts;
  uint64_t ancestors;  // under a tree mask: a bit a new token
};

__device__ bool sees(const trimtab_attend_params& params, const Work& work, int32_t token) {
  int32_t fresh = token - work.counts.history;
  if (fresh < 0 || params.mask == TRIMTAB_MASK_NONE) return true;
  if (params.mask == TRIMTAB_MASK_CAUSAL) return fresh <= work.query;
  return (work.ancestors >> fresh & 1) != 0;
}

/** Where a token's key and value lie; null where its page is bad. */
struct Place {
  const char* key = nullptr;
  const char* value = nullptr;
  float key_scale = 1.f;
  float value_scale = 1.f;
};

__device__ Place place_of(const trimtab_attend_params& params, const Work& work,
                          const HeadPages& pages, int32_t token, const Notes& notes) {
  if (token >= work.counts.history) {
    int32_t fresh = token - work.counts.history;
    return {vector_of(params.fresh.k, work.row, work.head, fresh),
            vector_of(params.fresh.v, work.row, work.head, fresh)};
  }
  const char* page = pages.page(token, notes);
  if (page == nullptr) return {};
  Place place{page + pages.codes(token), page + pages.codes(token) + pages.to_value};
  if (is_quantized(params.history.dtype)) {
    const char* scale = page + pages.scale(token);
    place.key_scale = from_bf16(*reinterpret_cast<const uint16_t*>(scale));
    place.value_scale = from_bf16(*reinterpret_cast<const uint16_t*>(scale + pages.to_value));
  }
  return place;
}

__device__ float dot(const float* query, int32_t dtype, const char* key, bool aligned, float scale,
                     int32_t head_dim) {
  float sum = 0.f;
  for (int32_t d = 0; d < head_dim; d += SHARE) {
    float x[SHARE];
    widen_share(dtype, load_share(bits(dtype), key + d * (bits(dtype) / 8), aligned), scale, x);
#pragma unroll
    for (int i = 0; i < SHARE; i++) sum = fma(query[d + i], x[i], sum);
  }
  return sum;
}

/** One element of a value, of any format. */
__device__ float value_at(int32_t dtype, const char* value, float scale, int32_t d) {
  if (dtype == TRIMTAB_FP8_E4M3) return formats::Fp8::value(static_cast<uint8_t>(value[d])) * scale;
  if (dtype == TRIMTAB_INT8) return formats::Int8::value(static_cast<uint8_t>(value[d])) * scale;
  return read_element(dtype, value + d * (bits(dtype) / 8));
}

/** The output of a query under construction: a lane's dimensions, and max and sum of all. */
struct State {
  float out[SLICES] = {};
  float max = -infinity();
  float sum = 0.f;
  bool any = false;
};

/** Takes in tokens [first, first + 32). All lanes call. */
__device__ void attend_tile(const trimtab_attend_params& params, const Work& work,
                            const HeadPages& pages, const float* query, int32_t first, State& state,
                            const Notes& notes) {
  auto head_dim = static_cast<int32_t>(params.q.size[3]);
  int32_t lane = static_cast<int32_t>(threadIdx.x) % LANES;
  int32_t token = first + lane;
  bool seen = token < work.counts.all() && sees(params, work, token);
  Place place;
  if (seen) place = place_of(params, work, pages, token, notes);
  seen = place.key != nullptr;
  bool paged = token < work.counts.history;
  int32_t dtype = paged ? params.history.dtype : params.fresh.k.dtype;
  float logit = -infinity();
  if (seen) {
    bool aligned = paged || wide(params.fresh.k);
    logit = dot(query, dtype, place.key, aligned, place.key_scale, head_dim) * params.scale;
  }
  unsigned tokens_seen = __ballot_sync(ALL_LANES, seen);
  if (tokens_seen == 0) return;
  state.any = true;
  float max = max_or_nan(state.max, warp_max_or_nan(logit));
  // Where every logit so far is -inf, nothing weighs anything yet.
  float weight = seen && max != -infinity() ? exp(logit - max) : 0.f;
  float kept = max != -infinity() ? exp(state.max - max) : 1.f;
  state.max = max;
  state.sum = fma(state.sum, kept, warp_tree(weight));
  for (int s = 0; s < SLICES; s++) state.out[s] *= kept;
  for (int first_value = 0; first_value < LANES; first_value += AT_ONCE) {
    float w[AT_ONCE];
    float v[AT_ONCE][SLICES];
#pragma unroll
    for (int j = 0; j < AT_ONCE; j++) {
      int from = first_value + j;
      w[j] = __shfl_sync(ALL_LANES, weight, from);
      auto address = __shfl_sync(ALL_LANES, reinterpret_cast<uintptr_t>(place.value), from);
      float scale = __shfl_sync(ALL_LANES, place.value_scale, from);
      int32_t value_dtype = __shfl_sync(ALL_LANES, dtype, from);
      bool there = (tokens_seen >> from & 1) != 0;
#pragma unroll
      for (int s = 0; s < SLICES; s++) {
        int32_t d = lane + s * LANES;
        v[j][s] = there && d < head_dim
                      ? value_at(value_dtype, reinterpret_cast<const char*>(address), scale, d)
                      : 0.f;
      }
    }
#pragma unroll
    for (int j = 0; j < AT_ONCE; j++) {
#pragma unroll
      for (int s = 0; s < SLICES; s++) state.out[s] = fma(w[j], v[j][s], state.out[s]);
    }
  }
}

/** What the warps of a block have of their query. */
struct Parts {
  float out[WARPS][MOST_HEAD_DIM];
  float max[WARPS];
  float sum[WARPS];
  bool any[WARPS];
};

/** Puts the parts together in the order of the warps. */
__device__ void finish(const trimtab_attend_params& params, const Work& work, const Parts& parts) {
  float max = -infinity();
  bool any = false;
  for (int w = 0; w < WARPS; w++) {
    max = max_or_nan(max, parts.max[w]);
    any |= parts.any[w];
  }
  float kept[WARPS];
  float sum = 0.f;
  for (int w = 0; w < WARPS; w++) {
    kept[w] = max != -infinity() ? exp(parts.max[w] - max) : 1.f;
    sum = fma(parts.sum[w], kept[w], sum);
  }
  float* out = out_of(params, work.row, work.query_head, work.query);
  auto head_dim = static_cast<int32_t>(params.q.size[3]);
  for (auto d = static_cast<int32_t>(threadIdx.x); d < head_dim; d += WARPS * LANES) {
    float value = 0.f;
    for (int w = 0; w < WARPS; w++) value = fma(parts.out[w][d], kept[w], value);
    out[d] = any ? value / sum : 0.f;
  }
  if (has(params.lse) && threadIdx.x == 0) {
    row_of(params.lse, work.row, work.query_head)[work.query] = any ? max + log(sum) : -infinity();
  }
}

__global__ void __launch_bounds__(WARPS* LANES, 2)
    attend_plain(const __grid_constant__ AttendArguments a) {
  const trimtab_attend_params& params = a.op;
  __shared__ float query[MOST_HEAD_DIM];
  __shared__ Parts parts;
  Notes notes{params.common.status, TRIMTAB_OPERATION_ATTEND};
  const int64_t* size = params.q.size;
  int32_t warp = static_cast<int32_t>(threadIdx.x) / LANES;
  int32_t lane = static_cast<int32_t>(threadIdx.x) % LANES;
  int64_t item = blockIdx.x;
  Work work{};
  work.query = static_cast<int32_t>(item % size[2]);
  work.query_head = static_cast<int32_t>(item / size[2] % size[1]);
  work.row = static_cast<int32_t>(item / size[2] / size[1]);
  work.head = work.query_head / a.group;
  auto head_dim = static_cast<int32_t>(size[3]);
  int32_t valid = valid_queries(params.q, params.query_lengths, work.row, notes);
  State state;
  if (work.query < valid) {
    work.counts = tokens_of(params.history, params.fresh, work.row, work.head, INT32_MAX, notes);
    if (params.mask == TRIMTAB_MASK_TREE) {
      work.ancestors = ancestors_of(params, work.row, work.query, notes);
    }
    const char* from = vector_of(params.q, work.row, work.query_head, work.query);
    for (auto d = static_cast<int32_t>(threadIdx.x); d < head_dim; d += WARPS * LANES) {
      query[d] = read_element(params.q.dtype, from + d * (bits(params.q.dtype) / 8));
    }
    __syncthreads();
    HeadPages pages(params.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, work.row, work.head);
    for (int32_t first = warp * LANES; first < work.counts.all(); first += WARPS * LANES) {
      attend_tile(params, work, pages, query, first, state, notes);
    }
  }
#pragma unroll
  for (int s = 0; s < SLICES; s++) {
    int32_t d = lane + s * LANES;
    if (d < head_dim) parts.out[warp][d] = state.out[s];
  }
  if (lane == 0) {
    parts.max[warp] = state.max;
    parts.sum[warp] = state.sum;
    parts.any[warp] = state.any;
  }
  __syncthreads();
  finish(params, work, parts);
}

}  // namespace

cudaError_t launch_plain(const AttendArguments& arguments, cudaStream_t stream) {
  const int64_t* size = arguments.op.q.size;
  return launch(attend_plain, {blocks_of(size[0] * size[1] * size[2]), dim3(WARPS * LANES)}, stream,
                arguments);
}

}  // namespace trimtab
