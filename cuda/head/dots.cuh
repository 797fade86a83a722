// Canonical logits of 1 to 8 vectors.
//
// Half a warp owns 8 rows of 16, and a thread 2 of the 32 lanes of each of its rows' dot products;
// a quarter 4 and 4 where codes have 8 bits, an eighth 2 and 8 where they have 4. So a thread reads
// 32 bits of a row at a time and has 16 sums a vector, whatever the format.
//
// Per pass, k rows of d columns and N vectors:
//   bytes  k d b (b of an element), read once; N d from L2 for every tile of 64 rows
//   FLOPs  2 k d N
//   bound  memory for N up to 4, then fused multiply-adds: 128 a clock and SM, 37 us of 62 for
//          32768 x 4096 BF16 and N = 8 on an H200, beside as many reads of shared memory
#pragma once

#include "common/launch.cuh"
#include "head/results.cuh"
#include "head/rows.cuh"
#include "common/widen.cuh"

namespace trimtab {

constexpr int DOT_WARPS = 4;

template <class Format, int VECTORS>
class Dots {
 public:
  using Rows = RowStages<Format, DOT_WARPS>;
  static constexpr int COLUMNS = Stage<Format>::COLUMNS;
  /** Lanes of a dot product that a thread owns, of a row for which THREADS threads work. */
  static constexpr int OWNED = WIDTH<Format>;
  static constexpr int THREADS = LANES / OWNED;
  /** Rows that a thread computes with, of which every GROUPS-th row of the warp is one. */
  static constexpr int GROUPS = LANES / THREADS;
  static constexpr int OWN_ROWS = WARP_ROWS / GROUPS;
  /** Elements of hidden vectors that a thread widens in each stage. */
  static constexpr int WIDENED = (VECTORS * COLUMNS + Rows::THREADS - 1) / Rows::THREADS;

  static constexpr int HIDDEN_BYTES = 2 * VECTORS * COLUMNS * 4;
  static constexpr int LOGIT_BYTES = VECTORS * Rows::ROWS * 4;

  static __host__ __device__ int shared_bytes(const HeadArguments& a) {
    return a.stages * Rows::ROW_BYTES + Rows::INDEX_BYTES + HIDDEN_BYTES + LOGIT_BYTES +
           Results<Rows::ROWS, Rows::THREADS>::bytes(a);
  }

  __device__ Dots(const HeadArguments& a, int count, unsigned char* shared)
      : a_(a),
        rows_(a, count, shared, 0),
        hidden_(reinterpret_cast<float*>(shared + a.stages * Rows::ROW_BYTES + Rows::INDEX_BYTES)),
        logits_(hidden_ + HIDDEN_BYTES / 4),
        results_(a, count, reinterpret_cast<unsigned char*>(logits_) + LOGIT_BYTES),
        uniform_(a.group % COLUMNS == 0 || a.group == a.columns) {}

  __device__ void run(bool finish) {
    auto nothing = [](int, unsigned char*) {};
    rows_.start(nothing);
    load_hidden(0);
    int parity = 0;
    store_hidden(parity);
    clear();
    for (; rows_.more(); rows_.advance(), parity ^= 1) {
      float scales[OWN_ROWS];
      load_scales(scales);
      rows_.arrive(nothing);
      load_hidden(rows_.next_stage());
      accumulate(scales, hidden_ + parity * VECTORS * COLUMNS);
      store_hidden(parity ^ 1);
      if (rows_.last()) {
        reduce();
        __syncthreads();
        results_.add(rows_.tile(), logits_, rows_.rows());
        clear();
      }
    }
    results_.end(finish);
  }

 private:
  static __device__ int thread() { return static_cast<int>(threadIdx.x); }
  /** The first lane that the thread owns. */
  static __device__ int first_lane() { return thread() % THREADS * OWNED; }
  /** The row of the tile that is the thread's r-th. */
  static __device__ int own_row(int r) {
    return thread() / LANES * WARP_ROWS + r * GROUPS + thread() % LANES / THREADS;
  }

