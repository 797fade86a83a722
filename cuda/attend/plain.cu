// Attend, the plain form: a warp a query, a lane a key for the logits of 32 keys, then lanes along
// the head's dimension for their values; max and sum carried along (online softmax).
//
// FLOPs: 4 a query, key and dimension. Each query reads all keys and values through the caches, so
// it is bound by loads far above the arithmetic's time.
#include "attend/arguments.cuh"
#include "attend/kernels.cuh"
#include "common/elements.cuh"
#include "common/launch.cuh"
#include "common/warp.cuh"

namespace trimtab {

namespace {

constexpr int WARPS = 4;
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
  for (int j = 0; j < LANES; j++) {
    if ((tokens_seen >> j & 1) == 0) continue;
    float w = __shfl_sync(ALL_LANES, weight, j);
    auto address = __shfl_sync(ALL_LANES, reinterpret_cast<uintptr_t>(place.value), j);
    float scale = __shfl_sync(ALL_LANES, place.value_scale, j);
    int32_t value_dtype = __shfl_sync(ALL_LANES, dtype, j);
#pragma unroll
    for (int s = 0; s < SLICES; s++) {
      int32_t d = lane + s * LANES;
      if (d >= head_dim) continue;
      float v = value_at(value_dtype, reinterpret_cast<const char*>(address), scale, d);
      state.out[s] = fma(w, v, state.out[s]);
    }
  }
}

__global__ void __launch_bounds__(WARPS* LANES, 4)
    attend_plain(const __grid_constant__ AttendArguments a) {
  const trimtab_attend_params& params = a.op;
  __shared__ float queries[WARPS][MOST_HEAD_DIM];
  Notes notes{params.common.status, TRIMTAB_OPERATION_ATTEND};
  const int64_t* size = params.q.size;
  int32_t warp = static_cast<int32_t>(threadIdx.x) / LANES;
  int32_t lane = static_cast<int32_t>(threadIdx.x) % LANES;
  int64_t item = static_cast<int64_t>(blockIdx.x) * WARPS + warp;
  if (item >= size[0] * size[1] * size[2]) return;
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
    for (int32_t d = lane; d < head_dim; d += LANES) {
      queries[warp][d] = read_element(params.q.dtype, from + d * (bits(params.q.dtype) / 8));
    }
    __syncwarp();
    HeadPages pages(params.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, work.row, work.head);
    for (int32_t first = 0; first < work.counts.all(); first += LANES) {
      attend_tile(params, work, pages, queries[warp], first, state, notes);
    }
  }
  float* out = out_of(params, work.row, work.query_head, work.query);
#pragma unroll
  for (int s = 0; s < SLICES; s++) {
    int32_t d = lane + s * LANES;
    if (d < head_dim) out[d] = state.any ? state.out[s] / state.sum : 0.f;
  }
  if (has(params.lse) && lane == 0) {
    float lse = state.any ? state.max + log(state.sum) : -infinity();
    row_of(params.lse, work.row, work.query_head)[work.query] = lse;
  }
}

}  // namespace

cudaError_t launch_plain(const AttendArguments& arguments, cudaStream_t stream) {
  const int64_t* size = arguments.op.q.size;
  int64_t items = size[0] * size[1] * size[2];
  return launch(attend_plain, {blocks_of((items + WARPS - 1) / WARPS), dim3(WARPS * LANES)}, stream,
                arguments);
}

}  // namespace trimtab
