// How a block of attention on sm_90a is made up, and what it holds in shared memory.
#pragma once

#include "attend/block.cuh"
#include "common/barrier.cuh"
#include "common/wgmma.cuh"

namespace trimtab {

/**
 * One warpgroup copies tokens, CONSUMERS others take 64 lines each past all of them. COLUMNS: room
 * for the head's dimension. KEYS of a tile; as many tiles as STAGES are there or on their way.
 */
template <int COLUMNS_, int KEYS_, int STAGES_, int CONSUMERS_, bool HALF_>
struct HopperShape {
  static constexpr int COLUMNS = COLUMNS_;
  static constexpr int KEYS = KEYS_;
  static constexpr int STAGES = STAGES_;
  static constexpr int CONSUMERS = CONSUMERS_;
  static constexpr bool HALF = HALF_;

  static constexpr int GROUP_LINES = 64;
  static constexpr int LINES = GROUP_LINES * CONSUMERS;
  static constexpr int THREADS = WARPGROUP * (1 + CONSUMERS);
  // At its launch each thread gets the same share of the multiprocessor's registers.
  static constexpr int REGISTERS = 65536 / THREADS / 8 * 8;
  static constexpr int COPY_REGISTERS = 72;
  static constexpr int LINE_REGISTERS =
      (REGISTERS * (1 + CONSUMERS) - COPY_REGISTERS) / CONSUMERS / 8 * 8;

  // The block's numbered barriers: of each consumer, and of those that copy.
  static constexpr int QUERIES = 1, COPIES = QUERIES + CONSUMERS;

  static constexpr int PANELS = COLUMNS / PANEL_COLUMNS;
  static constexpr int QUERY_PANEL_BYTES = GROUP_LINES * PANEL_PITCH;
  static constexpr int QUERY_BYTES = PANELS * QUERY_PANEL_BYTES; /* of a warpgroup */
  static constexpr int TILE_PANEL_BYTES = KEYS * PANEL_PITCH;
  static constexpr int TILE_BYTES = PANELS * TILE_PANEL_BYTES; /* of keys, or of values */
  static constexpr int SHARED_BYTES =
      PANEL_ALIGNMENT + CONSUMERS * QUERY_BYTES + 2 * STAGES * TILE_BYTES;
};

/** Pieces of work that are known at a time: one is copied while lines still are at another. */
constexpr int WORKS = 2;

/** Of a block, in static shared memory. */
template <class S>
struct HopperShared {
  BlockWork work[WORKS];
  Barrier found[WORKS], done[WORKS];
  Barrier filled[2][S::STAGES], emptied[2][S::STAGES]; /* keys, values */
  uint64_t ancestors[S::LINES];                        /* under a tree mask */
};

/** And in dynamic one. */
template <class S>
class HopperTiles {
 public:
  __device__ __forceinline__ explicit HopperTiles(unsigned char* dynamic)
      : queries_(aligned_panels(dynamic)) {}

  __device__ __forceinline__ unsigned char* queries(int consumer) const {
    return queries_ + consumer * S::QUERY_BYTES;
  }
  /** Keys (part 0) or values (1) of a stage. */
  __device__ __forceinline__ unsigned char* tile(int part, int stage) const {
    return queries(S::CONSUMERS) + (part * S::STAGES + stage) * S::TILE_BYTES;
  }

 private:
  unsigned char* const queries_;
};

}  // namespace trimtab
