// Rows on their way through a warp's own part of shared memory.
//
// A warp takes tiles of rows in turn and each tile in stages of a few hundred bytes a row. While it
// computes with one stage, copies of the next are under way, across the ends of tiles too. So the
// threads' mapping to elements is free of what makes reading fast, the canonical order costs
// nothing, and no warp waits for another.
#pragma once

#include "common/async.cuh"
#include "common/bulk.cuh"
#include "common/warp.cuh"
#include "common/widen.cuh"
#include "head/kernels.cuh"

namespace trimtab {

/** Stages of STAGE_BYTES of tiles in which each thread has OWN_ROWS rows; all threads of a warp
    call each method. */
template <class Format, int OWN_ROWS, int STAGE_BYTES>
class WarpRows {
 public:
  /** Threads that work for a row, each with its neighbouring lanes of the dot product. */
  static constexpr int THREADS = LANES / WIDTH<Format>;
  /** Rows that a warp reads at a time. */
  static constexpr int GROUPS = LANES / THREADS;
  static constexpr int ROWS = GROUPS * OWN_ROWS;
  /** Bytes and columns of a row in a stage. */
  static constexpr int BYTES = STAGE_BYTES / ROWS;
  static constexpr int COLUMNS = BYTES * 8 / Format::BITS;
  /** Bytes between the groups' rows, which puts those that are read at a time on other banks. */
  static constexpr int SKEW = 128 / GROUPS;
  static constexpr int GROUP_BYTES = OWN_ROWS * BYTES + SKEW;
  /** Of a stage, and its barrier. */
  static constexpr int SLOT_BYTES = GROUPS * GROUP_BYTES + 16;
  /** Whether pieces are worth bulk copies: a warp begins one after the other, in 10 instructions
      each, where as many copy 512 bytes 16 at a time. */
  static constexpr bool LONG = BYTES >= 512;

  static_assert(COLUMNS % LANES == 0 && BYTES % 16 == 0 && SKEW % 16 == 0);

  /** `shared`: a.stages * SLOT_BYTES, aligned to 16 bytes. */
  __device__ WarpRows(const HeadArguments& a, int count, unsigned char* shared)
      : a_(a),
        count_(count),
        tiles_(ceil_div(count, ROWS)),
        row_bytes_(a.columns * Format::BITS / 8),
        bulk_(BULK_COPIES && LONG && a.copy_bytes == 16),
        shared_(shared),
        step_(static_cast<int>(gridDim.x * blockDim.x / LANES)),
        tile_(static_cast<int>(blockIdx.x + gridDim.x * (threadIdx.x / LANES))),
        issued_tile_(tile_) {
    if (lane() < a.stages) init_barrier(barrier(lane()));
    __syncwarp();
    coming_id_ = id_in(tile_);
    row_ = row_in(tile_, coming_id_);
    begin_tile(coming_id_);
    coming_id_ = issued_id_ = id_in(tile_ + step_);
  }

  /** Whether there is a tile to compute with. */
  __device__ bool more() const { return tile_ < tiles_; }

  /** Waits for the lane's copies of the next stage; others' are seen behind a barrier. */
  __device__ const unsigned char* await() {
    const unsigned char* slot = slot_at(slot_);
    if (bulk_) {
      if (more()) wait_bytes(barrier(slot_), parity_);
    } else {
      switch (a_.stages) {
        case 3:
          wait_copies<1>();
          break;
        case 4:
          wait_copies<2>();
          break;
        case 5:
          wait_copies<3>();
          break;
        default:
          wait_copies<0>();
      }
    }
    if (++slot_ == a_.stages) slot_ = 0, parity_ ^= 1;
    return slot;
  }

