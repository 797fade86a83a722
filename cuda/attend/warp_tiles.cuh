// What a warp of attention on tensor cores (mma.sync) does: its lines go past tiles of keys and
// values in shared memory, however those came there.
#pragma once

#include "attend/block.cuh"
#include "attend/fragments.cuh"
#include "attend/softmax.cuh"

namespace trimtab {

/** Fragments of queries, 16 lines of 32 columns: a of two multiplications. */
struct QueryFragments {
  uint4 first, second;
};

/** What a warp leaves of eight lines beside their sums of values. */
struct WarpSums {
  PartialSum of[8];
};

/**
 * A warp of a block of a shape S: of the warps, LINE_WARPS stand along the lines, each with
 * LINE_TILES tiles of 16, and KEY_WARPS along the keys of a tile, each with OWN_KEYS.
 */
template <class S>
class WarpTiles : protected BlockLines {
 protected:
  __device__ WarpTiles(const AttendArguments& a, BlockWork& work) : BlockLines(a, work) {}

  static constexpr int COLUMN_TILES = S::COLUMNS / 8;
  static constexpr int KEY_TILES = S::OWN_KEYS / 8;
  using Logits = float[S::LINE_TILES][KEY_TILES][4];
  using Weights = uint32_t[S::LINE_TILES][KEY_TILES / 2][4]; /* rounded */

  static __device__ int thread() { return static_cast<int>(threadIdx.x); }
  static __device__ int warp() { return thread() / LANES; }
  static __device__ int g() { return thread() % LANES / 4; }
  static __device__ int c() { return thread() % 4; }
  /** The first of the warp's lines in the block's, and of its keys in a tile. */
  static __device__ int warp_line() { return warp() % S::LINE_WARPS * 16 * S::LINE_TILES; }
  static __device__ int warp_key() { return warp() / S::LINE_WARPS % S::KEY_WARPS * S::OWN_KEYS; }
  /** Of tile m of the warp's lines the upper (h = 0) or lower one of this thread. */
  static __device__ int line(int m, int h) { return warp_line() + 16 * m + 8 * h + g(); }

  __device__ void clear() {
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) lines_[m].clear();
  }

  /** Calls with what tiles of the history, or of new tokens, are made of. */
  template <class Body>
  __device__ __forceinline__ void with_kind(bool paged, Body body) const {
    if constexpr (S::PACKED) {
      if (paged && a_.op.history.dtype == TRIMTAB_FP8_E4M3) {
        return body(Codes<formats::Fp8, S::CODES_AS_HALF>());
      }
      if (paged) return body(Codes<formats::Int8, S::CODES_AS_HALF>());
    }
    body(Numbers<S::HALF>());
  }

  /**
   * Weights of a tile's keys for the warp's lines, into `logits`. `scales`: of codes. Of `lines`
   * are asked, for tile m of lines: the fragments of their queries, 32 columns a step, for keys of
   * that kind; the units of their logits; and, under a tree mask, what they see.
   */
  template <class Kind, class Of>
  __device__ __forceinline__ void multiply_keys(Kind kind, const Tile& tile,
                                                const unsigned char* keys, const uint16_t* scales,
                                                const Of& lines, Logits& logits) {
    using Place = typename S::template KeyPlace<Kind::CODES>;
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
#pragma unroll
      for (int n = 0; n < KEY_TILES; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) logits[m][n][i] = 0.f;
      }
    }
    // A thread's columns of two multiplications are eight neighbours, of queries and keys alike.
    keys += warp_key() * Place::PITCH;
