// Lines of a warp of attention of few lines on sm_90a, as columns of its products: online softmax,
// and what is left of it at the end.
#pragma once

#include "attend/block.cuh"
#include "attend/decode_shape.cuh"
#include "common/fast.cuh"
#include "common/mma.cuh"

namespace trimtab {

/** Sums of values under construction, and what they are relative to. */
template <class S>
class DecodeSums : protected BlockLines {
 protected:
  __device__ __forceinline__ DecodeSums(const AttendArguments& a, BlockWork& work)
      : BlockLines(a, work) {
#pragma unroll
    for (auto& two : max_) two[0] = two[1] = -infinity();
  }

  static constexpr int LINE_TILES = S::LINES / 8;
  static constexpr int COLUMN_TILES = S::COLUMNS / 16;

  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }
  static __device__ __forceinline__ int warp() { return static_cast<int>(threadIdx.x) / LANES; }
  static __device__ __forceinline__ int team() { return warp() / S::TEAM_WARPS; }
  static __device__ __forceinline__ int team_warp() { return warp() % S::TEAM_WARPS; }
  static __device__ __forceinline__ int g() { return lane() / 4; }
  static __device__ __forceinline__ int c() { return lane() % 4; }

  /** Over lanes that differ in g. */
  static __device__ __forceinline__ float max_of(float x) {
#pragma unroll
    for (int o = 4; o < LANES; o *= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, o));
    return x;
  }
  static __device__ __forceinline__ float sum_of(float x) {
#pragma unroll
    for (int o = 4; o < LANES; o *= 2) x += __shfl_xor_sync(ALL_LANES, x, o);
    return x;
  }
  /** 2 to the power n, 0 where that is too small. */
  static __device__ __forceinline__ float power(int n) { return float_of(max(n + 127, 0) << 23); }

  /** Calls for the upper (h = 0) and lower key of this thread in each tile of 16. */
  template <int KEY_TILES, class Body>
  static __device__ __forceinline__ void each_key(Body body) {
#pragma unroll
    for (int k = 0; k < KEY_TILES; k++) {
#pragma unroll
      for (int h = 0; h < 2; h++) body(k, h);
    }
  }

  /** What weights of codes are to be multiplied by, beside their scales. */
  __device__ __forceinline__ float lift() const { return power(LIFT - scale_); }

  /** Makes weights of logits, -inf where a key is not seen, which become powers of two by `units`.
   * `scale`: of codes, the largest of the thread's values. */
  template <bool CODES, int KEY_TILES>
  __device__ __forceinline__ void weigh(const float (&units)[LINE_TILES][2], float scale,
                                        float (&x)[LINE_TILES][KEY_TILES][4]) {
    float tops[LINE_TILES][2];
    bool rises = CODES && scale > power(scale_);
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float top = -infinity();
        each_key<KEY_TILES>([&](int k, int h) { top = fmaxf(top, x[l][k][2 * h + i]); });
        tops[l][i] = top * units[l][i];
        rises |= tops[l][i] > max_[l][i] + SLACK;
      }
    }
    // Seldom once some keys were seen.
    if (__any_sync(ALL_LANES, rises)) rise(tops, CODES ? scale : 0.f);
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        // Where every logit so far is -inf, nothing weighs anything yet.
        float base = max_[l][i] == -infinity() ? 0.f : max_[l][i];
        float added = 0.f;
        each_key<KEY_TILES>([&](int k, int h) {
          float& weight = x[l][k][2 * h + i];
          weight = fast_exp2(fma(weight, units[l][i], -base));
          added += weight;
        });
        sum_[l][i] += added;
      }
    }
  }

  /** Makes sums of codes' values what they are. */
  __device__ __forceinline__ void settle() {
    float factor = power(scale_ - LIFT);
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) multiply_out(l, factor, factor);
  }

  /** Adds the parts of a team's warps of eight lines at a time, in the order of the warps. */
  __device__ __forceinline__ void join(DecodeShared<S>& shared, float* parts) const {
    WarpSums* sums = &shared.sums[team() * S::TEAM_WARPS];
    parts += team() * S::TEAM_WARPS * S::PART;
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
      if (!exists(8 * l)) break;
      leave_part(l, sums[team_warp()], parts + team_warp() * S::PART);
      meet(S::TEAM_BARRIER + team(), S::TEAM_WARPS * LANES);
      join_parts(l, sums, parts);
      meet(S::TEAM_BARRIER + team(), S::TEAM_WARPS * LANES);
    }
  }

  float out_[LINE_TILES][COLUMN_TILES][4] = {}; /* rows columns of values, columns lines */

 private:
  /** How far logits, in units of log2, may be above what weights are relative to. */
  static constexpr float SLACK = 4;
  /** Of codes, weights times scales are brought to at most 2^(SLACK + LIFT), that F16 holds. */
  static constexpr int LIFT = 11;
  static constexpr int LEAST_SCALE = -110; /* exponent; of smaller scales weights lose digits */

  /** Lets weights be relative to the largest logits, and those of codes to the largest scale. */
  __device__ __forceinline__ void rise(const float (&tops)[LINE_TILES][2], float scale) {
    float factor = 1.f;
    if constexpr (S::PACKED) {
      // The power of two that is no smaller.
      auto reached = static_cast<int>((bits_of(max_of(scale)) + 0x7fffffu) >> 23) - 127;
      reached = max(reached, scale_);
      factor = power(scale_ - reached);
      scale_ = reached;
    }
#pragma unroll
    for (int l = 0; l < LINE_TILES; l++) {
      float kept[2];
#pragma unroll
      for (int i = 0; i < 2; i++) {
        float reached = fmaxf(max_[l][i], max_of(tops[l][i]));
        kept[i] = fast_exp2(max_[l][i] - (reached == -infinity() ? 0.f : reached));
        max_[l][i] = reached;
        sum_[l][i] *= kept[i];
      }
      multiply_out(l, kept[0] * factor, kept[1] * factor);
    }
  }

  /** Multiplies sums of values of a thread's two lines. */
  __device__ __forceinline__ void multiply_out(int l, float first, float second) {
#pragma unroll
    for (int t = 0; t < COLUMN_TILES; t++) {
#pragma unroll
      for (int h = 0; h < 2; h++) out_[l][t][2 * h] *= first, out_[l][t][2 * h + 1] *= second;
    }
  }

  __device__ __forceinline__ void leave_part(int l, WarpSums& sums, float* part) const {
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float sum = sum_of(sum_[l][i]);
      if (g() == 0) sums.of[2 * c() + i] = {max_[l][i], sum};
      if (!exists(8 * l + 2 * c() + i)) continue;
      float* to = part + (2 * c() + i) * S::PART_PITCH;
#pragma unroll
      for (int t = 0; t < COLUMN_TILES; t++) {
        float upper = out_[l][t][i], lower = out_[l][t][2 + i];
        if constexpr (S::PACKED) {
          *reinterpret_cast<float2*>(to + 16 * t + 2 * g()) = make_float2(upper, lower);
        } else {
          to[16 * t + g()] = upper;
          to[16 * t + 8 + g()] = lower;
        }
      }
    }
  }

  __device__ __forceinline__ void join_parts(int l, const WarpSums* sums,
                                             const float* parts) const {
    // A warp a line, a lane four columns.
    int column = 4 * lane();
    int lines = min(a_.lines - work_.first_line - 8 * l, 8);
    for (int line = team_warp(); line < lines; line += S::TEAM_WARPS) {
      PartialSum all{-infinity(), 0.f};
#pragma unroll
      for (int w = 0; w < S::TEAM_WARPS; w++) all.max = fmaxf(all.max, sums[w].of[line].max);
      float4 out{0.f, 0.f, 0.f, 0.f};
#pragma unroll
      for (int w = 0; w < S::TEAM_WARPS; w++) {
        const PartialSum& sum = sums[w].of[line];
        float weight = weight_of(sum, all.max);
        all.sum = fma(sum.sum, weight, all.sum);
        if (column >= S::COLUMNS) continue;
        auto four =
            *reinterpret_cast<const float4*>(parts + w * S::PART + line * S::PART_PITCH + column);
        out.x = fma(four.x, weight, out.x);
        out.y = fma(four.y, weight, out.y);
        out.z = fma(four.z, weight, out.z);
        out.w = fma(four.w, weight, out.w);
      }
      int number = 8 * l + line;
      LineOutput output(*this, number, ancestors_of_line(number), all, column == 0);
      output.put(column, out.x, out.y);
      output.put(column + 2, out.z, out.w);
    }
  }

  float max_[LINE_TILES][2];      /* what weights of lines 2 c and 2 c + 1 are relative to */
  float sum_[LINE_TILES][2] = {}; /* of weights of this thread's keys */
  int scale_ = LEAST_SCALE;       /* exponent that weights of codes are relative to */
};

}  // namespace trimtab