  __device__ void clear() {
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
#pragma unroll
        for (int j = 0; j < OWNED; j++) sums_[r][v][j] = 0.f;
      }
    }
  }

  __device__ float scale_of(int row, int group) const {
    const trimtab_tensor& scales = a_.op.rows.weight.scales;
    uint16_t bits =
        __ldg(static_cast<const uint16_t*>(scales.data) + row * scales.stride[0] + group);
    return scales.dtype == TRIMTAB_BF16 ? from_bf16(bits) : from_f16(bits);
  }

  /** The scales of the own rows in the current stage, where each has one. */
  __device__ void load_scales(float (&scales)[OWN_ROWS]) const {
    if constexpr (Format::QUANTIZED) {
      if (!uniform_) return;
      int group = rows_.stage() * COLUMNS / a_.group;
#pragma unroll
      for (int r = 0; r < OWN_ROWS; r++) {
        int row = rows_.rows()[own_row(r)];
        scales[r] = row < 0 ? 0.f : scale_of(row, group);
      }
    }
  }

  /** Whether one multiply-add unlifts and scales: no product overflows, and 0 stays +0. */
  static __device__ bool unlifts(const float (&scales)[OWN_ROWS]) {
    bool small = true;
#pragma unroll
    for (float scale : scales) small = small && bits_of(scale) < 0x70000000u;
    return small;
  }

  /** Begins to read a stage's part of the hidden vectors. */
  __device__ void load_hidden(int stage) {
    const trimtab_tensor& hidden = a_.op.hidden;
#pragma unroll
    for (int i = 0; i < WIDENED; i++) {
      int vector = (i * Rows::THREADS + thread()) / COLUMNS;
      int column = stage * COLUMNS + (i * Rows::THREADS + thread()) % COLUMNS;
      int64_t element = vector * hidden.stride[0] + column;
      raw_[i] = 0;
      if (vector >= a_.vectors || column >= a_.columns) continue;
      raw_[i] = hidden.dtype == TRIMTAB_F32
                    ? __ldg(static_cast<const uint32_t*>(hidden.data) + element)
                    : __ldg(static_cast<const uint16_t*>(hidden.data) + element);
    }
  }

  /** Widens what was read; all threads see it behind the next barrier. */
  __device__ void store_hidden(int parity) {
    int32_t dtype = a_.op.hidden.dtype;
#pragma unroll
    for (int i = 0; i < WIDENED; i++) {
      int at = i * Rows::THREADS + thread();
      if (at >= VECTORS * COLUMNS) continue;
      auto half = static_cast<uint16_t>(raw_[i]);
      hidden_[parity * VECTORS * COLUMNS + at] = dtype == TRIMTAB_F32    ? float_of(raw_[i])
                                                 : dtype == TRIMTAB_BF16 ? from_bf16(half)
                                                                         : from_f16(half);
    }
  }

  /** What becomes of numbers as they are read. */
  enum class Scaling {
    NONE,    /* they are the weights */
    LIFTED,  /* one multiply-add with the row's scale unlifts them, too */
    UNIFORM, /* times the row's scale */
    EACH     /* times a scale of their own; not with MOST_DOTS vectors, for lack of registers */
  };

  /** Adds the products of the current stage. */
  __device__ void accumulate(const float (&scales)[OWN_ROWS], const float* hidden) {
    if constexpr (!Format::QUANTIZED) {
      add_steps<Scaling::NONE>(scales, hidden);
    } else if constexpr (VECTORS == MOST_DOTS) {
      add_steps<Scaling::UNIFORM>(scales, hidden);
    } else if (!uniform_) {
      add_steps<Scaling::EACH>(scales, hidden);
    } else if (LIFT<Format> != 0 && unlifts(scales)) {
      add_steps<LIFT<Format> != 0 ? Scaling::LIFTED : Scaling::UNIFORM>(scales, hidden);
    } else {
      add_steps<Scaling::UNIFORM>(scales, hidden);
    }
  }

  template <Scaling SCALING>
  __device__ __forceinline__ void add_steps(const float (&scales)[OWN_ROWS], const float* hidden) {
    int columns = rows_.columns();
    int step = 0;
#pragma unroll 1
    for (; step + LANES <= columns; step += LANES) {
      add_step<true, SCALING>(step, LANES, scales, hidden);
    }
    if (step < columns) add_step<false, SCALING>(step, columns - step, scales, hidden);
  }

  /** Adds the products of up to 32 columns, a lane each. */
  template <bool WHOLE, Scaling SCALING>
  __device__ __forceinline__ void add_step(int step, int columns, const float (&scales)[OWN_ROWS],
                                           const float* hidden) {
    float weights[OWN_ROWS][OWNED];
    const unsigned char* data =
        rows_.data() + own_row(0) * Stage<Format>::PITCH + (step + first_lane()) * Format::BITS / 8;
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
      const unsigned char* from = data + r * GROUPS * Stage<Format>::PITCH;
      if constexpr (SCALING == Scaling::LIFTED) {
        lift(Format{}, from, weights[r]);
        float unlift = -LIFT<Format> * scales[r];
#pragma unroll
        for (float& weight : weights[r]) weight = fma(weight, scales[r], unlift);
      } else {
        widen(Format{}, from, weights[r]);
      }
      if constexpr (SCALING == Scaling::UNIFORM) {
#pragma unroll
        for (float& weight : weights[r]) weight *= scales[r];
      }
      if constexpr (SCALING == Scaling::EACH) {
        scale_each(r, step + first_lane(), WHOLE ? OWNED : columns - first_lane(), weights[r]);
      }
    }
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const float* from = hidden + v * COLUMNS + step + first_lane();
      float x[OWNED];
