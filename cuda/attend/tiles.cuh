// Attention on tensor cores (mma.sync, sm_80 and later): a block takes a tile of lines of one
// key/value head past the head's keys, or past one split of them.
//
// Of a tile of keys, the copy of the values runs while logits are made, that of the next keys while
// values are summed; two or more blocks a multiprocessor fill what gaps that leaves. Lines are
// packed over the query heads of a group, so that decoding and trees read each key once.
//
// n lines, t tokens of d columns of b bytes, a key/value head:
//   bytes  2 t d b for every tile of lines, from L2 after the first; 2 n d b and 4 n d once
//   FLOPs  4 n t d
//   bound  tensor cores from about 100 lines on, else memory
// Where a warp holds 32 lines, a word from shared memory feeds two multiplications: 64 keys of 128
// columns are 1024 mma.sync and 1300 cycles of reads for 128 lines, beside 2048 cycles of tensor
// cores on sm_80 and about 1600 on sm_90.
//
// Errors, beside those of a plain computation in binary32: a weight is rounded to the format of the
// values (BF16 for codes), relatively by at most u = 2^-8 (BF16) or 2^-11 (F16, and by 2^-25 of the
// largest weight), so an output is off by at most u (weighted mean of |values|); products are exact
// and sums are kept in F32, of which tensor cores cut off what is below 2^-23 of the largest term.
// A value that is infinite or no number reaches all lines of its block, those that do not see it
// too, since their weight of 0 is multiplied by it.
#pragma once

#include "attend/fragments.cuh"
#include "attend/shape.cuh"
#include "attend/softmax.cuh"
#include "common/launch.cuh"

namespace trimtab {

/** One block of a shape. */
template <class S>
class TiledAttention : BlockLines {
 public:
  __device__ TiledAttention(const AttendArguments& a, TileShared<S>& shared, unsigned char* dynamic)
      : BlockLines(a, shared.work),
        shared_(shared),
        queries_(dynamic),
        keys_(queries_ + S::QUERY_BYTES),
        values_(keys_ + S::KEY_BYTES),
        tokens_(a, shared.work.tokens, shared.window) {}

  __device__ void run() {
    if (thread() == 0) find(S::LINES);
    __syncthreads();
    if (is_beyond()) return;
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) lines_[m].clear();
    if (work_.tokens.begin < work_.tokens.end) {
      load_queries();
      attend();
    }
    if constexpr (S::KEY_WARPS == 1) {
      finish_own();
    } else {
      finish_shared();
    }
  }

 private:
  using Source = typename S::Source;
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

  /** Of a line, under a tree mask. */
  __device__ uint64_t ancestors(int line) const {
    return a_.op.mask == TRIMTAB_MASK_TREE ? shared_.ancestors[line] : 0;
  }

