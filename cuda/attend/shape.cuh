// How a block of attention on tensor cores is made up, and what it holds in shared memory.
#pragma once

#include "attend/block.cuh"
#include "common/warp.cuh"

namespace trimtab {

/**
 * The shape of a block. COLUMNS: room for the head's dimension, a multiple of 32. Of its warps
 * LINE_WARPS stand along the lines, each with LINE_TILES tiles of 16, the others along the KEYS of
 * a tile. BLOCKS of a multiprocessor that registers are held down for. HALF: F16, else BF16.
 * PACKED: pages of codes.
 */
template <int COLUMNS_, int LINE_TILES_, int LINE_WARPS_, int KEYS_, int BLOCKS_, bool HALF_,
          bool PACKED_>
struct Shape {
  static constexpr int COLUMNS = COLUMNS_;
  static constexpr int LINE_TILES = LINE_TILES_;
  static constexpr int LINE_WARPS = LINE_WARPS_;
  static constexpr int KEYS = KEYS_;
  static constexpr int BLOCKS = BLOCKS_;
  static constexpr bool HALF = HALF_;
  static constexpr bool PACKED = PACKED_;

  static constexpr int WARPS = 4;
  static constexpr int THREADS = WARPS * LANES;
  static constexpr int LINES = 16 * LINE_TILES * LINE_WARPS;
  static constexpr int KEY_WARPS = WARPS / LINE_WARPS;
  static constexpr int OWN_KEYS = KEYS / KEY_WARPS;
  using Source = Tokens<COLUMNS, KEYS, THREADS, LINE_WARPS == 1 ? 4 : 1, PACKED>;

  static constexpr int QUERY_BYTES = LINES * 2 * COLUMNS;
  static constexpr int KEY_BYTES = KEYS * Source::KEY_PITCH;
  static constexpr int VALUE_BYTES = KEYS * Source::VALUE_PITCH;
  static constexpr int SHARED_BYTES = QUERY_BYTES + KEY_BYTES + VALUE_BYTES;
};

/** What a block holds in static shared memory. */
template <class S>
struct TileShared {
  BlockWork work;
  PageWindow window;
  uint64_t ancestors[S::LINES]; /* under a tree mask: a bit a new token */
  uint16_t scales[2][S::KEYS];  /* of keys and of values, where those are codes */
  PartialSum sums[S::WARPS][S::KEY_WARPS == 1 ? 1 : S::LINES];
};

}  // namespace trimtab