  /** Begins the copies of a stage, stages - 1 ahead of the current one. */
  __device__ void issue() {
    if (issued_tile_ >= tiles_) return;
    int first = issued_stage_ * BYTES;
    int bytes = min(BYTES, row_bytes_ - first);
    if (bulk_) {
      if (lane() == 0) expect_bytes(barrier(issued_slot_), present_ * bytes);
      if (from_ != nullptr) {
        copy_bulk(slot_at(issued_slot_) + offset(lane()), from_ + first, bytes,
                  barrier(issued_slot_));
      }
    } else if (a_.copy_bytes == 16) {
      copy_rows<16>(first, bytes);
    } else if (a_.copy_bytes == 4) {
      copy_rows<4>(first, bytes);
    } else {
      copy_rows<1>(first, bytes);
    }
    if (++issued_slot_ == a_.stages) issued_slot_ = 0;
    if (++issued_stage_ * BYTES < row_bytes_) return;
    issued_stage_ = 0;
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
  static __device__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }
  __device__ unsigned char* slot_at(int slot) const { return shared_ + slot * SLOT_BYTES; }
  __device__ uint64_t* barrier(int slot) const {
    return reinterpret_cast<uint64_t*>(slot_at(slot) + GROUPS * GROUP_BYTES);
  }

  /** The id of the lane's row in a tile, to be looked at later. */
  __device__ int32_t id_in(int tile) const {
    int64_t place = static_cast<int64_t>(tile) * ROWS + lane();
    return lane() < ROWS && place < count_ ? id_of(a_, static_cast<int>(place)) : -1;
  }

  __device__ int32_t row_in(int tile, int32_t id) const {
    int64_t place = static_cast<int64_t>(tile) * ROWS + lane();
    return lane() < ROWS && place < count_ ? row_of(a_, static_cast<int>(place), id) : -1;
  }

  /** Finds the rows of the tile whose copies begin next. */
  __device__ void begin_tile(int32_t id) {
    const trimtab_tensor& codes = a_.op.rows.weight.codes;
    int64_t row_stride = codes.stride[0] * (Format::BITS <= 8 ? 1 : Format::BITS / 8);
    int32_t row = row_in(issued_tile_, id);
    from_ = row < 0 ? nullptr : static_cast<const unsigned char*>(codes.data) + row * row_stride;
    present_ = warp_count(row >= 0);
  }

  template <int UNIT>
  __device__ void copy_rows(int first, int bytes) {
    constexpr int UNITS = BYTES / UNIT;
    unsigned char* to = slot_at(issued_slot_);
    auto from = reinterpret_cast<unsigned long long>(from_);
#pragma unroll(UNIT == 16 ? 4 : 1)
    for (int i = lane(); i < ROWS * UNITS; i += LANES) {
      int row = i / UNITS;
      int byte = i % UNITS * UNIT;
      unsigned long long begin = __shfl_sync(ALL_LANES, from, row);
      bool present = begin != 0 && byte < bytes;
      auto* source = reinterpret_cast<const unsigned char*>(begin + first + byte);
      unsigned char* target = to + offset(row) + byte;
      if constexpr (UNIT == 16) {
        // Without a branch: what is absent is cleared.
        copy_or_clear_async(target, present ? source : a_.op.rows.weight.codes.data, present);
      } else if (present) {
        if constexpr (UNIT == 4) {
          copy_async<4>(target, source);
        } else {
          *target = *source;
        }
      }
    }
  }

  const HeadArguments& a_;
  const int count_;
  const int tiles_;
  const int row_bytes_;
  const bool bulk_;
  unsigned char* const shared_;
  const int step_; /* from a tile of the warp to its next */

  int tile_;         /* computed with */
  int32_t row_ = -1; /* of the lane in it */
  int32_t coming_id_ = -1;
  int slot_ = 0;
  unsigned parity_ = 0;

  int issued_tile_; /* whose copies begin next */
  int issued_stage_ = 0;
  int issued_slot_ = 0;
  int32_t issued_id_ = -1;              /* of the lane in the tile behind it */
  const unsigned char* from_ = nullptr; /* the lane's row */
  int present_ = 0;                     /* rows to be copied */
};

}  // namespace trimtab
