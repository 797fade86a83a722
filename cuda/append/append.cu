// Append: a block takes some tokens of a head, a lane 8 elements of a key and of a value at a time.
// The block that is last to read its length adds to all lengths.
//
// Bytes: every key and value read once and written once. No arithmetic but conversion: bound by
// memory where formats stay. To FP8 or INT8 bound by instructions: conversions, and finding tokens
// and pages. A token's scales and their inverses are made by a lane each (common/move.cuh). Two
// tokens of a group of lanes at once hide the memory better than one.
#include "append/append.cuh"

#include "common/launch.cuh"
#include "common/move.cuh"
#include "common/ticket.cuh"

namespace trimtab {

namespace {

constexpr int THREADS = 256;
constexpr int PASSES = 4;  // tokens of a group of lanes

/** Where a list's new tokens go. */
struct Range {
  int32_t before;  // tokens in the list; -1 where the new ones do not fit or a length is bad
  int32_t count;
};

__device__ Range range_of(const trimtab_append_params& params, int32_t row, int32_t list,
                          const Notes& notes) {
  const trimtab_pages& target = params.target;
  int32_t count = new_tokens_of(params.fresh, row, notes);
  int32_t length = at(target.lengths, row, list);
  bool fits = notes.inside(TRIMTAB_ARGUMENT_TARGET_LENGTHS, row * target.table.size[1] + list,
                           length, 0, capacity_of(target) - count);
  return {fits ? length : -1, count};
}

template <class Way>
__device__ __forceinline__ void append_tile(const trimtab_append_params& params, int32_t row,
                                            int32_t head, int32_t first, const Range& range,
                                            const Notes& notes) {
  HeadPages pages(params.target, TRIMTAB_ARGUMENT_TARGET_TABLE, row, head);
  FreshHead fresh(params.fresh, row, head);
  LaneGroup lane(params.target.head_dim);
#pragma unroll 1
  for (int pass = 0; pass < PASSES; pass += Way::AT_ONCE) {
    auto token = [&](int n) { return first + (pass + n) * lane.groups + lane.group; };
    int32_t ids[Way::AT_ONCE];
    bool bad = false;
#pragma unroll
    for (int n = 0; n < Way::AT_ONCE; n++) {
      ids[n] = token(n) < range.count ? pages.id(range.before + token(n)) : 0;
    }
    move_tokens<Way>(
        lane, params.target.dtype, pages.to_value,
        [&](int n) { return token(n) < range.count ? fresh.at(token(n)) : TokenSource(); },
        [&](int n) {
          TokenPlace place = place_in(pages, ids[n], range.before + token(n));
          bad |= place.key == nullptr;
          return place;
        });
    if (!bad) continue;
    for (int n = 0; n < Way::AT_ONCE; n++) {
      if (token(n) < range.count) pages.page(range.before + token(n), notes);
    }
  }
}

/** Adds to the lengths what was appended. The first warp calls. */
__device__ void end_lists(const trimtab_append_params& params, const Notes& notes) {
  const int64_t* lists = params.target.table.size;
  for (int64_t i = threadIdx.x; i < lists[0] * lists[1]; i += LANES) {
    auto row = static_cast<int32_t>(i / lists[1]);
    auto list = static_cast<int32_t>(i % lists[1]);
    Range range = range_of(params, row, list, notes);
    if (range.before >= 0) at(params.target.lengths, row, list) = range.before + range.count;
  }
}

template <class Way>
__global__ void __launch_bounds__(THREADS, 4)
    append(const __grid_constant__ trimtab_append_params params, unsigned tiles, unsigned tile) {
  __shared__ Range range;
  Notes notes{params.common.status, TRIMTAB_OPERATION_APPEND};
  await_kernel_before();
  begin_next_kernel();
  auto heads = static_cast<unsigned>(params.fresh.k.size[1]);
  auto first = static_cast<int32_t>(blockIdx.x % tiles * tile);
  auto head = static_cast<int32_t>(blockIdx.x / tiles % heads);
  auto row = static_cast<int32_t>(blockIdx.x / tiles / heads);
  if (threadIdx.x == 0) range = range_of(params, row, list_of(params.target, head), notes);
  __syncthreads();
  // Lengths that have arrived cannot change any more, so the block need not wait for its stores
  // before it takes a ticket, nor for the ticket before it moves its tokens.
  unsigned ticket = 0;
  if (threadIdx.x == 0) ticket = atomicAdd(counters(params.common), 1u);
  if (range.before >= 0) append_tile<Way>(params, row, head, first, range, notes);
  if (threadIdx.x >= LANES || __shfl_sync(ALL_LANES, ticket, 0) != gridDim.x - 1) return;
  end_lists(params, notes);
  if (threadIdx.x == 0) *counters(params.common) = 0;
}

}  // namespace

uint64_t workspace_append(const trimtab_append_params&) { return TRIMTAB_COUNTER_BYTES; }

cudaError_t launch_append(const trimtab_append_params& params, cudaStream_t stream) {
  const int64_t* size = params.fresh.k.size;
  unsigned lanes = 1;
  while (lanes * SHARE < static_cast<unsigned>(params.target.head_dim)) lanes *= 2;
  unsigned tile = PASSES * THREADS / lanes;
  int64_t tiles = (size[2] + tile - 1) / tile;
  int64_t blocks = size[0] * size[1] * tiles;
  if (blocks == 0) return cudaSuccess;
  return on_their_way({}, params.fresh, params.target.dtype, [&](auto way) {
    return launch(append<decltype(way)>, {blocks_of(blocks), dim3(THREADS), 0, true}, stream,
                  params, tiles, tile);
  });
}

}  // namespace trimtab
