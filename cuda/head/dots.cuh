// Canonical logits of 1 to 8 vectors.
//
// Half a warp owns half of its tile's rows, and a thread 2 of the 32 lanes of each of its rows' dot
// products; a quarter 4 where codes have 8 bits, an eighth 8 where they have 4. So a thread reads
// 32 bits of a row at a time, whatever the format. Hidden vectors are widened once, into shared
// memory.
//
// Per pass, k rows of d columns and N vectors:
//   bytes  k d b (b of an element), read once; N d from L2 for every block
//   FLOPs  2 k d N
//   bound  memory for N up to 4, then fused multiply-adds: 128 a clock and SM, 37 us of 62 for
//          32768 x 4096 BF16 and N = 8 on an H200, beside as many reads of shared memory
//   there  72 us for N = 1, where 58 read as much; 136 for N = 8, which takes 1.6 times the
//          instructions of its inner loop: copies in pieces of 16 bytes, and what a stage begins
//          with. INT8 75 us for N = 1, where instructions hold it back, too
#pragma once

#include "common/launch.cuh"
#include "head/rows.cuh"
#include "head/window.cuh"

namespace trimtab {

template <class Format, int VECTORS>
class Dots {
 public:
  /** Rows of a thread: few for one vector, whose reads are then longer and tiles finer. */
  static constexpr int OWN_ROWS = VECTORS == 1 ? (Format::QUANTIZED ? 1 : 2)
                                  : VECTORS == MOST_DOTS && !Format::QUANTIZED ? 8 / WIDTH<Format>
                                                                               : 16 / WIDTH<Format>;
  using Rows = WarpRows<Format, OWN_ROWS, VECTORS == MOST_DOTS ? 2048 : 4096>;
  using Hidden = HiddenWindow<VECTORS, Rows::COLUMNS>;
  static constexpr int MOST_WARPS = VECTORS == 1 ? 16 : Format::QUANTIZED ? 8 : 12;
  static constexpr int COLUMNS = Rows::COLUMNS;
  /** Lanes of a dot product that a thread owns, of a row for which THREADS threads work. */
  static constexpr int OWNED = WIDTH<Format>;
  static constexpr int THREADS = Rows::THREADS;
  /** Columns between two looks at what is next. */
  static constexpr int BLOCK = LANES * (VECTORS == 1                                ? 4
                                        : VECTORS == MOST_DOTS && Format::QUANTIZED ? 1
                                                                                    : 2);
  /** Columns that may share a scale. */
  static constexpr int SPAN = Format::QUANTIZED ? SCALED_COLUMNS : COLUMNS;

  /** `shared`: a window of hidden vectors, and each warp's stages. */
  __device__ Dots(const HeadArguments& a, int count, unsigned char* shared)
      : a_(a),
        count_(count),
        rows_(a, count,
              shared + Hidden::bytes(a.window) +
                  static_cast<int>(threadIdx.x) / LANES * a.stages * Rows::SLOT_BYTES),
        hidden_(a, shared),
        uniform_(a.group % SPAN == 0 || a.group == a.columns),
        bf16_scales_(a.op.rows.weight.scales.dtype == TRIMTAB_BF16) {}

  __device__ void run() {
    begin_next_kernel();
    clear_absent(a_, count_);
    for (int i = 0; i < a_.stages - 1; i++) begin_stage();
    // All warps of a block go along with its window.
    int tiles = ceil_div(count_, Rows::ROWS) - static_cast<int>(blockIdx.x);
    int rounds = ceil_div(ceil_div(max(tiles, 0), static_cast<int>(gridDim.x)),
                          static_cast<int>(blockDim.x) / LANES);
    for (int round = 0; round < rounds; round++) {
      clear();
      begin_scales();
      add_tile(round);
      if (!rows_.more()) continue;
      store();
      rows_.advance();
    }
  }

 private:
  /** The row of the tile that is the thread's r-th. */
  static __device__ int own_row(int r) {
    return static_cast<int>(threadIdx.x) % LANES / THREADS * OWN_ROWS + r;
  }

  __device__ void begin_stage() {
    rows_.issue();
    commit_copies();
  }

  /** The first lane that the thread owns. */
  static __device__ int first_lane() { return static_cast<int>(threadIdx.x) % THREADS * OWNED; }

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

  /** Finds the scales of a tile's rows. */
  __device__ void begin_scales() {
    if constexpr (Format::QUANTIZED) {
      const trimtab_tensor& scales = a_.op.rows.weight.scales;
#pragma unroll
      for (int r = 0; r < OWN_ROWS; r++) {
        int row = rows_.row_at(own_row(r));
        scales_at_[r] =
            row < 0 ? nullptr : static_cast<const uint16_t*>(scales.data) + row * scales.stride[0];
      }
      until_next_ = a_.group;
      load_scales(0);
    }
  }

  /** Begins to read the rows' scales of a group. */
  __device__ void load_scales(int group) {
    group_ = group;
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) coming_[r] = scale_bits(r, group);
  }

  __device__ __forceinline__ uint16_t scale_bits(int r, int group) const {
    return scales_at_[r] == nullptr ? uint16_t{0} : __ldg(scales_at_[r] + group);
  }

  __device__ __forceinline__ float scale_of(uint16_t bits) const {
    return bf16_scales_ ? from_bf16(bits) : from_f16(bits);
  }

