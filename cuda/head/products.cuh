// Logits of 9 to 64 vectors on tensor cores; their order of sums is free.
//
// Weights are the left operand, straight from shared memory: a thread's eight neighbours of a row
// are its part of two multiplications, and hidden vectors lie so that theirs are the same columns.
// Codes are multiplied as they are and scaled in sums. Tensor cores truncate each sum where F32 is
// rounded, so theirs are short: of 32 columns, from 0, the smallest pieces first; totals are F32's.
//
// Per pass, k rows of d columns, N vectors of p pieces, rows of w pieces:
//   bytes  k d b (b of an element), read once; 2 p N d from L2 for every tile of rows
//   FLOPs  2 k d N p w (at most 6 of the 9 pairs of pieces)
//   bound  memory for BF16 rows and vectors: 62 us for 32768 x 4096 on an H200, beside 45 us of
//          reads of shared memory and 36 us of mma.sync for N = 64
#pragma once

#include "common/launch.cuh"
#include "common/mma.cuh"
#include "head/pieces.cuh"
#include "head/results.cuh"
#include "head/rows.cuh"

namespace trimtab {

/** HALF: F16 rows and vectors as they are, not in pieces. TILES of eight vectors. */
template <class Format, bool HALF, int TILES, int WARPS>
class Products {
 public:
  using Rows = RowStages<Format, WARPS>;
  static constexpr int COLUMNS = Stage<Format>::COLUMNS;
  static constexpr int VECTORS = 8 * TILES;
  /** Columns of two multiplications. */
  static constexpr int STEP = 32;
  static constexpr int WEIGHT_PIECES = HALF ? 1 : PIECES<Format>;
  /** Pairs of pieces whose numbers add up to more are too small to count in F32. */
  static constexpr int MOST_DEPTH = 2;
  static constexpr int PITCH = 2 * COLUMNS + 64;
  static constexpr int LOGIT_BYTES = VECTORS * Rows::ROWS * 4;

  static __host__ __device__ int hidden_bytes(const HeadArguments& a) {
    return a.hidden_pieces * VECTORS * PITCH;
  }

  static __host__ __device__ int shared_bytes(const HeadArguments& a) {
    return a.stages * (Rows::ROW_BYTES + hidden_bytes(a)) + Rows::INDEX_BYTES + LOGIT_BYTES +
           Results<Rows::ROWS, Rows::THREADS>::bytes(a);
  }

  __device__ Products(const HeadArguments& a, int count, unsigned char* shared)
      : a_(a),
        rows_(a, count, shared, hidden_bytes(a)),
        logits_(reinterpret_cast<float*>(shared + a.stages * (Rows::ROW_BYTES + hidden_bytes(a)) +
                                         Rows::INDEX_BYTES)),
        results_(a, count, reinterpret_cast<unsigned char*>(logits_) + LOGIT_BYTES) {}

  __device__ void run() {
    auto copy = [&](int stage, unsigned char* to) { copy_hidden(stage, to); };
    rows_.start(copy);
    clear(totals_);
    for (; rows_.more(); rows_.advance()) {
      rows_.arrive(copy);
      multiply();
      if (rows_.last()) {
        store();
        __syncthreads();
        results_.add(rows_.tile(), logits_, rows_.rows());
        clear(totals_);
      }
    }
    results_.end(false);
  }

 private:
  static __device__ int thread() { return static_cast<int>(threadIdx.x); }
  /** The upper one of the thread's two rows; the lower one is 8 further. */
  static __device__ int upper() { return thread() / LANES * WARP_ROWS + thread() % LANES / 4; }

  static __device__ __forceinline__ void clear(float (&sums)[TILES][4]) {
#pragma unroll
    for (int t = 0; t < TILES; t++) {
#pragma unroll
      for (int i = 0; i < 4; i++) sums[t][i] = 0.f;
    }
  }

  __device__ void copy_hidden(int stage, unsigned char* to) {
    constexpr int UNITS = 2 * COLUMNS / 16;
    int padded = ceil_div(a_.columns, STAGE_COLUMNS) * STAGE_COLUMNS;
    const uint16_t* from = a_.pieces + stage * COLUMNS;
    for (int i = thread(); i < a_.hidden_pieces * VECTORS * UNITS; i += Rows::THREADS) {
      copy_async<16>(to + i / UNITS * PITCH + i % UNITS * 16,
                     from + static_cast<int64_t>(i / UNITS) * padded + i % UNITS * 8);
    }
  }

