// Canonical logits of 1 to 8 vectors.
//
// Half a warp owns half of its tile's rows, and a thread 2 of the 32 lanes of each of its rows' dot
// products; for one vector of codes an eighth and 8. Hidden vectors are widened once, into shared
// memory; so are the scales of a tile brought there.
//
// Per pass, k rows of d columns and N vectors:
//   bytes  k d b (b of an element), read once; N d from L2 for every block
//   FLOPs  2 k d N
//   bound  memory for N up to 4 and 16 bits or more, then instructions: multiply-adds, 128 a clock
//          and SM, 35 us for 32768 x 4096 and N = 8 on an H200; codes take two more operations
//          each, of which the one that permutes bytes has half that rate
//   there  N = 1: memory for BF16, after a few us until the first rows are there; for codes a
//          scheduler issues in 2 of 3 clocks, and half of all instructions are those above. N = 8:
//          two of three are; only two warps a scheduler have registers, and what is read of hidden
//          vectors keeps shared memory busy for a third of the time: a read of 8 or 16 bytes takes
//          2 or 4 cycles, though groups of threads read the same
#pragma once

#include <type_traits>

#include "common/launch.cuh"
#include "head/rows.cuh"
#include "head/scales.cuh"
#include "head/window.cuh"

namespace trimtab {

/** Whether a kernel may begin before the one before it ends. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
constexpr bool BEGINS_EARLY = false;
#else
constexpr bool BEGINS_EARLY = true;
#endif

/** FEW: for so few rows that there are not enough large tiles for all warps. */
template <class Format, int VECTORS, bool FEW>
class Dots {
 public:
  /** Lanes of a dot product that a thread owns, of a row for which THREADS threads work: of one
      vector of codes many, between which it does little else; of more as few as can be read at a
      time, which leaves registers for more rows. */
  static constexpr int OWNED = VECTORS == 1 && Format::QUANTIZED ? 8 : 2;
  /** Whether a thread has registers for eight rows of several vectors, and there are as many. */
  static constexpr bool ROOM = !FEW && (Format::BITS > 4 || VECTORS < MOST_DOTS);
  /** Rows of a thread: few for one vector, whose tiles are then finer; otherwise many, so that
      elements of hidden vectors are read seldom. */
  static constexpr int OWN_ROWS = VECTORS == 1 ? FEW ? 1 : 2 : ROOM ? 8 : 4;
  static constexpr int MOST_WARPS = VECTORS == 1 ? 16 : VECTORS == 4 && !Format::QUANTIZED ? 12 : 8;
  using Rows = WarpRows<Format, OWNED, OWN_ROWS, 4096>;
  using Hidden = HiddenWindow<VECTORS, Rows::COLUMNS>;
  static constexpr int COLUMNS = Rows::COLUMNS;
  static constexpr int THREADS = Rows::THREADS;
  /** Of rows in shared memory: one is computed with, the others are on their way; of codes but one,
      since scales wait behind what is. */
  static constexpr int STAGES = Format::QUANTIZED ? 2 : 3;
  /** Columns that may share a scale, and between two looks at what is next. */
  static constexpr int SPAN = Format::QUANTIZED ? SCALED_COLUMNS : COLUMNS < 128 ? COLUMNS : 128;
  /** Whether the launch may begin before the kernel before it ends: it is a part of what one vector
      takes. */
  static constexpr bool EARLY = VECTORS == 1;
  /** Steps in a row in the code. */
  static constexpr int UNROLL = Format::QUANTIZED && VECTORS == MOST_DOTS ? 2 : SPAN / LANES;

  using Scales = std::conditional_t<Format::QUANTIZED,
                                    TileScales<Rows::ROWS, VECTORS == 1 ? 16 : 8>, NoScales>;

  /** Bytes of a warp in shared memory: stages of rows, and a tile's scales. */
  static __host__ __device__ int warp_bytes(const HeadArguments& a) {
    return STAGES * Rows::SLOT_BYTES + Scales::bytes(a);
  }

  /** `shared`: a window of hidden vectors, and each warp's stages. */
  __device__ Dots(const HeadArguments& a, unsigned char* shared)
      : a_(a),
        rows_(a, STAGES, own_part(a, shared)),
        hidden_(a, shared),
        scales_(a, own_part(a, shared) + STAGES * Rows::SLOT_BYTES) {}

  /** What may begin while the kernel before still runs: the first rows' way, should their ids be
      final. Weights are none that such a kernel writes. */
  __device__ __forceinline__ void prepare() {
    if (EARLY && BEGINS_EARLY && rows_.guess(STAGES - 1)) begin_stages();
  }

