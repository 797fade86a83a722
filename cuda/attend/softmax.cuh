// Online softmax of the lines that a warp holds in tensor cores' layout: logits never leave
// registers.
#pragma once

#include "common/fast.cuh"
#include "common/mma.cuh"

namespace trimtab {

/** The largest of the four threads that hold a line. */
__device__ __forceinline__ float line_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 1));
  return fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 2));
}

/** Their sum. */
__device__ __forceinline__ float line_sum(float x) {
  x += __shfl_xor_sync(ALL_LANES, x, 1);
  return x + __shfl_xor_sync(ALL_LANES, x, 2);
}

/**
 * Lines g and g + 8 of one tile of 16 lines: the sum of values under construction, in tiles of 8
 * columns. A weight is 2^(unit logit - max); unit is scale times log2 e.
 */
template <int COLUMN_TILES>
struct Lines {
  float out[COLUMN_TILES][4];
  float max[2]; /* in units of log2, of all four threads */
  float sum[2]; /* of this thread's weights */

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int t = 0; t < COLUMN_TILES; t++) {
#pragma unroll
      for (int i = 0; i < 4; i++) out[t][i] = 0.f;
    }
#pragma unroll
    for (int h = 0; h < 2; h++) max[h] = -infinity(), sum[h] = 0.f;
  }

  /** Makes weights of logits, -inf where a key is not seen, and says in `kept` what the sums of
   * values so far are to be multiplied by. */
  template <int KEY_TILES>
  __device__ __forceinline__ void weigh(float (&logits)[KEY_TILES][4], float unit,
                                        float (&kept)[2]) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      float largest = -infinity();
#pragma unroll
      for (int n = 0; n < KEY_TILES; n++) {
        largest = fmaxf(largest, fmaxf(logits[n][2 * h], logits[n][2 * h + 1]));
      }
      float reached = fmaxf(max[h], line_max(largest) * unit);
      // Where every logit so far is -inf, nothing weighs anything yet.
      float base = reached == -infinity() ? 0.f : reached;
      kept[h] = fast_exp2(max[h] - base);
      float added = 0.f;
#pragma unroll
      for (int n = 0; n < KEY_TILES; n++) {
#pragma unroll
        for (int i = 2 * h; i < 2 * h + 2; i++) {
          logits[n][i] = fast_exp2(fma(logits[n][i], unit, -base));
          added += logits[n][i];
        }
      }
      max[h] = reached;
      sum[h] = fma(sum[h], kept[h], added);
    }
  }

  /** Multiplies the sums of values. All lanes call. */
  __device__ __forceinline__ void keep(const float (&kept)[2]) {
    // Maxima seldom move once some keys were seen.
    if (!__any_sync(ALL_LANES, kept[0] * kept[1] != 1.f)) return;
#pragma unroll
    for (int t = 0; t < COLUMN_TILES; t++) {
#pragma unroll
      for (int i = 0; i < 4; i++) out[t][i] *= kept[i / 2];
    }
  }
};

/** 16 keys' weights as a of multiply_add(), rounded to 16 bits. */
template <bool HALF, int KEY_TILES>
__device__ __forceinline__ void round_weights(const float (&weights)[KEY_TILES][4], int keys,
                                              uint32_t (&a)[4]) {
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const float* two = &weights[2 * keys + i / 2][i % 2 * 2];
    a[i] = round_pair<HALF>(two[0], two[1]);
  }
}

}  // namespace trimtab