#pragma unroll S::template STEPS < Kind::CODES>
    for (int step = 0; step < S::COLUMNS / 32; step++) {
      QueryFragments q[S::LINE_TILES];
#pragma unroll
      for (int m = 0; m < S::LINE_TILES; m++) q[m] = lines.fragments(kind, m, step);
      const unsigned char* from = keys + Place::of(g(), Kind::BYTES * (32 * step + 8 * c()));
#pragma unroll
      for (int n = 0; n < KEY_TILES; n++) {
        uint4 k = Kind::keys(from + 8 * n * Place::PITCH);
#pragma unroll
        for (int m = 0; m < S::LINE_TILES; m++) {
          const uint4& first = q[m].first;
          const uint4& second = q[m].second;
          multiply_add<Kind::HALF_KEYS>(logits[m][n], {first.x, first.y, first.z, first.w},
                                        {k.x, k.y});
          multiply_add<Kind::HALF_KEYS>(logits[m][n], {second.x, second.y, second.z, second.w},
                                        {k.z, k.w});
        }
      }
    }
    if constexpr (Kind::CODES) scale(logits, scales, S::KEYS);
    if (!whole(tile, S::KEYS, 0)) hide_unseen(tile, lines, logits);
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
      float kept[2];
      lines_[m].weigh(logits[m], {lines.unit(kind, 0), lines.unit(kind, 1)}, kept);
      lines_[m].keep(kept);
    }
  }

  template <bool HALF>
  static __device__ __forceinline__ void round(const Logits& logits, Weights& weights) {
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
#pragma unroll
      for (int i = 0; i < KEY_TILES / 2; i++) round_weights<HALF>(logits[m], i, weights[m][i]);
    }
  }

  /** Adds a tile's values. */
  template <class Kind>
  __device__ __forceinline__ void add_values(Kind, const unsigned char* values,
                                             const Weights& weights) {
    using Place = typename S::template ValuePlace<Kind::CODES>;
    values += warp_key() * Place::PITCH;
#pragma unroll
    for (int keys = 0; keys < S::OWN_KEYS / 16; keys++) {
#pragma unroll
      for (int column = 0; column < S::COLUMNS; column += 32) {
        uint32_t b[4][2];
        read_values<Kind, S::PACKED, Place>(values + 16 * keys * Place::PITCH, column, b);
#pragma unroll
        for (int t = 0; t < 4; t++) {
#pragma unroll
          for (int m = 0; m < S::LINE_TILES; m++) {
            multiply_add<Kind::HALF_VALUES>(lines_[m].out[column / 8 + t], weights[m][keys], b[t]);
          }
        }
      }
    }
  }

  /** Multiplies by the scales of the keys, those from `count` on by 0. */
  __device__ __forceinline__ void scale(Logits& x, const uint16_t* scales, int count) const {
#pragma unroll
    for (int n = 0; n < KEY_TILES; n++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        int key = warp_key() + 8 * n + 2 * c() + i;
        float factor = key < count ? from_bf16(scales[key]) : 0.f;
#pragma unroll
        for (int m = 0; m < S::LINE_TILES; m++) {
          x[m][n][i] *= factor;
          x[m][n][i + 2] *= factor;
        }
      }
    }
  }

  /**
   * Where the warps hold parts of the same 16 lines: results, of which parts are added in the order
   * of the warps. `outs`: PARTS_BYTES; `threads` call, which `meet` lets wait for each other;
   * `ancestors(line)`: under a tree mask, what a line sees.
   */
  template <class Meet, class Ancestors>
  __device__ __forceinline__ void join(WarpSums (&sums)[S::WARPS], float* outs, int threads,
                                       Meet meet, Ancestors ancestors) const {
    static_assert(S::LINE_TILES == 1);
#pragma unroll
    for (int h = 0; h < 2; h++) {
      if (!exists(8 * h)) break;
      leave_part(sums[warp()], outs + warp() * PART, h);
      meet();
      join_parts(sums, outs, threads, h, ancestors);
      meet();
    }
  }

  static constexpr int PART = 8 * S::COLUMNS; /* of a warp: eight lines */
  static constexpr int PARTS_BYTES = S::WARPS * PART * 4;

  Lines<COLUMN_TILES> lines_[S::LINE_TILES];

 private:
  __device__ __forceinline__ void leave_part(WarpSums& sums, float* out, int h) const {
    float sum = line_sum(lines_[0].sum[h]);
    if (!exists(line(0, h))) return;
    if (c() == 0) sums.of[g()] = {lines_[0].max[h], sum};
#pragma unroll
    for (int t = 0; t < COLUMN_TILES; t++) {
#pragma unroll
      for (int i = 0; i < 2; i++) {
        int column = t / 4 * 32 + column_of<S::PACKED>(t % 4, i);
        out[place_in_part(g(), column)] = lines_[0].out[t][2 * h + i];
      }
    }
  }

  template <class Ancestors>
  __device__ __forceinline__ void join_parts(const WarpSums (&sums)[S::WARPS], const float* outs,
                                             int threads, int h, Ancestors ancestors) const {
    constexpr int PAIRS = S::COLUMNS / 2;
    int lines = min(a_.lines - work_.first_line - 8 * h, 8);
    for (int i = thread(); i < lines * PAIRS; i += threads) {
      int line = i / PAIRS;
      int column = i % PAIRS * 2;
      PartialSum all{-infinity(), 0.f};
#pragma unroll
      for (const WarpSums& sum : sums) all.max = fmaxf(all.max, sum.of[line].max);
      float2 out{0.f, 0.f};
#pragma unroll
      for (int w = 0; w < S::WARPS; w++) {
        float weight = weight_of(sums[w].of[line], all.max);
        all.sum = fma(sums[w].of[line].sum, weight, all.sum);
        const float* two = outs + w * PART + place_in_part(line, column);
        out.x = fma(two[0], weight, out.x);
        out.y = fma(two[1], weight, out.y);
      }
      line += 8 * h;
      LineOutput(*this, line, ancestors(line), all, column == 0).put(column, out.x, out.y);
    }
  }

  /** Keeps lines that a warp writes at a time in banks of their own. */
  static __device__ __forceinline__ int place_in_part(int line, int column) {
    return line * S::COLUMNS + (column ^ line * 8);
  }

  template <class Of>
  __device__ __forceinline__ void hide_unseen(const Tile& tile, const Of& lines,
                                              Logits& logits) const {
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        uint64_t seen =
            this->seen(tile, 0, line(m, h), lines.ancestors(m, h)) >> (warp_key() + 2 * c());
#pragma unroll
        for (int n = 0; n < KEY_TILES; n++) {
#pragma unroll
          for (int i = 0; i < 2; i++) {
            if ((seen >> (8 * n + i) & 1) == 0) logits[m][n][2 * h + i] = -infinity();
          }
        }
      }
    }
  }
};

}  // namespace trimtab
