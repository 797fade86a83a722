// Logits of 9 to 64 vectors on tensor cores; their order of sums is free.
//
// Weights are the left operand, straight from shared memory: a thread's eight neighbours of a row
// are its part of two multiplications, and hidden vectors lie so that theirs are the same columns.
// Codes are multiplied as they are and scaled in sums. Tensor cores truncate each sum where F32 is
// rounded, so theirs are short: of 32 columns, from 0, the smallest pieces first; totals are F32's.
//
// Per pass, k rows of d columns, N vectors of p pieces, rows of w pieces:
//   bytes  k d b (b of an element), read once; 2 p N d from L2 for every tile of rows of a block
//   FLOPs  2 k d N p w (at most 6 of the 9 pairs of pieces)
//   bound  memory for BF16 rows and vectors
//   there  by warpgroups (sm_90a) 1.4 times that for N = 64 and 32768 x 4096: threads add the short
//          sums, and two warps a scheduler do not hide what a step waits for
#pragma once

#include "common/barrier.cuh"
#include "common/launch.cuh"
#include "common/wgmma.cuh"
#include "head/hidden_stages.cuh"
#include "head/pieces.cuh"
#include "head/rows.cuh"

namespace trimtab {

/** HALF: F16 rows and vectors as they are, not in pieces. TILES of eight vectors by FRAGMENTS of 16
    rows a warp. WIDE: by warpgroups (sm_90a), which read hidden vectors from shared memory once for
    64 rows. */
template <class Format, bool HALF, int TILES, int FRAGMENTS, bool WIDE>
class Products {
 public:
  static constexpr int MOST_WARPS = 8;
  static constexpr int COLUMNS = product_columns(Format::BITS, WIDE);
  static constexpr int ROW_COUNT = 16 * FRAGMENTS;
  using Rows = WarpRows<Format, WIDTH<Format>, ROW_COUNT / WIDTH<Format>,
                        ROW_COUNT * COLUMNS * Format::BITS / 8>;
  using Hidden = HiddenStages<8 * TILES, COLUMNS>;
  static constexpr int WEIGHT_PIECES = HALF ? 1 : PIECES<Format>;
  /** Pairs of pieces whose numbers add up to more are too small to count in F32. */
  static constexpr int MOST_DEPTH = 2;
  static_assert(Rows::ROWS == ROW_COUNT && Rows::COLUMNS == COLUMNS);

  /** `shared`: stages of hidden vectors, and each warp's of rows. */
  __device__ Products(const HeadArguments& a, int count, unsigned char* shared)
      : a_(a),
        count_(count),
        rounds_(rounds_of(count)),
        hidden_(a, shared, rounds_ * ceil_div(a.columns, COLUMNS)),
        rows_(a, a.stages, shared + Hidden::bytes(a) + warp() * a.stages * Rows::SLOT_BYTES) {}

  __device__ void run() {
    begin_next_kernel();
    clear_absent(a_, count_);
    rows_.look();
    rows_.begin(count_);
    for (int i = 0; i < a_.stages - 1; i++) begin_stage();
    for (int round = 0; round < rounds_; round++) {
      clear();
      for (int column = 0; column < a_.columns; column += COLUMNS) {
        await_stage();
        const unsigned char* weights = rows_.next();
        const unsigned char* hidden = hidden_.next();
        if constexpr (WIDE) publish_to_tensor_cores();
        __syncthreads();
        begin_stage();
        if constexpr (WIDE) {
          if (a_.hidden_pieces == 1) {
            multiply_wide<1>(column, weights, hidden);
          } else {
            multiply_wide<0>(column, weights, hidden);
          }
        } else {
          if (rows_.more()) multiply(column, weights, hidden);
        }
      }
      if (rows_.more()) store();
      rows_.advance();
    }
  }

 private:
  static __device__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }
  static __device__ int warp() { return static_cast<int>(threadIdx.x) / LANES; }

  /** Rows of the block's longest sequence of tiles: all warps take part in every stage. */
  static __device__ int rounds_of(int count) {
    int tiles = ceil_div(count, ROW_COUNT) - static_cast<int>(blockIdx.x);
    return ceil_div(ceil_div(max(tiles, 0), static_cast<int>(gridDim.x)),
                    static_cast<int>(blockDim.x) / LANES);
  }

