// Append: each warp takes a few tokens of a head, each lane 8 elements of a key and of a value. The
// last block to end adds to the lengths, which all others have read by then.
//
// Bytes: every key and value read once and written once. No arithmetic but conversion: bound by
// memory. Infinity-2B's largest map, 4096 tokens of 16 heads x 128 in 2 rows, BF16: 134 MB, 31 us
// at 4.3 TB/s; to FP8 100 MB, 23 us, and about as long for its instructions, some ten an element.
#include "append/append.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "common/move.cuh"
#include "common/ticket.cuh"

namespace trimtab {

namespace {

constexpr int THREADS = 256;
constexpr int PASSES = 4;  // of a block over tokens of one head

/** Tokens in a list before the new ones; -1 where they do not fit or a length is bad. */
__device__ int32_t length_before(const trimtab_pages& target, int32_t row, int32_t list,
                                 int32_t count, const Notes& notes) {
  int32_t length = at(target.lengths, row, list);
  bool fits = notes.inside(TRIMTAB_ARGUMENT_TARGET_LENGTHS, row * target.table.size[1] + list,
                           length, 0, capacity_of(target) - count);
  return fits ? length : -1;
}

template <bool AS_IS>
__device__ void append_tile(const trimtab_append_params& params, int32_t row, int32_t head,
                            int32_t first, const Notes& notes) {
  const trimtab_new_tokens& fresh = params.fresh;
  int32_t count = new_tokens_of(fresh, row, notes);
  int32_t length = length_before(params.target, row, list_of(params.target, head), count, notes);
  if (length < 0) return;
  HeadPages pages(params.target, TRIMTAB_ARGUMENT_TARGET_TABLE, row, head);
  LaneGroup lane(params.target.head_dim);
  bool k_aligned = wide(fresh.k);
  bool v_aligned = wide(fresh.v);
  int32_t group = static_cast<int32_t>(threadIdx.x) / LANES * lane.groups() + lane.group;
  TokenMove moves[PASSES];
#pragma unroll
  for (int pass = 0; pass < PASSES; pass++) {
    int32_t token = first + pass * (THREADS / lane.lanes) + group;
    VectorTarget to{};
    if (token < count) to = key_in(pages, params.target.dtype, length + token, notes);
    to.dtype = params.target.dtype;
    moves[pass] = {{nullptr, nullptr, fresh.k.dtype, k_aligned},
                   {nullptr, nullptr, fresh.v.dtype, v_aligned},
                   to};
    if (to.elements == nullptr) continue;
    moves[pass].key.elements = vector_of(fresh.k, row, head, token);
    moves[pass].value.elements = vector_of(fresh.v, row, head, token);
  }
  move_tokens<AS_IS>(lane, moves, pages.to_value);
}

template <bool AS_IS>
__global__ void __launch_bounds__(THREADS)
    append(const __grid_constant__ trimtab_append_params params, int32_t tiles, int32_t tile) {
  Notes notes{params.common.status, TRIMTAB_OPERATION_APPEND};
  const int64_t* size = params.fresh.k.size;
  for (int64_t item = blockIdx.x; item < size[0] * size[1] * tiles; item += gridDim.x) {
    auto first = static_cast<int32_t>(item % tiles) * tile;
    auto head = static_cast<int32_t>(item / tiles % size[1]);
    append_tile<AS_IS>(params, static_cast<int32_t>(item / tiles / size[1]), head, first, notes);
  }
  if (!last_block(counters(params.common))) return;
  const int64_t* lists = params.target.table.size;
  for (int64_t i = threadIdx.x; i < lists[0] * lists[1]; i += THREADS) {
    auto row = static_cast<int32_t>(i / lists[1]);
    auto list = static_cast<int32_t>(i % lists[1]);
    int32_t count = new_tokens_of(params.fresh, row, notes);
    int32_t length = length_before(params.target, row, list, count, notes);
    if (length >= 0) at(params.target.lengths, row, list) = length + count;
  }
}

}  // namespace

uint64_t workspace_append(const trimtab_append_params&) { return TRIMTAB_COUNTER_BYTES; }

cudaError_t launch_append(const trimtab_append_params& params, cudaStream_t stream) {
  const int64_t* size = params.fresh.k.size;
  int32_t lanes = 1;
  while (lanes * SHARE < params.target.head_dim) lanes *= 2;
  int32_t tile = PASSES * THREADS / lanes;
  auto tiles = static_cast<int32_t>((size[2] + tile - 1) / tile);
  int64_t items = size[0] * size[1] * tiles;
  if (items == 0) return cudaSuccess;
  auto blocks = static_cast<unsigned>(std::min(items, MOST_MOVE_BLOCKS));
  bool as_is = moves_as_is({}, params.fresh, params.target.dtype);
  return launch(as_is ? append<true> : append<false>, {dim3(blocks), dim3(THREADS)}, stream, params,
                tiles, tile);
}

}  // namespace trimtab
