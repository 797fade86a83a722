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

#include "attend/shape.cuh"
#include "attend/warp_tiles.cuh"
#include "common/launch.cuh"

namespace trimtab {

/** One block of a shape. */
template <class S>
class TiledAttention : WarpTiles<S> {
  using Base = WarpTiles<S>;
  using Base::a_;
  using Base::c;
  using Base::exists;
  using Base::line;
  using Base::lines_;
  using Base::thread;
  using Base::warp_line;
  using Base::work_;
  using typename Base::Logits;
  using typename Base::Weights;

 public:
  __device__ TiledAttention(const AttendArguments& a, TileShared<S>& shared, unsigned char* dynamic)
      : Base(a, shared.work),
        shared_(shared),
        queries_(dynamic),
        keys_(queries_ + S::QUERY_BYTES),
        values_(keys_ + S::KEY_BYTES),
        tokens_(a, shared.work.tokens, shared.window) {}

  __device__ void run() {
    if (thread() == 0) {
      this->find(S::LINES, this->piece(S::LINES, static_cast<int32_t>(blockIdx.x)));
      find_places(a_.op, work_.tokens);
    }
    __syncthreads();
    if (this->is_beyond()) return;
    this->clear();
    if (work_.tokens.begin < work_.tokens.end) {
      load_queries();
      attend();
    }
    if constexpr (S::KEY_WARPS == 1) {
      finish();
    } else {
      static_assert(Base::PARTS_BYTES <= S::KEY_BYTES + S::VALUE_BYTES);
      this->join(
          shared_.sums, reinterpret_cast<float*>(keys_), S::THREADS, [] { __syncthreads(); },
          [&](int line) { return ancestors(line); });
    }
  }

  template <class Kind>
  __device__ __forceinline__ QueryFragments fragments(Kind, int m, int step) const {
    const uint4* from = fragments(warp_line() / 16 + m, step) + thread() % LANES;
    return {from[0], from[LANES]};
  }
  template <class Kind>
  __device__ __forceinline__ float unit(Kind, int) const {
    return Base::unit();
  }
  __device__ __forceinline__ uint64_t ancestors(int m, int h) const {
    return ancestors(line(m, h));
  }

 private:
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
      uint4 words = this->query_words(line, column);
      auto* to = reinterpret_cast<uint32_t*>(fragments(line / 16, column / 32)) +
                 (line % 8 * 4 + column / 8 % 4) * 4 + line / 8 % 2;
      to[0] = words.x;
      to[2] = words.y;
      to[4 * LANES] = words.z;
      to[4 * LANES + 2] = words.w;
    }
    if (a_.op.mask != TRIMTAB_MASK_TREE) return;
    for (int line = thread(); line < S::LINES; line += S::THREADS) {
      shared_.ancestors[line] = this->ancestors_of_line(line);
    }
  }

  /** Of 16 lines and 32 columns, by lane. */
  __device__ __forceinline__ uint4* fragments(int line_tile, int step) const {
    return reinterpret_cast<uint4*>(queries_) + (line_tile * (S::COLUMNS / 32) + step) * 2 * LANES;
  }

  __device__ void attend() {
    auto& scales = shared_.scales;
    bool active = exists(warp_line());
    Tile tile = tokens_.first();
    tokens_.template copy<0>(tile, keys_, scales[0]);
    commit_copies();
    while (tile.count > 0) {
      Logits logits;
      Weights weights;
      wait_copies<0>();
      __syncthreads();  // Keys have come, and the values before them were read.
      tokens_.template copy<1>(tile, values_, scales[1]);
      commit_copies();
      if (active) {
        this->with_kind(tile.paged, [&](auto kind) {
          this->multiply_keys(kind, tile, keys_, scales[0], *this, logits);
        });
        // Rounded as soon as may be: that takes fewer registers.
        if constexpr (!S::PACKED) this->template round<S::HALF>(logits, weights);
      }
      wait_copies<0>();
      __syncthreads();  // Values have come, and the keys were read.
      Tile next = tokens_.next(tile);
      if (next.count > 0) tokens_.template copy<0>(next, keys_, scales[0]);
      commit_copies();
      if (active) {
        this->with_kind(tile.paged, [&](auto kind) {
          if constexpr (kind.CODES) this->scale(logits, scales[1], tile.count);
          if constexpr (S::PACKED) this->template round<kind.HALF_VALUES>(logits, weights);
          this->add_values(kind, values_, weights);
        });
      }
      tile = next;
    }
    __syncthreads();
  }

  /** Where a warp has its lines to itself. */
  __device__ void finish() {
#pragma unroll
    for (int m = 0; m < S::LINE_TILES; m++) {
#pragma unroll
      for (int h = 0; h < 2; h++) {
        PartialSum sum{lines_[m].max[h], line_sum(lines_[m].sum[h])};
        if (!exists(line(m, h))) continue;
        LineOutput output(*this, line(m, h), ancestors(line(m, h)), sum, c() == 0);
#pragma unroll
        for (int t = 0; t < Base::COLUMN_TILES; t++) {
#pragma unroll
          for (int i = 0; i < 2; i++) {
            output.put(t / 4 * 32 + column_of<S::PACKED>(t % 4, i), lines_[m].out[t][2 * h + i]);
          }
        }
      }
    }
  }

  TileShared<S>& shared_;
  unsigned char* const queries_;
  unsigned char* const keys_;
  unsigned char* const values_;
  const typename S::Source tokens_;
};

template <class S>
__global__ void __launch_bounds__(S::THREADS, S::BLOCKS)
    attend_tiles(const __grid_constant__ AttendArguments a) {
  TRIMTAB_DYNAMIC_SHARED(dynamic);
  __shared__ TileShared<S> shared;
  TiledAttention<S>(a, shared, dynamic).run();
}

}  // namespace trimtab