  __device__ void run(int count) {
    count_ = count;
    clear_absent(a_, count_);
    rows_.look();
    hidden_.begin();
    if (!rows_.begin(count_)) begin_stages();
    begin_scales();
    // All warps of a block go along with its window.
    int tiles = ceil_div(count_, Rows::ROWS) - static_cast<int>(blockIdx.x);
    int rounds = ceil_div(ceil_div(max(tiles, 0), static_cast<int>(gridDim.x)),
                          static_cast<int>(blockDim.x) / LANES);
    for (int round = 0; round < rounds; round++) {
      clear();
      if (round > 0) begin_scales();
      share_scales();
      add_tile(round);
      if (!rows_.more()) continue;
      store();
      rows_.advance();
    }
  }

 private:
  /** Dot products that a thread has a part in. */
  static constexpr int SUMS = VECTORS * OWN_ROWS;

  /** The warp's part of shared memory. */
  static __device__ unsigned char* own_part(const HeadArguments& a, unsigned char* shared) {
    return shared + Hidden::bytes(a.window) + static_cast<int>(threadIdx.x) / LANES * warp_bytes(a);
  }

  /** The row of the tile that is the thread's r-th. */
  static __device__ int own_row(int r) {
    return static_cast<int>(threadIdx.x) % LANES / THREADS * OWN_ROWS + r;
  }

  __device__ __forceinline__ void begin_stages() {
    for (int i = 0; i < STAGES - 1; i++) begin_stage();
  }

  __device__ void begin_stage() {
    rows_.issue();
    commit_copies();
  }

  static __device__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }

  /** The first lane that the thread owns. */
  static __device__ int first_lane() { return static_cast<int>(threadIdx.x) % THREADS * OWNED; }

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < SUMS; i++) {
#pragma unroll
      for (int j = 0; j < OWNED; j++) sums_[i][j] = 0.f;
    }
  }

  /** Begins to read the scales of the tile, every thread some of one row. */
  __device__ __forceinline__ void begin_scales() {
    if constexpr (Format::QUANTIZED) scales_.begin(max(rows_.row_at(lane() % Rows::ROWS), 0));
  }

  /** Brings them to the other threads. */
  __device__ __forceinline__ void share_scales() {
    if constexpr (Format::QUANTIZED) {
      scales_.share();
      plain_ = scales_.small();
    }
  }

  /** Adds the products of a tile. */
  __device__ void add_tile(int round) {
#pragma unroll 1
    for (int first = 0; first < a_.columns; first += a_.window) {
      if (a_.window < a_.columns && round + first > 0) hidden_.move_to(first);
      if (!rows_.more()) continue;
      int end = min(first + a_.window, a_.columns);
#pragma unroll 1
      for (int column = first; column < end; column += COLUMNS) add_stage(column);
    }
  }

  /** Adds the products of a stage, which begins with a column. */
  __device__ __forceinline__ void add_stage(int column) {
    wait_copies<STAGES - 2>();
    const unsigned char* data =
        rows_.next() + Rows::offset(own_row(0)) + first_lane() * Format::BITS / 8;
    const float* hidden = hidden_.at(column) + first_lane();
    __syncwarp();
    begin_stage();
    int end = min(column + COLUMNS, a_.columns);
#pragma unroll 1
    for (; column < end; column += SPAN) {
      if constexpr (Format::QUANTIZED) scales_.take(own_row(0), own_scales_);
      if (plain_ && column + SPAN <= a_.columns) {
#pragma unroll(UNROLL)
        for (int step = 0; step < SPAN; step += LANES) {
          add_step<true>(column, data + step * Format::BITS / 8, hidden + step * VECTORS);
        }
      } else {
#pragma unroll 1
        for (int step = 0; step < SPAN; step += LANES) {
          add_step<false>(column + step, data + step * Format::BITS / 8, hidden + step * VECTORS);
        }
      }
      data += SPAN * Format::BITS / 8;
      hidden += SPAN * VECTORS;
    }
  }

  /** Adds the products of 32 columns, a lane each. PLAIN: all are there, and a code and its scale
      need but one operation. */
  template <bool PLAIN>
  __device__ __forceinline__ void add_step(int column, const unsigned char* data,
                                           const float* hidden) {
    float weights[OWN_ROWS][OWNED];
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
      const unsigned char* from = data + r * Rows::BYTES;
      if constexpr (LIFTS<Format> && PLAIN) {
        lift(Format{}, from, weights[r]);
#pragma unroll
        for (int j = 0; j < OWNED; j++) {
          float unlift = -lift_of<OWNED>(Format{}, j) * own_scales_[r];
          weights[r][j] = fma(weights[r][j], own_scales_[r], unlift);
        }
      } else {
        widen(Format{}, from, weights[r]);
        if constexpr (Format::QUANTIZED && PLAIN) {
#pragma unroll
          for (float& weight : weights[r]) weight *= own_scales_[r];
        }
      }
    }
    if constexpr (!PLAIN) complete(column + first_lane(), weights);
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      float x[OWNED];
      read_floats(hidden + v * LANES, x);
