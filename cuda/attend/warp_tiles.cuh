// What a warp of attention on tensor cores (mma.sync) does: its lines go past tiles of keys and
// values in shared memory, however those came there.
#pragma once

#include "attend/block.cuh"
#include "attend/fragments.cuh"
#include "attend/softmax.cuh"

namespace trimtab {

/** What the warps of a block share beside keys, values and queries, in static shared memory. */
template <class S>
struct WarpShared {
  BlockWork work;
  uint64_t ancestors[S::LINES]; /* under a tree mask: a bit a new token */
  PartialSum sums[S::WARPS][S::KEY_WARPS == 1 ? 1 : S::LINES];
};

/**
 * The warps of a block of a shape S. Of WARPS, LINE_WARPS stand along the lines, each with
 * LINE_TILES tiles of 16, the others along the KEYS of a tile.
 */
template <class S>
class WarpTiles : protected BlockLines {
 protected:
  __device__ WarpTiles(const AttendArguments& a, WarpShared<S>& shared, unsigned char* queries)
      : BlockLines(a, shared.work), shared_(shared), queries_(queries) {}

  static constexpr int COLUMN_TILES = S::COLUMNS / 8;
  static constexpr int KEY_TILES = S::OWN_KEYS / 8;
  using Logits = float[S::LINE_TILES][KEY_TILES][4];
  using Weights = uint32_t[S::LINE_TILES][KEY_TILES / 2][4]; /* rounded */

  static __device__ int thread() { return static_cast<int>(threadIdx.x); }
  static __device__ int g() { return thread() % LANES / 4; }
  static __device__ int c() { return thread() % 4; }
  /** The first of the warp's lines in the block's, and of its keys in a tile. */
  static __device__ int warp_line() {
    return thread() / LANES % S::LINE_WARPS * 16 * S::LINE_TILES;
  }
  static __device__ int warp_key() { return thread() / LANES / S::LINE_WARPS * S::OWN_KEYS; }

  __device__ void clear() {
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) lines_[m].clear();
  }

  /** Copies queries, with the sign of the scale, and notes who sees what in a tree. */
  __device__ void load_queries() {
    constexpr int UNITS = S::COLUMNS / 8;
    constexpr int THREADS = S::WARPS * LANES;
    for (int i = thread(); i < S::LINES * UNITS; i += THREADS) {
      int line = i / UNITS;
      int column = i % UNITS * 8;
      uint4 words = query_words(line, column);
      auto* to = reinterpret_cast<uint32_t*>(query_fragments(line / 16, column / 32)) +
                 (line % 8 * 4 + column / 8 % 4) * 4 + line / 8 % 2;
      to[0] = words.x;
      to[2] = words.y;
      to[4 * LANES] = words.z;
      to[4 * LANES + 2] = words.w;
    }
    if (a_.op.mask != TRIMTAB_MASK_TREE) return;
    for (int line = thread(); line < S::LINES; line += THREADS) {
      shared_.ancestors[line] = ancestors_of_line(line);
    }
  }

  /** Calls with what a tile is made of. */
  template <class Body>
  __device__ __forceinline__ void with_kind(const Tile& tile, Body body) const {
    if constexpr (S::PACKED) {
      if (tile.paged && a_.op.history.dtype == TRIMTAB_FP8_E4M3) {
        return body(Codes<formats::Fp8, S::HALF>());
      }
      if (tile.paged) return body(Codes<formats::Int8, S::HALF>());
    }
    body(Numbers<S::HALF>());
  }

