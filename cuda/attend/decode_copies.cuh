// How a block of attention of few lines on sm_90a is made up, and the warp that copies tokens for
// the others.
#pragma once

#include "attend/hopper_maps.cuh"
#include "attend/warp_tiles.cuh"
#include "common/barrier.cuh"
#include "common/wgmma.cuh"

namespace trimtab {

/** Where a byte of a row of `rows` in panels lies: wgmma.cuh. */
template <int ROWS>
struct PlaceInPanels {
  static constexpr int PITCH = PANEL_PITCH;
  static __device__ __forceinline__ int of(int row, int byte) {
    return place_of_unit(row, byte / 16, ROWS * PANEL_PITCH) + byte % 16;
  }
};

/**
 * One warp copies tokens, WARPS others share the KEYS of a tile. COLUMNS: room for the head's
 * dimension, 64 or 128. HALF: F16, else BF16. PACKED: pages of codes. As many tiles are there or on
 * their way as STAGES.
 */
template <int COLUMNS_, int STAGES_, bool HALF_, bool PACKED_>
struct DecodeShape {
  static constexpr int COLUMNS = COLUMNS_;
  static constexpr int STAGES = STAGES_;
  static constexpr bool HALF = HALF_;
  static constexpr bool PACKED = PACKED_;

  static constexpr int KEYS = 64, LINES = 16, LINE_TILES = 1, LINE_WARPS = 1;
  static constexpr int WARPS = 4, KEY_WARPS = WARPS, OWN_KEYS = KEYS / WARPS;
  static constexpr int THREADS = (WARPS + 1) * LANES;
  static constexpr int BLOCKS = 2; /* a multiprocessor */

  // New tokens beside codes have twice their bytes and take the same room by half a tile.
  static constexpr int FRESH_KEYS = PACKED ? KEYS / 2 : KEYS;
  template <bool CODES>
  using KeyPlace = PlaceInPanels<CODES ? KEYS : FRESH_KEYS>;
  template <bool CODES>
  using ValuePlace = KeyPlace<CODES>;

  static constexpr int PAGED_PANELS = PACKED ? 1 : COLUMNS / PANEL_COLUMNS;
  static constexpr int FRESH_PANELS = COLUMNS / PANEL_COLUMNS;
  static constexpr int TILE_BYTES = KEYS * PAGED_PANELS * PANEL_PITCH; /* of keys, or of values */
  static_assert(FRESH_KEYS * FRESH_PANELS * PANEL_PITCH <= TILE_BYTES);
  static constexpr int STAGE_BYTES = 2 * TILE_BYTES;
  static constexpr int SHARED_BYTES = PANEL_ALIGNMENT + STAGES * STAGE_BYTES + LINES * 2 * COLUMNS;

  static constexpr int CONSUMERS = 1; /* numbered barrier of all but the copying warp */
};

/** Of a block, in static shared memory. */
template <class S>
struct DecodeShared {
  WarpShared<S> block;
  Barrier filled[2][S::STAGES]; /* keys, values */
  Barrier emptied[S::STAGES];
  alignas(16) uint16_t scales[S::STAGES][2][S::PACKED ? S::KEYS : 8];
};

template <class S>
using DecodeTiles = Tiles<S::KEYS, S::FRESH_KEYS>;

/** The copying warp. A page whose id is bad, or that holds none of a tile's tokens, is zeros: what
 * a box outside of the pages is filled with. */
template <class S>
class DecodeCopies {
 public:
  __device__ DecodeCopies(const AttendArguments& a, const HopperMaps& maps, DecodeShared<S>& shared,
                          unsigned char* panels)
      : a_(a), maps_(maps), shared_(shared), panels_(panels) {}

  /** Looks up the first pages of a piece of work and fetches what copies need. */
  __device__ __forceinline__ void look_up(const Piece& piece) {
    if (!has(a_.op.history)) return;
    if (lane() == 0) fetch_map(maps_.history);
    HeadPages pages(a_.op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, piece.row, piece.head);
    look_up(pages, piece.split * a_.split_tokens);
  }