#pragma unroll
      for (int r = 0; r < OWN_ROWS; r++) {
#pragma unroll
        for (int j = 0; j < OWNED; j++) {
          float& sum = sums_[v * OWN_ROWS + r][j];
          sum = fma(weights[r][j], x[j], sum);
        }
      }
    }
  }

  /** Scales codes where add_step() did not, and excludes columns behind the last. */
  __device__ __forceinline__ void complete(int column, float (&weights)[OWN_ROWS][OWNED]) const {
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
      int row = Format::QUANTIZED ? max(rows_.row_at(own_row(r)), 0) : 0;
#pragma unroll
      for (int j = 0; j < OWNED; j++) {
        if (column + j >= a_.columns) {
          weights[r][j] = -0.f; /* times 0 that is -0, which no sum changes by */
        } else if constexpr (Format::QUANTIZED) {
          weights[r][j] *= scales_.at(row, column + j, own_scales_[r]);
        }
      }
    }
  }

  /** Completes the tile's dot products. */
  __device__ __forceinline__ void store() {
    add_lanes<SUMS, THREADS / 2>();
    constexpr int LEFT = SUMS > THREADS ? SUMS / THREADS : 1;
    constexpr int SHARING = THREADS / (SUMS / LEFT); /* threads that are left with the same ones */
    int first = static_cast<int>(threadIdx.x) % THREADS / SHARING * LEFT;
    bool stores = static_cast<int>(threadIdx.x) % SHARING == 0;
#pragma unroll
    for (int i = 0; i < LEFT; i++) {
      float(&lanes)[OWNED] = sums_[i];
#pragma unroll
      for (int o = OWNED / 2; o > 0; o /= 2) {
#pragma unroll
        for (int j = 0; j < o; j++) lanes[j] += lanes[j + o];
      }
      int v = (first + i) / OWN_ROWS;
      int row = own_row((first + i) % OWN_ROWS);
      bool present = rows_.row_at(row) >= 0;
      int place = rows_.first_place() + row;
      if (stores && v < a_.vectors && place < count_) {
        a_.logits[v * a_.logits_stride + place] = present ? lanes[0] : -infinity();
      }
    }
  }

  /** Adds the lanes of threads at a distance, then of nearer ones. Of two threads each goes on with
      half of the COUNT products, so that few lanes are exchanged. */
  template <int COUNT, int DISTANCE>
  __device__ __forceinline__ void add_lanes() {
    constexpr int LEFT = COUNT > 1 ? COUNT / 2 : 1;
    bool upper = COUNT > 1 && (static_cast<int>(threadIdx.x) & DISTANCE) != 0;
#pragma unroll
    for (int i = 0; i < LEFT; i++) {
#pragma unroll
      for (int j = 0; j < OWNED; j++) {
        float kept = upper ? sums_[COUNT - LEFT + i][j] : sums_[i][j];
        float given = upper ? sums_[i][j] : sums_[COUNT - LEFT + i][j];
        sums_[i][j] = kept + __shfl_xor_sync(ALL_LANES, given, DISTANCE);
      }
    }
    if constexpr (DISTANCE > 1) add_lanes<LEFT, DISTANCE / 2>();
  }

  const HeadArguments& a_;
  int count_ = 0;
  Rows rows_;
  Hidden hidden_;
  Scales scales_;
  float sums_[SUMS][OWNED];         /* [vectors, own rows, owned lanes] */
  bool plain_ = !Format::QUANTIZED; /* whether a code and its scale need but one operation, in the
                                       whole tile */
  float own_scales_[OWN_ROWS];      /* of the current span */
};

template <class Format, int VECTORS, bool FEW>
__global__ void __launch_bounds__(Dots<Format, VECTORS, FEW>::MOST_WARPS* LANES, 1)
    head_dots(const __grid_constant__ HeadArguments a) {
  TRIMTAB_DYNAMIC_SHARED(shared);
  Dots<Format, VECTORS, FEW> dots(a, shared);
  dots.prepare();
  await_kernel_before();
  begin_next_kernel();
  dots.run(places_of(a));
}

}  // namespace trimtab
