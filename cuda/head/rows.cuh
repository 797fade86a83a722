// Rows on their way through a warp's own part of shared memory.
//
// A warp takes tiles of rows in turn and each tile in stages of a few hundred bytes a row. While it
// computes with one stage, copies of the next are under way, across the ends of tiles too. So the
// threads' mapping to elements is free of what makes reading fast, the canonical order costs
// nothing, and no warp waits for another.
//
// Copies are of 16 bytes a thread: bulk copies take ten instructions each, begun one after the
// other, and pieces of a few hundred bytes are not worth that.
#pragma once

#include "common/async.cuh"
#include "common/warp.cuh"
#include "common/widen.cuh"
#include "head/kernels.cuh"

namespace trimtab {

/** Stages of STAGE_BYTES of tiles in which each thread has OWN_ROWS rows, and of each OWNED
    neighbours of 32; all threads of a warp call each method. */
template <class Format, int OWNED, int OWN_ROWS, int STAGE_BYTES>
class WarpRows {
 public:
  /** Threads that work for a row. */
  static constexpr int THREADS = LANES / OWNED;
  /** Rows that a warp reads at a time. */
  static constexpr int GROUPS = LANES / THREADS;
  static constexpr int ROWS = GROUPS * OWN_ROWS;
  /** Bytes and columns of a row in a stage. */
  static constexpr int BYTES = STAGE_BYTES / ROWS;
  static constexpr int COLUMNS = BYTES * 8 / Format::BITS;
  /** Bytes between the groups' rows, which puts those that are read at a time on other banks. */
  static constexpr int STEP_BYTES = LANES * Format::BITS / 8;
  static constexpr int SKEW = 128 / GROUPS > STEP_BYTES ? 128 / GROUPS : STEP_BYTES;
  static constexpr int SLOT_BYTES = STAGE_BYTES + (GROUPS - 1) * SKEW;

  /** `shared`: `stages` * SLOT_BYTES, aligned to 16 bytes. */
  __device__ __forceinline__ WarpRows(const HeadArguments& a, int stages, unsigned char* shared)
      : a_(a),
        count_(a.capacity),
        tiles_(ceil_div(a.capacity, ROWS)),
        row_bytes_(a.columns * Format::BITS / 8),
        stages_(stages),
        shared_(shared),
        step_(static_cast<int>(gridDim.x * blockDim.x / LANES)),
        tile_(static_cast<int>(blockIdx.x + gridDim.x * (threadIdx.x / LANES))),
        issued_tile_(tile_) {}

  /** Finds the first tile's rows as the kernel before, which may still run, has left them by now;
      whether copies of so many stages may begin. */
  __device__ __forceinline__ bool guess(int stages) {
    if (a_.copy_bytes != 16 || row_bytes_ <= stages * BYTES) return false;
    issued_row_ = row_of(a_, tile_ * ROWS + lane(), id_in(tile_));
    stand_in();
    guessed_row_ = issued_row_;
    return true;
  }

  /** Begins to read the first tile's ids. */
  __device__ __forceinline__ void look() { coming_id_ = id_in(tile_); }

  /** Finds the first tile's rows; whether copies that have begun are of these. Otherwise none have.
   */
  __device__ __forceinline__ bool begin(int count) {
    count_ = count;
    tiles_ = ceil_div(count, ROWS);
    row_ = row_in(tile_, coming_id_);
    begin_tile(coming_id_);
    coming_id_ = issued_id_ = id_in(tile_ + step_);
    if (issued_byte_ == 0) return false;
    if (__any_sync(ALL_LANES, issued_row_ != guessed_row_) == 0) return true;
    wait_copies<0>();
    __syncwarp();
    issued_byte_ = issued_slot_ = 0;
    return false;
  }

  /** Whether there is a tile to compute with. */
  __device__ bool more() const { return tile_ < tiles_; }

  /** The next stage, once all threads of the warp have waited for their copies. */
  __device__ __forceinline__ const unsigned char* next() {
    const unsigned char* slot = shared_ + slot_ * SLOT_BYTES;
    if (++slot_ == stages_) slot_ = 0;
    return slot;
  }

  /** Begins the copies of a stage, stages - 1 ahead of the current one. */
  __device__ __forceinline__ void issue() {
    if (issued_tile_ >= tiles_) return;
    unsigned char* to = shared_ + issued_slot_ * SLOT_BYTES;
    if (issued_row_ >= 0 && a_.copy_bytes == 16 && issued_byte_ + BYTES <= row_bytes_) {
      copy_whole(to);
    } else {
      copy_rows(to);
    }
    if (++issued_slot_ == stages_) issued_slot_ = 0;
    issued_byte_ += BYTES;
    if (issued_byte_ < row_bytes_) return;
    issued_byte_ = 0;
    issued_tile_ += step_;
    begin_tile(issued_id_);
    issued_id_ = id_in(issued_tile_ + step_);
  }