  /** Weights of a tile's keys for the warp's lines, into `logits`. `scales`: of codes. */
  template <class Kind>
  __device__ __forceinline__ void multiply_keys(Kind, const Tile& tile, const unsigned char* keys,
                                                const uint16_t* scales, Logits& logits) {
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
    int lane = thread() % LANES;
    keys += warp_key() * Place::PITCH;
    // As many at a time as registers allow.
    [[maybe_unused]] constexpr int STEPS = Kind::CODES || S::LINE_TILES > 1 ? 1 : 2;
#pragma unroll STEPS
    for (int step = 0; step < S::COLUMNS; step += 32) {
      uint4 q[S::LINE_TILES][2];
#pragma unroll
      for (int m = 0; m < S::LINE_TILES; m++) {
        const uint4* fragments = query_fragments(warp_line() / 16 + m, step / 32) + lane;
        q[m][0] = fragments[0];
        q[m][1] = fragments[LANES];
      }
      const unsigned char* from = keys + Place::of(g(), Kind::BYTES * (step + 8 * c()));
#pragma unroll
      for (int n = 0; n < KEY_TILES; n++) {
        uint4 k = Kind::keys(from + 8 * n * Place::PITCH);
#pragma unroll
        for (int m = 0; m < S::LINE_TILES; m++) {
          const uint4& first = q[m][0];
          const uint4& second = q[m][1];
          multiply_add<Kind::HALF_KEYS>(logits[m][n], {first.x, first.y, first.z, first.w},
                                        {k.x, k.y});
          multiply_add<Kind::HALF_KEYS>(logits[m][n], {second.x, second.y, second.z, second.w},
                                        {k.z, k.w});
        }
      }
    }
    if constexpr (Kind::CODES) scale(logits, scales, S::KEYS);
    if (!whole(tile, S::KEYS, 0)) hide_unseen(tile, logits);
    float unit = fabsf(a_.op.scale) * 1.4426950408889634f;
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
      float kept[2];
      lines_[m].weigh(logits[m], unit, kept);
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

  /** Where a warp has its lines to itself: their results. */
  __device__ void finish_own() {
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        int line = warp_line() + 16 * m + 8 * h + g();
        PartialSum sum{lines_[m].max[h], line_sum(lines_[m].sum[h])};
        if (!exists(line)) continue;
        LineOutput output(*this, line, ancestors(line), sum, c() == 0);
#pragma unroll
        for (int t = 0; t < COLUMN_TILES; t++) {
#pragma unroll
          for (int i = 0; i < 2; i++) {
            output.put(t / 4 * 32 + column_of<S::PACKED>(t % 4, i), lines_[m].out[t][2 * h + i]);
          }
        }
      }
    }
  }

  /** Where the warps hold parts of the same lines: leaves them in `parts`, PARTS_BYTES. */
  __device__ void leave_parts(float* parts) {
    static_assert(S::LINE_TILES == 1);
    int warp = thread() / LANES;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      int line = 8 * h + g();
      float sum = line_sum(lines_[0].sum[h]);
      if (c() == 0) shared_.sums[warp][line] = {lines_[0].max[h], sum};
#pragma unroll
      for (int t = 0; t < COLUMN_TILES; t++) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
          int column = t / 4 * 32 + column_of<S::PACKED>(t % 4, i);
          parts[(warp * S::LINES + line) * PARTS_PITCH + column] = lines_[0].out[t][2 * h + i];
        }
      }
    }
  }

  /** Behind a barrier: adds the parts in the order of the warps. */
  __device__ void join_parts(const float* parts) const {
    int warp = thread() / LANES;
    for (int line = warp; warp < S::WARPS && line < S::LINES && exists(line); line += S::WARPS) {
      PartialSum all{-infinity(), 0.f};
      float weights[S::WARPS];
#pragma unroll
      for (int w = 0; w < S::WARPS; w++) all.max = fmaxf(all.max, shared_.sums[w][line].max);
#pragma unroll
      for (int w = 0; w < S::WARPS; w++) {
        weights[w] = weight_of(shared_.sums[w][line], all.max);
        all.sum = fma(shared_.sums[w][line].sum, weights[w], all.sum);
      }
      LineOutput output(*this, line, ancestors(line), all, thread() % LANES == 0);
      for (int column = thread() % LANES; column < S::COLUMNS; column += LANES) {
        float out = 0.f;
#pragma unroll
        for (int w = 0; w < S::WARPS; w++) {
          out = fma(parts[(w * S::LINES + line) * PARTS_PITCH + column], weights[w], out);
        }
        output.put(column, out);
      }
    }
  }

  static constexpr int PARTS_PITCH = S::COLUMNS + 4;
  static constexpr int PARTS_BYTES = S::WARPS * S::LINES * PARTS_PITCH * 4;

 private:
  /** Of a line, under a tree mask. */
  __device__ uint64_t ancestors(int line) const {
    return a_.op.mask == TRIMTAB_MASK_TREE ? shared_.ancestors[line] : 0;
  }

  /** Of 16 lines and 32 columns as two a's of multiply_add(), by lane. */
  __device__ __forceinline__ uint4* query_fragments(int line_tile, int step) const {
    return reinterpret_cast<uint4*>(queries_) + (line_tile * (S::COLUMNS / 32) + step) * 2 * LANES;
  }

  __device__ __forceinline__ void hide_unseen(const Tile& tile, Logits& logits) const {
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        int line = warp_line() + 16 * m + 8 * h + g();
        uint64_t seen = this->seen(tile, 0, line, ancestors(line)) >> (warp_key() + 2 * c());
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

  WarpShared<S>& shared_;
  unsigned char* const queries_;
  Lines<COLUMN_TILES> lines_[S::LINE_TILES];
};

}  // namespace trimtab
