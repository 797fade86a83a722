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
// Measured on an H200: one query, 8 heads with 4 query heads each over 32768 tokens, BF16: 45 us,
// 0.64 of the read ceiling; over 8192 tokens 28 us, a quarter of it. A warp spends half of its time
// on the addresses of its copies, in chains that 16 warps a multiprocessor do not hide.
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
  using typename Base::Logits;
  using typename Base::Weights;

 public:
  __device__ TiledAttention(const AttendArguments& a, TileShared<S>& shared, unsigned char* dynamic)
      : Base(a, shared.block, dynamic),
        scales_(shared.scales),
        keys_(dynamic + S::QUERY_BYTES),
        values_(keys_ + S::KEY_BYTES),
        tokens_(a, shared.block.work.tokens, shared.window) {}

  __device__ void run() {
    if (threadIdx.x == 0) {
      this->find(S::LINES, static_cast<int32_t>(blockIdx.x));
      find_places(this->a_.op, this->work_.tokens);
    }
    __syncthreads();
    if (this->is_beyond()) return;
    this->clear();
    if (this->work_.tokens.begin < this->work_.tokens.end) {
      this->load_queries();
      attend();
    }
    if constexpr (S::KEY_WARPS == 1) {
      this->finish_own();
    } else {
      static_assert(Base::PARTS_BYTES <= S::KEY_BYTES + S::VALUE_BYTES);
      auto* parts = reinterpret_cast<float*>(keys_);
      this->leave_parts(parts);
      __syncthreads();
      this->join_parts(parts);
    }
  }

 private:
  __device__ void attend() {
    bool active = this->exists(this->warp_line());
    Tile tile = tokens_.first();
    tokens_.template copy<0>(tile, keys_, scales_[0]);
    commit_copies();
    while (tile.count > 0) {
      Logits logits;
      Weights weights;
      wait_copies<0>();
      __syncthreads();  // Keys have come, and the values before them were read.
      tokens_.template copy<1>(tile, values_, scales_[1]);
      commit_copies();
      if (active) {
        this->with_kind(
            tile, [&](auto kind) { this->multiply_keys(kind, tile, keys_, scales_[0], logits); });
        // Rounded as soon as may be: that takes fewer registers.
        if constexpr (!S::PACKED) this->template round<S::HALF>(logits, weights);
      }
      wait_copies<0>();
      __syncthreads();  // Values have come, and the keys were read.
      Tile next = tokens_.next(tile);
      if (next.count > 0) tokens_.template copy<0>(next, keys_, scales_[0]);
      commit_copies();
      if (active) {
        this->with_kind(tile, [&](auto kind) {
          if constexpr (kind.CODES) this->scale(logits, scales_[1], tile.count);
          if constexpr (S::PACKED) this->template round<kind.HALF_VALUES>(logits, weights);
          this->add_values(kind, values_, weights);
        });
      }
      tile = next;
    }
    __syncthreads();
  }

  uint16_t (&scales_)[2][S::KEYS];
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
