// The warpgroup that copies tokens for attention on sm_90a: two of its warps keys, two values, so
// that neither waits for the other's turn.
#pragma once

#include "attend/hopper_shape.cuh"
#include "common/async.cuh"

namespace trimtab {

/**
 * Copies 16 bytes a thread (cp.async), which any page of 16 tokens or more, any stride and any end
 * of a row allows; what is not there is zeros, as tensor cores multiply it by a weight of 0.
 */
template <class S>
class HopperCopies {
 public:
  __device__ HopperCopies(const AttendArguments& a, HopperShared<S>& shared,
                          const HopperTiles<S>& tiles)
      : a_(a), shared_(shared), tiles_(tiles), part_(warp() / WARPS), order_(shared.work.tokens) {}

  __device__ void run() const {
    Tile tile = order_.first();
    int32_t page = this->page(tile);
    for (Turn<S> turn; tile.count > 0; turn.next()) {
      shared_.emptied[part_][turn.stage].wait(turn.parity ^ 1);
      copy(tile, page, tiles_.tile(part_, turn.stage));
      tile = order_.next(tile);
      page = this->page(tile);
      commit_copies();
      wait_copies<0>();
      publish_to_tensor_cores();
      __syncwarp();
      if (lane() == 0) shared_.filled[part_][turn.stage].arrive();
    }
  }

  /** Warps that copy the keys, and as many the values. */
  static constexpr int WARPS = 2;

 private:
  static constexpr int GROUP = 16; /* tokens that surely lie in one page */
  static constexpr int GROUPS = S::KEYS / GROUP;
  static constexpr int UNITS = S::COLUMNS / 8; /* of a token */
  static constexpr int STEP = LANES / UNITS;   /* tokens at a time */
  static_assert(S::KEYS % GROUP == 0 && GROUPS <= LANES && LANES % UNITS == 0);

  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }
  static __device__ __forceinline__ int warp() {
    return static_cast<int>(threadIdx.x) % WARPGROUP / LANES;
  }

  /** In lane i the page of a tile's group i, -1 where there is none. */
  __device__ __forceinline__ int32_t page(const Tile& tile) const {
    int32_t from = lane() * GROUP;
    if (from >= tile.count) return -1;
    if (!tile.paged) return 0;
    Notes notes{a_.op.common.status, TRIMTAB_OPERATION_ATTEND};
    const TokenTable& table = shared_.work.tokens;
    HeadPages pages(a_.op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, table.row, table.head);
    int32_t place = (tile.first + from) >> pages.shift;
    int32_t id = pages.table[place * pages.table_stride];
    return notes.inside(pages.argument, pages.table_index + place, id, 0, pages.pages - 1) ? id
                                                                                           : -1;
  }

  __device__ __forceinline__ void copy(const Tile& tile, int32_t pages, unsigned char* to) const {
    const Places& places = shared_.work.tokens.places[tile.paged];
    int unit = lane() % UNITS;
    bool inside = unit * 8 < static_cast<int>(a_.op.q.size[3]);
    int64_t token_bytes = places.token_bytes[part_];
    for (int group = warp() % WARPS; group < GROUPS; group += WARPS) {
      int32_t page = __shfl_sync(ALL_LANES, pages, group);
      int row = group * GROUP + lane() / UNITS;
      const char* from = places.codes[part_];
      if (page >= 0) {
        from += page * places.page_bytes + unit * 16 +
                ((tile.first + row) & places.token_mask) * token_bytes;
      }
#pragma unroll
      for (int i = 0; i < GROUP / STEP; i++, row += STEP) {
        bool present = page >= 0 && inside && row < tile.count;
        const char* source = present ? from + i * STEP * token_bytes : places.codes[part_];
        copy_or_clear_async(to + place_of_unit(row, unit, S::TILE_PANEL_BYTES), source, present);
      }
    }
  }

  const AttendArguments& a_;
  HopperShared<S>& shared_;
  const HopperTiles<S> tiles_;
  const int part_;
  const Tiles<S::KEYS> order_;
};

}  // namespace trimtab