  /** Takes the scales of the next span, if each row has one, and begins to read those behind it. */
  __device__ void take_scales() {
    bool small = true;
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
      scales_[r] = scale_of(coming_[r]);
      // One multiply-add unlifts and scales where no product overflows and 0 stays +0.
      small = small && (LIFT<Format> == 0 || bits_of(scales_[r]) < 0x70000000u);
    }
    scaled_ = uniform_ && __any_sync(ALL_LANES, !small) == 0;
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
      factors_[r] = scaled_ ? scales_[r] : 1.f;
      unlifts_[r] = -LIFT<Format> * factors_[r];
    }
    until_next_ -= SPAN;
    if (until_next_ > 0) return;
    until_next_ = a_.group;
    if ((group_ + 1) * a_.group < a_.columns) load_scales(group_ + 1);
  }

  /** Adds the products of a tile. There is but one place where sums change: their registers stay.
   */
  __device__ void add_tile(int round) {
    const unsigned char* data = nullptr;
    const float* hidden = nullptr;
    int next_window = round == 0 || a_.window < a_.columns ? 0 : a_.columns;
#pragma unroll 1
    for (int column = 0; column < a_.columns; column += BLOCK) {
      if (column == next_window) {
        hidden_.move_to(column, round > 0 || column > 0);
        next_window += a_.window;
      }
      if (!rows_.more()) continue;
      if (column % COLUMNS == 0) {
        data = rows_.await() + Rows::offset(own_row(0)) + first_lane() * Format::BITS / 8;
        hidden = hidden_.at(column) + first_lane();
        __syncwarp();
        begin_stage();
      }
      if constexpr (Format::QUANTIZED) {
        if (column % SPAN == 0) take_scales();
      }
      bool plain = column + BLOCK <= a_.columns && (!Format::QUANTIZED || scaled_);
#pragma unroll
      for (int step = 0; step < BLOCK; step += LANES) {
        add_step(plain, column + step, data + step * Format::BITS / 8, hidden + step * VECTORS);
      }
      data += BLOCK * Format::BITS / 8;
      hidden += BLOCK * VECTORS;
    }
  }

  /** Adds the products of up to 32 columns, a lane each. */
  __device__ __forceinline__ void add_step(bool plain, int column, const unsigned char* data,
                                           const float* hidden) {
    float weights[OWN_ROWS][OWNED];
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
      const unsigned char* from = data + r * Rows::BYTES;
      if constexpr (LIFT<Format> != 0) {
        lift(Format{}, from, weights[r]);
#pragma unroll
        for (float& weight : weights[r]) weight = fma(weight, factors_[r], unlifts_[r]);
      } else {
        widen(Format{}, from, weights[r]);
        if constexpr (Format::QUANTIZED) {
#pragma unroll
          for (float& weight : weights[r]) weight *= factors_[r];
        }
      }
    }
    if (!plain) complete(column + first_lane(), weights);
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const float* from = hidden + v * LANES;
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
          sums_[r][v][j] = fma(weights[r][j], x[j], sums_[r][v][j]);
        }
      }
    }
  }

  /** Scales what one multiply-add could not, and excludes columns behind the last. */
  __device__ __forceinline__ void complete(int column, float (&weights)[OWN_ROWS][OWNED]) const {
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
#pragma unroll
      for (int j = 0; j < OWNED; j++) {
        // Times 0, where no column is, that is -0, which no sum changes by.
        float scale = 1.f;
        if (Format::QUANTIZED && !scaled_) {
          scale = uniform_                  ? scales_[r]
                  : column + j < a_.columns ? scale_of(scale_bits(r, (column + j) / a_.group))
                                            : 1.f;
        }
        weights[r][j] = column + j < a_.columns ? weights[r][j] * scale : -0.f;
      }
    }
  }

  /** Completes the tile's dot products. */
  __device__ void store() {
#pragma unroll
    for (int r = 0; r < OWN_ROWS; r++) {
      bool present = rows_.row_at(own_row(r)) >= 0;
      int place = rows_.first_place() + own_row(r);
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
        if (first_lane() == 0 && v < a_.vectors && place < count_) {
          a_.logits[v * a_.logits_stride + place] = present ? lanes[0] : -infinity();
        }
      }
    }
  }

  const HeadArguments& a_;
  const int count_;
  Rows rows_;
  Hidden hidden_;
  const bool uniform_; /* whether a span has one scale a row */
  float sums_[OWN_ROWS][VECTORS][OWNED];

  /* Of quantised rows: */
  const bool bf16_scales_;
  const uint16_t* scales_at_[OWN_ROWS]; /* null where there is no row */
  uint16_t coming_[OWN_ROWS];           /* scales of the next span */
  float scales_[OWN_ROWS];              /* and of the current one */
  bool scaled_ = false; /* whether weights are codes times factors, plus unlifts where lifted */
  float factors_[OWN_ROWS];
  float unlifts_[OWN_ROWS];
  int group_;
  int until_next_; /* columns to the next group */
};

template <class Format, int VECTORS>
__global__ void __launch_bounds__(Dots<Format, VECTORS>::MOST_WARPS* LANES, 1)
    head_dots(const __grid_constant__ HeadArguments a) {
  TRIMTAB_DYNAMIC_SHARED(shared);
  Dots<Format, VECTORS>(a, places_of(a), shared).run();
}

}  // namespace trimtab