  /** The tile's row that is a fragment's upper one of the thread if half is 0, and 8 below for 1:
      rows are dealt out so that those read at a time are in other groups. */
  static __device__ int row_of_fragment(int fragment, int half) {
    int row = 16 * fragment + 8 * half + lane() / 4;
    return row % Rows::GROUPS * (ROW_COUNT / Rows::GROUPS) + row / Rows::GROUPS;
  }

  __device__ void begin_stage() {
    rows_.issue();
    hidden_.issue();
    commit_copies();
  }

  /** Waits for the thread's copies of the next stage. */
  __device__ void await_stage() const {
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

  __device__ void clear() {
#pragma unroll
    for (int f = 0; f < FRAGMENTS; f++) {
#pragma unroll
      for (int t = 0; t < TILES; t++) {
#pragma unroll
        for (int i = 0; i < 4; i++) totals_[f][t][i] = 0.f;
      }
    }
  }

  /** Adds the products of the stage that begins with a column. */
  __device__ void multiply(int column, const unsigned char* weights, const unsigned char* hidden) {
    int end = min(COLUMNS, a_.columns - column);
#pragma unroll(FRAGMENTS == 1 ? 2 : 1)
    for (int step = 0; step < COLUMNS; step += 32) {
      if (step < end) add_step(column + step, weights, hidden, step);
    }
  }

  /** The same by a warpgroup, of whose warps some may have no rows: 32 columns are on their way
     while those before them are added. HIDDEN_PIECES: of hidden vectors, any number for 0. */
  template <int HIDDEN_PIECES>
  __device__ __forceinline__ void multiply_wide(int column, const unsigned char* weights,
                                                const unsigned char* hidden) {
    constexpr int STEPS = COLUMNS / 32;
    float sums[STEPS][TILES][4];
    float scales[STEPS][2];
#pragma unroll
    for (int step = 0; step < STEPS; step++) {
      begin_wide<HIDDEN_PIECES>(column, weights, hidden, step, sums[step], scales[step]);
      if (step == 0) continue;
      wait_products<1>(sums[step - 1]);
      add_wide(sums[step - 1], scales[step - 1]);
    }
    wait_products<0>(sums[STEPS - 1]);
    add_wide(sums[STEPS - 1], scales[STEPS - 1]);
  }

  template <int HIDDEN_PIECES>
  __device__ __forceinline__ void begin_wide(int column, const unsigned char* weights,
                                             const unsigned char* hidden, int step,
                                             float (&sums)[TILES][4], float (&scales)[2]) {
    int own = 32 * step + lane() % 4 * 8;
    uint32_t pairs[2][WEIGHT_PIECES][4];
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = row_of_fragment(0, half);
      read_pieces<Format>(weights + Rows::offset(row) + own * Format::BITS / 8, pairs[half]);
      scales[half] = scale_at(row, min(column + 32 * step, a_.columns - 1));
    }
    before_products();
    bool add = false;
    int pieces = HIDDEN_PIECES > 0 ? HIDDEN_PIECES : a_.hidden_pieces;
    for (int piece = pieces - 1; piece >= 0; piece--) {
      PanelMatrix vectors(hidden + (piece * COLUMNS + 32 * step) * PANEL_PITCH, 0);
#pragma unroll
      for (int w = WEIGHT_PIECES - 1; w >= 0; w--) {
        if (w + piece > MOST_DEPTH) continue;
        const uint32_t(&up)[4] = pairs[0][w];
        const uint32_t(&low)[4] = pairs[1][w];
        begin_product<HALF>(sums, {up[0], low[0], up[1], low[1]}, vectors, add);
        begin_product<HALF>(sums, {up[2], low[2], up[3], low[3]}, vectors.plus(16 * PANEL_PITCH));
        add = true;
      }
    }
    commit_products();
  }