#pragma unroll
      for (int j = 0; j < OWNED; j += 4) {
        if constexpr (OWNED == 2) {
          auto two = *reinterpret_cast<const float2*>(from);
          x[0] = two.x, x[1] = two.y;
        } else {
          auto four = *reinterpret_cast<const float4*>(from + j);
          x[j] = four.x, x[j + 1] = four.y, x[j + 2] = four.z, x[j + 3] = four.w;
        }
      }
#pragma unroll
      for (int r = 0; r < OWN_ROWS; r++) {
#pragma unroll
        for (int j = 0; j < OWNED; j++) {
          if (WHOLE || first_lane() + j < columns) {
            sums_[r][v][j] = fma(weights[r][j], x[j], sums_[r][v][j]);
          }
        }
      }
    }
  }

  /** Turns codes of the thread's r-th row, from a column of the stage on, into weights. */
  __device__ __forceinline__ void scale_each(int r, int column, int count,
                                             float (&weights)[OWNED]) const {
    int row = rows_.rows()[own_row(r)];
    column += rows_.stage() * COLUMNS;
#pragma unroll
    for (int j = 0; j < OWNED; j++) {
      weights[j] *= row >= 0 && j < count ? scale_of(row, (column + j) / a_.group) : 0.f;
    }
  }

  /** Completes the tile's dot products. */
  __device__ void reduce() {
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
      bool present = rows_.rows()[own_row(r)] >= 0;
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
        float(&lanes)[OWNED] = sums_[r][v];
#pragma unroll
        for (int o = THREADS / 2; o > 0; o /= 2) {
#pragma unroll
          for (int j = 0; j < OWNED; j++) lanes[j] += __shfl_xor_sync(ALL_LANES, lanes[j], o);
        }
#pragma unroll
        for (int o = OWNED / 2; o > 0; o /= 2) {
#pragma unroll
          for (int j = 0; j < o; j++) lanes[j] += lanes[j + o];
        }
        if (thread() % THREADS == 0) {
          logits_[v * Rows::ROWS + own_row(r)] = present ? lanes[0] : -infinity();
        }
      }
    }
  }

  const HeadArguments& a_;
  Rows rows_;
  float* const hidden_; /* two stages of [VECTORS, COLUMNS] */
  float* const logits_; /* [VECTORS, ROWS] */
  Results<Rows::ROWS, Rows::THREADS> results_;
  const bool uniform_; /* whether a stage has one scale a row */
  float sums_[OWN_ROWS][VECTORS][OWNED];
  uint32_t raw_[WIDENED];
};

template <class Format, int VECTORS>
__global__ void __launch_bounds__(DOT_WARPS* LANES, 2)
    head_dots(const __grid_constant__ HeadArguments a, bool finish) {
  TRIMTAB_DYNAMIC_SHARED(shared);
  Dots<Format, VECTORS>(a, places_of(a), shared).run(finish);
}

}  // namespace trimtab