  /** The place of the current tile's first row. */
  __device__ int first_place() const { return tile_ * ROWS; }
  /** The matrix row of a row of the tile, -1 for none. */
  __device__ int row_at(int row) const { return __shfl_sync(ALL_LANES, row_, row); }
  /** Where a row of the tile begins in a stage. */
  static __device__ int offset(int row) { return row * BYTES + row / OWN_ROWS * SKEW; }

  /** Goes on to the next tile. */
  __device__ void advance() {
    tile_ += step_;
    row_ = row_in(tile_, coming_id_);
    coming_id_ = id_in(tile_ + step_);
  }

 private:
  /** Pieces of 16 bytes of a row in a stage, and those that a thread copies. */
  static constexpr int UNITS = BYTES / 16;
  static constexpr int COPIES = STAGE_BYTES / (16 * LANES);
  static_assert(COLUMNS % LANES == 0 && SKEW % 16 == 0);
  static_assert(UNITS % LANES == 0 || LANES % UNITS == 0);

  static __device__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }

  /** The id of the lane's row in a tile, to be looked at later. */
  __device__ int32_t id_in(int tile) const {
    int64_t place = static_cast<int64_t>(tile) * ROWS + lane();
    return lane() < ROWS && place < a_.capacity ? id_of(a_, static_cast<int>(place)) : -1;
  }

  __device__ int32_t row_in(int tile, int32_t id) const {
    int64_t place = static_cast<int64_t>(tile) * ROWS + lane();
    return lane() < ROWS && place < count_ ? checked_row_of(a_, static_cast<int>(place), id) : -1;
  }

  /** Finds the rows of the tile whose copies begin next. */
  __device__ void begin_tile(int32_t id) {
    issued_row_ = row_in(issued_tile_, id);
    stand_in();
  }

  /** In place of a row that is absent, any other is copied: its products are not looked at. */
  __device__ __forceinline__ void stand_in() {
    unsigned present = __ballot_sync(ALL_LANES, issued_row_ >= 0);
    int32_t other =
        __shfl_sync(ALL_LANES, issued_row_, max(__ffs(static_cast<int>(present)) - 1, 0));
    if (issued_row_ < 0) issued_row_ = other;
  }

  /** Copies a stage in which all rows have BYTES. */
  __device__ __forceinline__ void copy_whole(unsigned char* to) {
    const unsigned char* from = static_cast<const unsigned char*>(a_.op.rows.weight.codes.data) +
                                (issued_byte_ + lane() % UNITS * 16);
    to += lane() * 16 + lane() / UNITS / OWN_ROWS * SKEW;
#pragma unroll
    for (int i = 0; i < COPIES; i++) {
      int32_t source = __shfl_sync(ALL_LANES, issued_row_, (i * LANES + lane()) / UNITS);
      auto row = static_cast<uint64_t>(static_cast<uint32_t>(source)) *
                 static_cast<uint32_t>(a_.row_bytes);
      copy_async<16>(to + i * 16 * LANES + i * LANES / UNITS / OWN_ROWS * SKEW,
                     from + row + (UNITS > LANES ? i * LANES % UNITS * 16 : 0));
    }
  }

  /** Copies what rows have of a stage, 4 or 1 bytes at a time, and clears what they have not. */
  __device__ __forceinline__ void copy_rows(unsigned char* to) {
    int bytes = min(BYTES, row_bytes_ - issued_byte_);
    int unit = a_.copy_bytes == 1 ? 1 : 4;
#pragma unroll 1
    for (int row = 0; row < ROWS; row++) {
      int64_t source = __shfl_sync(ALL_LANES, issued_row_, row);
      if (source < 0) continue;
      const unsigned char* from = static_cast<const unsigned char*>(a_.op.rows.weight.codes.data) +
                                  source * a_.row_bytes + issued_byte_;
#pragma unroll 1
      for (int byte = lane() * unit; byte < BYTES; byte += LANES * unit) {
        unsigned char* target = to + offset(row) + byte;
        if (unit == 1) {
          *target = byte < bytes ? from[byte] : 0;
        } else if (byte < bytes) {
          copy_async<4>(target, from + byte);
        } else {
          *reinterpret_cast<uint32_t*>(target) = 0;
        }
      }
    }
  }

  const HeadArguments& a_;
  int count_;
  int tiles_;
  const int row_bytes_; /* without what lies between rows */
  const int stages_;
  unsigned char* const shared_;
  const int step_; /* from a tile of the warp to its next */

  int tile_;         /* computed with */
  int32_t row_ = -1; /* of the lane in it */
  int32_t coming_id_ = -1;
  int slot_ = 0;

  int issued_tile_;        /* whose copies begin next */
  int32_t issued_row_ = 0; /* of the lane in it, or another where none is; -1: all are absent */
  int32_t guessed_row_ = 0;
  int issued_byte_ = 0; /* of its rows */
  int issued_slot_ = 0;
  int32_t issued_id_ = -1; /* of the lane in the tile behind it */
};

}  // namespace trimtab