  __device__ __forceinline__ void add_wide(const float (&sums)[TILES][4],
                                           const float (&scales)[2]) {
#pragma unroll
    for (int t = 0; t < TILES; t++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        totals_[0][t][i] = fma(sums[t][i], scales[i / 2], totals_[0][t][i]);
      }
    }
  }

  /** Adds the products of 32 columns. */
  __device__ __forceinline__ void add_step(int column, const unsigned char* weights,
                                           const unsigned char* hidden, int step) {
    int own = lane() % 4 * 8;
    uint32_t pairs[FRAGMENTS][2][WEIGHT_PIECES][4];
    float scales[FRAGMENTS][2];
#pragma unroll
    for (int f = 0; f < FRAGMENTS; f++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        int row = row_of_fragment(f, half);
        read_pieces<Format>(weights + Rows::offset(row) + (step + own) * Format::BITS / 8,
                            pairs[f][half]);
        scales[f][half] = scale_at(row, column);
      }
    }
    // Odd vectors have halves of 128 bytes the other way round.
    hidden += lane() / 4 * COLUMNS * 2 + 2 * ((step + own) ^ (lane() / 4 % 2 * 32));
    for (int piece = a_.hidden_pieces - 1; piece >= 0; piece--) {
#pragma unroll
      for (int t = 0; t < TILES; t++) {
        auto b = *reinterpret_cast<const uint4*>(hidden + (piece * TILES + t) * 8 * COLUMNS * 2);
        const uint32_t first[2] = {b.x, b.y};
        const uint32_t second[2] = {b.z, b.w};
#pragma unroll
        for (int f = 0; f < FRAGMENTS; f++) {
          float sums[4] = {0.f, 0.f, 0.f, 0.f};
#pragma unroll
          for (int w = WEIGHT_PIECES - 1; w >= 0; w--) {
            if (w + piece > MOST_DEPTH) continue;
            const uint32_t(&up)[4] = pairs[f][0][w];
            const uint32_t(&low)[4] = pairs[f][1][w];
            multiply_add<HALF>(sums, {up[0], low[0], up[1], low[1]}, first);
            multiply_add<HALF>(sums, {up[2], low[2], up[3], low[3]}, second);
          }
#pragma unroll
          for (int i = 0; i < 4; i++) {
            totals_[f][t][i] = fma(sums[i], scales[f][i / 2], totals_[f][t][i]);
          }
        }
      }
    }
  }

  /** The scale of a row of the tile in the group of a column. */
  __device__ __forceinline__ float scale_at(int row, int column) const {
    if constexpr (!Format::QUANTIZED) {
      return 1.f;
    } else {
      int32_t matrix_row = rows_.row_at(row);
      return matrix_row < 0 ? 0.f : scale_of(a_, matrix_row, column / a_.group);
    }
  }

  __device__ void store() {
#pragma unroll
    for (int f = 0; f < FRAGMENTS; f++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        int row = row_of_fragment(f, half);
        bool present = rows_.row_at(row) >= 0;
        int place = rows_.first_place() + row;
        if (place >= count_) continue;
#pragma unroll
        for (int t = 0; t < TILES; t++) {
#pragma unroll
          for (int i = 0; i < 2; i++) {
            int vector = 8 * t + lane() % 4 * 2 + i;
            if (vector >= a_.vectors) continue;
            a_.logits[vector * a_.logits_stride + place] =
                present ? totals_[f][t][2 * half + i] : -infinity();
          }
        }
      }
    }
  }

  const HeadArguments& a_;
  const int count_;
  const int rounds_;
  Hidden hidden_;
  Rows rows_;
  float totals_[FRAGMENTS][TILES][4];
};

template <class Format, bool HALF, int TILES, int FRAGMENTS, bool WIDE>
__global__ void __launch_bounds__(Products<Format, HALF, TILES, FRAGMENTS, WIDE>::MOST_WARPS* LANES,
                                  1) head_products(const __grid_constant__ HeadArguments a) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  constexpr bool RUNS = true;
#else
  constexpr bool RUNS = !WIDE;
#endif
  if constexpr (RUNS) {
    TRIMTAB_DYNAMIC_SHARED(dynamic);
    unsigned char* shared = dynamic;
    if constexpr (WIDE) shared += -reinterpret_cast<uintptr_t>(dynamic) % PANEL_ALIGNMENT;
    Products<Format, HALF, TILES, FRAGMENTS, WIDE>(a, places_of(a), shared).run();
  }
}

}  // namespace trimtab
