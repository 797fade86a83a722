// Rows on their way through shared memory.
//
// A block takes tiles of rows in turn and each tile in stages of COLUMNS columns. While it computes
// with one stage, copies of the next are under way, across the ends of tiles too. So the threads'
// mapping to elements is free of what makes reading fast, and the canonical order costs nothing.
#pragma once

#include "common/async.cuh"
#include "common/formats.cuh"
#include "head/arguments.cuh"

namespace trimtab {

/** Rows that a warp computes with. */
constexpr int WARP_ROWS = 16;

/** Most stages of a block. */
constexpr int MOST_STAGES = 4;

/** How a stage of rows lies in shared memory; the pitch keeps a warp's reads on different banks. */
template <class Format>
struct Stage {
  static constexpr int COLUMNS = Format::BITS == 32 ? STAGE_COLUMNS / 2 : STAGE_COLUMNS;
  static constexpr int BYTES = COLUMNS * Format::BITS / 8;
  static constexpr int PITCH = BYTES + (Format::BITS == 32 ? 16 : 4 * Format::BITS);
};

/** A tile of a block's own sequence, and a stage of it. */
struct Cursor {
  int tile = 0;
  int stage = 0;
  int slot = 0;

  __device__ __forceinline__ void advance(int stages_of_tile, int slots) {
    slot = slot + 1 == slots ? 0 : slot + 1;
    if (++stage == stages_of_tile) {
      stage = 0;
      tile++;
    }
  }
};

/** The stages of a block of WARPS warps; all threads of it hold the same. */
template <class Format, int WARPS>
class RowStages {
 public:
  static constexpr int ROWS = WARPS * WARP_ROWS;
  static constexpr int THREADS = WARPS * LANES;
  /** Tiles whose rows are known at once. */
  static constexpr int TILES = 8;
  static constexpr int ROW_BYTES = ROWS * Stage<Format>::PITCH;
  /** Of the rows' numbers, which follow the stages. */
  static constexpr int INDEX_BYTES = TILES * ROWS * 4;

  /** `extra` bytes of each stage are the caller's, behind the rows. */
  __device__ RowStages(const HeadArguments& a, int count, unsigned char* shared, int extra)
      : a_(a),
        count_(count),
        tiles_(ceil_div(count, ROWS)),
        stages_of_tile_(ceil_div(a.columns, Stage<Format>::COLUMNS)),
        shared_(shared),
        stage_bytes_(ROW_BYTES + extra),
        rows_(reinterpret_cast<int32_t*>(shared + a.stages * (ROW_BYTES + extra))) {}

  /** Begins the first copies. `copy(stage, to)` begins those of the caller's part. */
  template <class Copy>
  __device__ void start(Copy copy) {
    for (int i = 0; i < a_.stages; i++) {
      if (issued_.stage == 0) load_rows(issued_.tile);
      __syncthreads();
      if (i < a_.stages - 1) issue(copy);
    }
  }

  /** Whether there is a stage to compute with. */
  __device__ bool more() const { return tile_of(current_.tile) < tiles_; }

  /** Waits for the current stage of all threads and begins the copies of a later one. */
  template <class Copy>
  __device__ void arrive(Copy copy) {
    if (a_.stages == 4) {
      wait_copies<2>();
    } else if (a_.stages == 3) {
      wait_copies<1>();
    } else {
      wait_copies<0>();
    }
    __syncthreads();
    issue(copy);
    if (issued_.stage == 0) load_rows(issued_.tile);
  }

  __device__ void advance() { current_.advance(stages_of_tile_, a_.stages); }

  __device__ int tile() const { return tile_of(current_.tile); }
  __device__ int stage() const { return current_.stage; }
  __device__ int next_stage() const { return last() ? 0 : current_.stage + 1; }
  /** Whether the current stage is its tile's last. */
  __device__ bool last() const { return current_.stage + 1 == stages_of_tile_; }
  /** Columns of the current stage. */
  __device__ int columns() const {
    return min(Stage<Format>::COLUMNS, a_.columns - current_.stage * Stage<Format>::COLUMNS);
  }
  /** The current stage's rows, PITCH bytes apart; the caller's part lies ROW_BYTES behind. */
  __device__ const unsigned char* data() const { return shared_ + current_.slot * stage_bytes_; }
  /** The matrix rows of the current tile, -1 for none. */
  __device__ const int32_t* rows() const { return rows_ + current_.tile % TILES * ROWS; }

 private:
  __device__ int tile_of(int ordinal) const {
    return static_cast<int>(blockIdx.x) + ordinal * static_cast<int>(gridDim.x);
  }

  /** Finds the rows of a tile; all threads see them behind the next barrier. */
  __device__ void load_rows(int ordinal) {
    if (threadIdx.x >= ROWS) return;
    int64_t place = static_cast<int64_t>(tile_of(ordinal)) * ROWS + threadIdx.x;
    rows_[ordinal % TILES * ROWS + threadIdx.x] =
        place < count_ ? row_of(a_, static_cast<int>(place)) : -1;
  }

  template <class Copy>
  __device__ void issue(Copy copy) {
    if (tile_of(issued_.tile) < tiles_) {
      if (a_.copy_bytes == 16) {
        copy_rows<16>();
      } else if (a_.copy_bytes == 4) {
        copy_rows<4>();
      } else {
        copy_rows<1>();
      }
      copy(issued_.stage, shared_ + issued_.slot * stage_bytes_ + ROW_BYTES);
    }
    commit_copies();
    issued_.advance(stages_of_tile_, a_.stages);
  }

  template <int UNIT>
  __device__ void copy_rows() {
    constexpr int UNITS = Stage<Format>::BYTES / UNIT;
    const trimtab_tensor& codes = a_.op.rows.weight.codes;
    int64_t row_stride = codes.stride[0] * (Format::BITS <= 8 ? 1 : Format::BITS / 8);
    int first = issued_.stage * Stage<Format>::BYTES;
    int bytes = a_.columns * Format::BITS / 8 - first;
    const unsigned char* from = static_cast<const unsigned char*>(codes.data) + first;
    unsigned char* to = shared_ + issued_.slot * stage_bytes_;
    const int32_t* rows = rows_ + issued_.tile % TILES * ROWS;
#pragma unroll(UNIT == 16 ? 2 : 1)
    for (int i = static_cast<int>(threadIdx.x); i < ROWS * UNITS; i += THREADS) {
      int row = rows[i / UNITS];
      int byte = i % UNITS * UNIT;
      if (row < 0 || byte >= bytes) continue;
      unsigned char* target = to + i / UNITS * Stage<Format>::PITCH + byte;
      const unsigned char* source = from + row * row_stride + byte;
      if constexpr (UNIT == 1) {
        *target = *source;
      } else {
        copy_async<UNIT>(target, source);
      }
    }
  }

  const HeadArguments& a_;
  const int count_;
  const int tiles_;
  const int stages_of_tile_;
  unsigned char* const shared_;
  const int stage_bytes_;
  int32_t* const rows_;
  Cursor current_; /* computed with */
  Cursor issued_;  /* whose copies begin next, stages - 1 ahead; its rows are found */
};

}  // namespace trimtab
