// Scales of a tile's rows, brought to all threads of the warp once a tile: one by one they would
// come behind what the copies of rows have asked memory for.
#pragma once

#include "common/warp.cuh"
#include "common/widen.cuh"
#include "head/arguments.cuh"

namespace trimtab {

/** Neighbours in shared memory, aligned to as many. */
template <int COUNT>
__device__ __forceinline__ void read_floats(const float* from, float (&to)[COUNT]) {
#pragma unroll
  for (int i = 0; i < COUNT; i += 4) {
    if constexpr (COUNT == 1) {
      to[0] = *from;
    } else if constexpr (COUNT == 2) {
      auto two = *reinterpret_cast<const float2*>(from);
      to[0] = two.x, to[1] = two.y;
    } else {
      auto four = *reinterpret_cast<const float4*>(from + i);
      to[i] = four.x, to[i + 1] = four.y, to[i + 2] = four.z, to[i + 3] = four.w;
    }
  }
}

/** Of tiles of ROWS rows, each thread reading HELD scales at a time; all threads of a warp call
   each method. Spans are of SCALED_COLUMNS columns. */
template <int ROWS, int HELD>
class TileScales {
 public:
  /** Whether all columns of a span have one scale. */
  static __host__ __device__ bool uniform(const HeadArguments& a) {
    return a.group % SCALED_COLUMNS == 0 || a.group == a.columns;
  }

  /** Bytes of a warp in shared memory, a multiple of 16. */
  static __host__ __device__ int bytes(const HeadArguments& a) {
    return uniform(a) ? ceil_div(ROWS * ceil_div(a.columns, a.group), 4) * 16 : 0;
  }

  __device__ __forceinline__ TileScales(const HeadArguments& a, unsigned char* shared)
      : a_(a),
        shared_(reinterpret_cast<float*>(shared)),
        uniform_(uniform(a)),
        bf16_(a.op.rows.weight.scales.dtype == TRIMTAB_BF16),
        groups_(ceil_div(a.columns, a.group)) {}

  /** Begins to read the scales of a tile; `row`: the matrix row of the tile's lane % ROWS-th. */
  __device__ __forceinline__ void begin(int row) {
    if (!uniform_) return;
    from_ = scales_of(row);
    read(lane() / ROWS);
  }

  /** Brings the scales of the tile to the other threads. */
  __device__ __forceinline__ void share() {
    if (!uniform_) return;
    __syncwarp(); /* once all have read those of the tile before */
    bool large = false;
    for (int group = lane() / ROWS;;) {
      int read_from = group;
#pragma unroll
      for (int i = 0; i < HELD; i++, group += LANES / ROWS) {
        if (group >= groups_) break;
        float scale = widened(held_[i]);
        large |= !(fabsf(scale) < 0x1p97f);
        shared_[group * ROWS + lane() % ROWS] = scale;
      }
      if (read_from + HELD * (LANES / ROWS) >= groups_) break;
      read(group);
    }
    small_ = __any_sync(ALL_LANES, large) == 0;
    group_ = 0;
    until_next_ = a_.group;
  }

  /** Whether spans have one scale and all scales of the tile are below 2^97: products with them do
      not overflow. */
  __device__ __forceinline__ bool small() const { return small_; }

  /** Takes the scales of some rows of the tile, from the first-th on, in the next span. */
  template <int COUNT>
  __device__ __forceinline__ void take(int first, float (&scales)[COUNT]) {
    if (!uniform_) return;
    read_floats(shared_ + group_ * ROWS + first, scales);
    until_next_ -= SCALED_COLUMNS;
    if (until_next_ <= 0) group_++, until_next_ = a_.group;
  }

  /** A matrix row's scale of a column; `taken`: what take() gave. */
  __device__ __forceinline__ float at(int row, int column, float taken) const {
    return uniform_ ? taken : widened(__ldg(scales_of(row) + column / a_.group));
  }

 private:
  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }

  __device__ __forceinline__ void read(int group) {
#pragma unroll
    for (int i = 0; i < HELD; i++, group += LANES / ROWS) {
      if (group < groups_) held_[i] = __ldg(from_ + group);
    }
  }

  __device__ __forceinline__ const uint16_t* scales_of(int row) const {
    const trimtab_tensor& scales = a_.op.rows.weight.scales;
    return static_cast<const uint16_t*>(scales.data) + row * scales.stride[0];
  }

  __device__ __forceinline__ float widened(uint16_t bits) const {
    return bf16_ ? from_bf16(bits) : from_f16(bits);
  }

  const HeadArguments& a_;
  float* const shared_; /* [groups, ROWS] */
  const bool uniform_;
  const bool bf16_;
  const int groups_;
  bool small_ = false;
  int group_ = 0;
  int until_next_ = 0;   /* columns to the next group */
  const uint16_t* from_; /* one of the tile's rows */
  uint16_t held_[HELD];
};

/** Of rows that have none. */
struct NoScales {
  static __host__ __device__ int bytes(const HeadArguments&) { return 0; }
  __device__ __forceinline__ NoScales(const HeadArguments&, unsigned char*) {}
};

}  // namespace trimtab
