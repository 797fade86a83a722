// How a block of attention of few lines on sm_90a is made up, and what it holds in shared memory.
#pragma once

#include "attend/block.cuh"
#include "common/barrier.cuh"
#include "common/wgmma.cuh"

namespace trimtab {

/** Where a byte of a row lies in panels of that many rows: wgmma.cuh. */
template <int ROWS>
struct PlaceInPanels {
  static __device__ __forceinline__ int of(int row, int byte) {
    auto r = static_cast<uint32_t>(row);
    auto b = static_cast<uint32_t>(byte);
    return static_cast<int>(b / PANEL_PITCH * (ROWS * PANEL_PITCH) + r * PANEL_PITCH +
                            (b % PANEL_PITCH ^ r % 8 * 16));
  }
};

/**
 * Two warps copy keys and values, WARPS others take LINES, 8 or 16, past them, each a tile at a
 * time. COLUMNS: room for the head's dimension, 64 or 128. HALF: F16, else BF16. PACKED: pages of
 * codes. As many tiles are there or on their way as STAGES.
 */
template <int COLUMNS_, int LINES_, bool HALF_, bool PACKED_>
struct DecodeShape {
  static constexpr int COLUMNS = COLUMNS_;
  static constexpr int LINES = LINES_;
  static constexpr bool HALF = HALF_;
  static constexpr bool PACKED = PACKED_;
  static constexpr bool TO_HALF = PACKED && !HALF; /* queries, for codes */

  static constexpr int TEAMS = 2, TEAM_WARPS = 4, WARPS = TEAMS * TEAM_WARPS;
  // The copying warps are in a warpgroup that gives up registers.
  static constexpr int THREADS = WARPS * LANES + WARPGROUP;
  static constexpr int COPY_REGISTERS = 72, LINE_REGISTERS = 216;
  static constexpr int STAGES = 11;
  static_assert(STAGES >= TEAM_WARPS);  // DecodeLines::attend()

  static constexpr int TILE_BYTES = 8192; /* of keys, or of values */
  static constexpr int STAGE_BYTES = 2 * TILE_BYTES;
  static constexpr int PAGED_PANELS = PACKED ? 1 : COLUMNS / PANEL_COLUMNS;
  static constexpr int FRESH_PANELS = COLUMNS / PANEL_COLUMNS;
  static constexpr int KEYS = TILE_BYTES / (PAGED_PANELS * PANEL_PITCH);
  static constexpr int FRESH_KEYS = TILE_BYTES / (FRESH_PANELS * PANEL_PITCH);

  template <bool CODES>
  static constexpr int Keys = CODES ? KEYS : FRESH_KEYS;
  template <bool CODES>
  using Place = PlaceInPanels<Keys<CODES> >;

  // What warps leave at the end of eight lines, which lie in banks of their own.
  static constexpr int PART_PITCH = COLUMNS + 4;
  static constexpr int PART = 8 * PART_PITCH;
  static constexpr int SHARED_BYTES = PANEL_ALIGNMENT + STAGES * STAGE_BYTES + WARPS * PART * 4;

  static constexpr int TEAM_BARRIER = 1; /* numbered, of the first team */
};

/** What a warp leaves of eight lines beside their sums of values. */
struct WarpSums {
  PartialSum of[8];
};

/** Of a block, in static shared memory. */
template <class S>
struct DecodeShared {
  static constexpr int WORKS = 2 * S::TEAMS; /* known at a time */
  BlockWork work[WORKS];
  int32_t first_tile[WORKS]; /* its number among all of the block's */
  Barrier found[WORKS], done[WORKS];
  Barrier filled[2][S::STAGES]; /* keys, values */
  Barrier emptied[S::STAGES];
  alignas(16) uint16_t scales[S::STAGES][2][S::PACKED ? S::KEYS : 8];
  WarpSums sums[S::WARPS];
  uint64_t ancestors[S::WARPS][S::LINES]; /* under a tree mask */
};

/** The tiles of a piece of work, by number. */
template <class S>
class DecodeTiles {
 public:
  __device__ __forceinline__ explicit DecodeTiles(const TokenTable& table)
      : begin_(table.begin),
        history_(min(table.history, table.end)),
        fresh_begin_(max(table.begin - table.history, 0)),
        fresh_end_(table.end - table.history),
        paged_(max(history_ - begin_ + S::KEYS - 1, 0) / S::KEYS) {}

  /** Tiles of the history, which come first, and all. */
  __device__ __forceinline__ int32_t paged() const { return paged_; }
  __device__ __forceinline__ int32_t count() const {
    return paged_ + max(fresh_end_ - fresh_begin_ + S::FRESH_KEYS - 1, 0) / S::FRESH_KEYS;
  }

  __device__ __forceinline__ Tile at(int32_t number) const {
    if (number < paged_) {
      int32_t first = begin_ + number * S::KEYS;
      return {first, min(history_ - first, S::KEYS), true};
    }
    int32_t first = fresh_begin_ + (number - paged_) * S::FRESH_KEYS;
    return {first, min(fresh_end_ - first, S::FRESH_KEYS), false};
  }

 private:
  int32_t begin_, history_, fresh_begin_, fresh_end_;
  int32_t paged_;
};

}  // namespace trimtab
