// The warpgroup that copies tokens for attention on sm_90a: two of its warps keys, two values, so
// that neither waits for the other's turn.
#pragma once

#include "attend/hopper_maps.cuh"
#include "attend/hopper_shape.cuh"
#include "common/async.cuh"

namespace trimtab {

/**
 * Whole tiles are copied in boxes, which one warp begins and no thread waits for. The ends of the
 * history and of a row's new tokens, tiles with a bad page, and tensors that cannot be mapped are
 * copied 16 bytes a thread (cp.async), which any stride and any end allows: what is not there is
 * zeros, as tensor cores multiply it by a weight of 0.
 */
template <class S>
class HopperCopies {
 public:
  __device__ HopperCopies(const AttendArguments& a, HopperShared<S>& shared,
                          const HopperTiles<S>& tiles, const HopperMaps& maps,
                          const TokenTable& table)
      : a_(a),
        maps_(maps),
        shared_(shared),
        tiles_(tiles),
        part_(warp() / WARPS),
        table_(table),
        order_(table) {}

  __device__ void run(Turn<S::STAGES>& turn) const {
    Tile tile = order_.first();
    int32_t page = this->page(tile);
    for (; tile.count > 0; turn.next()) {
      shared_.emptied[part_][turn.place].wait(turn.parity ^ 1);
      Barrier& filled = shared_.filled[part_][turn.place];
      unsigned char* to = tiles_.tile(part_, turn.place);
      bool boxes = in_boxes(tile, page);
      if (boxes) {
        copy_boxes(tile, page, to, filled);
      } else {
        copy(tile, page, to);
      }
      tile = order_.next(tile);
      page = this->page(tile);
      if (boxes) continue;
      commit_copies();
      wait_copies<0>();
      publish_to_tensor_cores();
      __syncwarp();
      if (lane() == 0) filled.arrive();
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
    HeadPages pages(a_.op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, table_.row, table_.head);
    int32_t place = (tile.first + from) >> pages.shift;
    int32_t id = pages.table[place * pages.table_stride];
    return notes.inside(pages.argument, pages.table_index + place, id, 0, pages.pages - 1) ? id
                                                                                           : -1;
  }

  /** Whether all of a tile is there and boxes hold it. */
  __device__ __forceinline__ bool in_boxes(const Tile& tile, int32_t page) const {
    return tile.count == S::KEYS && maps_.tokens[tile.paged] > 0 &&
           __ballot_sync(ALL_LANES, lane() < GROUPS && page < 0) == 0;
  }

  /** Begins the copies of a tile's boxes, in each lane one that begins with its group. */
  __device__ __forceinline__ void copy_boxes(const Tile& tile, int32_t page, unsigned char* to,
                                             Barrier& filled) const {
    if (warp() % WARPS > 0) {
      if (lane() == 0) filled.arrive();
      return;
    }
    if (lane() == 0) filled.arrive_before(S::TILE_BYTES);
    __syncwarp();
    int row = lane() * GROUP;
    if (row >= S::KEYS || row % maps_.tokens[tile.paged] != 0) return;
    const trimtab_pages& history = a_.op.history;
    int32_t token = (tile.first + row) & table_.places[tile.paged].token_mask;
    int32_t head = table_.head;
    if (tile.paged) head = part_ * history.heads + (history.table.size[1] == 1 ? head : 0);
    const BoxMap& map = tile.paged ? maps_.history : maps_.fresh[part_];
#pragma unroll
    for (int panel = 0; panel < S::PANELS; panel++) {
      copy_box(to + panel * S::TILE_PANEL_BYTES + row * PANEL_PITCH, map,
               {panel * PANEL_COLUMNS, token, head, tile.paged ? page : table_.row}, filled);
    }
  }

  __device__ __forceinline__ void copy(const Tile& tile, int32_t pages, unsigned char* to) const {
    const Places& places = table_.places[tile.paged];
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
  const HopperMaps& maps_;
  HopperShared<S>& shared_;
  const HopperTiles<S> tiles_;
  const int part_;
  const TokenTable& table_;
  const Tiles<S::KEYS> order_;
};

}  // namespace trimtab