  /** Copies all tiles. */
  __device__ __forceinline__ void run() {
    const TokenTable& table = shared_.block.work.tokens;
    DecodeTiles<S> order(table);
    Turn<S::STAGES> turn;
    for (Tile tile = order.first(); tile.count > 0; tile = order.next(tile), turn.next()) {
      shared_.emptied[turn.place].wait(turn.parity ^ 1);
      if (tile.paged) {
        copy_pages(table, tile, turn.place);
      } else if (lane() == 0) {
        copy_fresh(table, tile, turn.place);
      }
      __syncwarp();
    }
  }

 private:
  static constexpr int GROUP = 16;             /* tokens that surely lie in one page */
  static constexpr int WINDOW = GROUP * LANES; /* those whose pages lanes know */

  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }

  /** In lane i the page of group i from a token on. */
  __device__ __forceinline__ void look_up(const HeadPages& pages, int64_t token) {
    token += lane() * GROUP;
    id_ = token < capacity_of(a_.op.history) ? pages.id(static_cast<int32_t>(token)) : -1;
  }

  __device__ __forceinline__ void copy_pages(const TokenTable& table, const Tile& tile, int stage) {
    HeadPages pages(a_.op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, table.row, table.head);
    int32_t place = (tile.first - table.begin) % WINDOW;
    if (place == 0 && tile.first > table.begin) look_up(pages, tile.first);
    const int32_t box = maps_.tokens[1];
    int32_t row = lane() * box;
    int32_t id = __shfl_sync(ALL_LANES, id_, (place + row) / GROUP % LANES);
    bool there = row < tile.count;
    if (there && !pages.is_page(id)) {
      Notes notes{a_.op.common.status, TRIMTAB_OPERATION_ATTEND};
      notes.inside(pages.argument, pages.table_index + ((tile.first + row) >> pages.shift), id, 0,
                   pages.pages - 1);
      there = false;
    }
    if (!there) id = -1;
    int32_t token = (tile.first + row) & (pages.tokens - 1);
    const trimtab_pages& history = a_.op.history;
    int32_t head = history.table.size[1] == 1 ? table.head : 0;
    auto& scales = shared_.scales[stage];
    uint32_t bytes = S::TILE_BYTES;
    if constexpr (S::PACKED) {
      bytes += 2 * box * __popc(__ballot_sync(ALL_LANES, there));
      if (row < S::KEYS && !there) {
        for (int i = 0; i < box; i++) scales[0][row + i] = scales[1][row + i] = 0;
      }
      __syncwarp();
    }
    if (lane() == 0) {
      for (auto& filled : shared_.filled) filled[stage].arrive_before(bytes);
    }
    __syncwarp();
    if (row >= S::KEYS) return;
#pragma unroll
    for (int part = 0; part < 2; part++) {
      Barrier& filled = shared_.filled[part][stage];
      unsigned char* to = panels_ + stage * S::STAGE_BYTES + part * S::TILE_BYTES;
#pragma unroll
      for (int panel = 0; panel < S::PAGED_PANELS; panel++) {
        copy_box(to + (panel * S::KEYS + row) * PANEL_PITCH, maps_.history,
                 {panel * PANEL_COLUMNS, token, part * history.heads + head, id}, filled);
      }
      if (S::PACKED && there) {
        copy_bytes(&scales[part][row],
                   pages.page_of(id) + part * pages.to_value + pages.scale(tile.first + row),
                   2 * box, filled);
      }
    }
  }

  __device__ __forceinline__ void copy_fresh(const TokenTable& table, const Tile& tile,
                                             int stage) const {
#pragma unroll
    for (int part = 0; part < 2; part++) {
      Barrier& filled = shared_.filled[part][stage];
      unsigned char* to = panels_ + stage * S::STAGE_BYTES + part * S::TILE_BYTES;
      filled.arrive_before(S::FRESH_PANELS * S::FRESH_KEYS * PANEL_PITCH);
#pragma unroll
      for (int panel = 0; panel < S::FRESH_PANELS; panel++) {
        copy_box(to + panel * S::FRESH_KEYS * PANEL_PITCH, maps_.fresh[part],
                 {panel * PANEL_COLUMNS, tile.first, table.head, table.row}, filled);
      }
    }
  }

  const AttendArguments& a_;
  const HopperMaps& maps_;
  DecodeShared<S>& shared_;
  unsigned char* const panels_;
  int32_t id_ = -1; /* of a page */
};

}  // namespace trimtab