  /** Copies queries, with the sign of the scale, and notes who sees what in a tree. */
  __device__ void load_queries() {
    constexpr int UNITS = S::COLUMNS / 8;
    for (int i = thread(); i < S::LINES * UNITS; i += S::THREADS) {
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
    for (int line = thread(); line < S::LINES; line += S::THREADS) {
      shared_.ancestors[line] = ancestors_of_line(line);
    }
  }

  /** Of 16 lines and 32 columns as two a's of multiply_add(), by lane. */
  __device__ __forceinline__ uint4* query_fragments(int line_tile, int step) const {
    return reinterpret_cast<uint4*>(queries_) + (line_tile * (S::COLUMNS / 32) + step) * 2 * LANES;
  }

  __device__ void attend() {
    bool active = exists(warp_line());
    Tile tile = tokens_.first();
    tokens_.template copy<0>(tile, keys_, shared_.scales[0]);
    commit_copies();
    while (tile.count > 0) {
      Logits logits;
      Weights weights;
      wait_copies<0>();
      __syncthreads();  // Keys have come, and the values before them were read.
      tokens_.template copy<1>(tile, values_, shared_.scales[1]);
      commit_copies();
      if (active) {
        with_kind(tile, [&](auto kind) { multiply_keys(kind, tile, logits); });
        // Rounded as soon as may be: that takes fewer registers.
        if constexpr (!S::PACKED) round<S::HALF>(logits, weights);
      }
      wait_copies<0>();
      __syncthreads();  // Values have come, and the keys were read.
      Tile next = tokens_.next(tile);
      if (next.count > 0) tokens_.template copy<0>(next, keys_, shared_.scales[0]);
      commit_copies();
      if (active) {
        with_kind(tile, [&](auto kind) {
          if constexpr (kind.CODES) scale(logits, shared_.scales[1], tile.count);
          if constexpr (S::PACKED) round<kind.HALF_VALUES>(logits, weights);
          add_values(kind, weights);
        });
      }
      tile = next;
    }
    __syncthreads();
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

  /** Weights of a tile's keys for the warp's lines, into `logits`. */
  template <class Kind>
  __device__ __forceinline__ void multiply_keys(Kind, const Tile& tile, Logits& logits) {
    constexpr int PITCH = Kind::CODES ? Source::KEY_CODES_PITCH : Source::KEY_PITCH;
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
    const unsigned char* keys = keys_ + (warp_key() + g()) * PITCH;
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
#pragma unroll
      for (int n = 0; n < KEY_TILES; n++) {
        uint4 k = Kind::keys(keys + 8 * n * PITCH, step + 8 * c());
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
    if constexpr (Kind::CODES) scale(logits, shared_.scales[0], S::KEYS);
    if (!whole(tile, S::KEYS, 0)) hide_unseen(tile, logits);
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
      float kept[2];
      lines_[m].weigh(logits[m], unit(), kept);
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
  __device__ __forceinline__ void add_values(Kind, const Weights& weights) {
    constexpr int PITCH = Kind::CODES ? Source::VALUE_CODES_PITCH : Source::VALUE_PITCH;
#pragma unroll
    for (int keys = 0; keys < S::OWN_KEYS / 16; keys++) {
      const unsigned char* values = values_ + (warp_key() + 16 * keys) * PITCH;
#pragma unroll
      for (int column = 0; column < S::COLUMNS; column += 32) {
        uint32_t b[4][2];
        read_values<Kind, S::PACKED>(values, PITCH, column, b);
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

  /** Where a warp has its lines to itself. */
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

  /** Where the warps hold parts of the same lines: those are added in the order of the warps. */
  __device__ void finish_shared() {
    static_assert(S::LINE_TILES == 1);
    constexpr int PITCH = S::COLUMNS + 4;
    static_assert(S::WARPS * S::LINES * PITCH * sizeof(float) <= S::KEY_BYTES + S::VALUE_BYTES);
    auto* outs = reinterpret_cast<float*>(keys_);
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
          outs[(warp * S::LINES + line) * PITCH + column] = lines_[0].out[t][2 * h + i];
        }
      }
    }
    __syncthreads();
    for (int line = warp; line < S::LINES && exists(line); line += S::WARPS) {
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
          out = fma(outs[(w * S::LINES + line) * PITCH + column], weights[w], out);
        }
        output.put(column, out);
      }
    }
  }

  TileShared<S>& shared_;
  unsigned char* const queries_;
  unsigned char* const keys_;
  unsigned char* const values_;
  const Source tokens_;
  Lines<COLUMN_TILES> lines_[S::LINE_TILES];
};

template <class S>
__global__ void __launch_bounds__(S::THREADS, S::BLOCKS)
    attend_tiles(const __grid_constant__ AttendArguments a) {
  TRIMTAB_DYNAMIC_SHARED(dynamic);
  __shared__ TileShared<S> shared;
  TiledAttention<S>(a, shared, dynamic).run();
}

}  // namespace trimtab