  /** Adds the products of the current stage. */
  __device__ void multiply() {
    int columns = rows_.columns();
#pragma unroll 1
    for (int step = 0; step < columns; step += STEP) {
      float sums[TILES][4];
      clear(sums);
      add_step(step, columns - step, sums);
      add_totals(step, sums);
    }
  }

  __device__ __forceinline__ void add_step(int step, int columns, float (&sums)[TILES][4]) {
    int own = thread() % 4 * 8;
    const unsigned char* data =
        rows_.data() + upper() * Stage<Format>::PITCH + (step + own) * Format::BITS / 8;
    uint32_t upper_pairs[WEIGHT_PIECES][4];
    uint32_t lower_pairs[WEIGHT_PIECES][4];
    read_pieces<Format>(data, columns - own, upper_pairs);
    read_pieces<Format>(data + 8 * Stage<Format>::PITCH, columns - own, lower_pairs);
    const unsigned char* hidden =
        rows_.data() + Rows::ROW_BYTES + thread() % LANES / 4 * PITCH + 2 * (step + own);
    for (int piece = a_.hidden_pieces - 1; piece >= 0; piece--) {
#pragma unroll
      for (int t = 0; t < TILES; t++) {
        auto b = *reinterpret_cast<const uint4*>(hidden + (piece * TILES + t) * 8 * PITCH);
        const uint32_t first[2] = {b.x, b.y};
        const uint32_t second[2] = {b.z, b.w};
#pragma unroll
        for (int w = WEIGHT_PIECES - 1; w >= 0; w--) {
          if (w + piece > MOST_DEPTH) continue;
          const uint32_t(&up)[4] = upper_pairs[w];
          const uint32_t(&low)[4] = lower_pairs[w];
          multiply_add<HALF>(sums[t], {up[0], low[0], up[1], low[1]}, first);
          multiply_add<HALF>(sums[t], {up[2], low[2], up[3], low[3]}, second);
        }
      }
    }
  }

  __device__ float scale_of(int row, int step) const {
    if constexpr (!Format::QUANTIZED) {
      return 1.f;
    } else {
      const trimtab_tensor& scales = a_.op.rows.weight.scales;
      int32_t matrix_row = rows_.rows()[row];
      if (matrix_row < 0) return 0.f;
      int group = (rows_.stage() * COLUMNS + step) / a_.group;
      uint16_t bits =
          __ldg(static_cast<const uint16_t*>(scales.data) + matrix_row * scales.stride[0] + group);
      return scales.dtype == TRIMTAB_BF16 ? from_bf16(bits) : from_f16(bits);
    }
  }

  /** Adds a step's sums, scaled, to the totals. */
  __device__ __forceinline__ void add_totals(int step, const float (&sums)[TILES][4]) {
    float scales[2] = {scale_of(upper(), step), scale_of(upper() + 8, step)};
#pragma unroll
    for (int t = 0; t < TILES; t++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        totals_[t][i] = fma(sums[t][i], scales[i / 2], totals_[t][i]);
      }
    }
  }

  __device__ void store() {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = upper() + 8 * half;
      bool present = rows_.rows()[row] >= 0;
#pragma unroll
      for (int t = 0; t < TILES; t++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          int vector = 8 * t + thread() % 4 * 2 + i;
          logits_[vector * Rows::ROWS + row] = present ? totals_[t][2 * half + i] : -infinity();
        }
      }
    }
  }

  const HeadArguments& a_;
  Rows rows_;
  float* const logits_; /* [VECTORS, ROWS] */
  Results<Rows::ROWS, Rows::THREADS> results_;
  float totals_[TILES][4];
};

template <class Format, bool HALF, int TILES, int WARPS>
__global__ void __launch_bounds__(WARPS* LANES, 1)
    head_products(const __grid_constant__ HeadArguments a) {
  TRIMTAB_DYNAMIC_SHARED(shared);
  Products<Format, HALF, TILES, WARPS>(a, places_of(a), shared).run();
}

}  // namespace trimtab
