// Attention of few lines over long histories on sm_90a: decoding. Memory is the bound, so one warp
// of a block does nothing but begin copies, in boxes and as early as there is room for them, and
// the others share the keys of what has come.
//
// n lines of at most 16, t tokens of d columns of b bytes, a key/value head:
//   bytes  2 t d b, once; of codes 4 t more for scales
//   bound  memory: two blocks a multiprocessor have 192 KiB on their way
// Products are those of mma.sync, of which 16 lines are the fewest; of 64 keys of 128 columns they
// are 128, and 24 KiB of the 32 are read from shared memory twice: 700 cycles of the 1700 that such
// keys take to come.
//
// Errors are those of tiles.cuh.
#pragma once

#include "attend/decode_copies.cuh"
#include "common/launch.cuh"

namespace trimtab {

/** One block. */
template <class S>
class DecodeAttention : WarpTiles<S> {
  using Base = WarpTiles<S>;
  using Base::a_;
  using Base::thread;
  using Base::warp_key;
  using Base::work_;
  using typename Base::Logits;
  using typename Base::Weights;

 public:
  __device__ DecodeAttention(const AttendArguments& a, DecodeShared<S>& shared,
                             unsigned char* panels)
      : Base(a, shared.block, panels + S::STAGES * S::STAGE_BYTES),
        shared_(shared),
        panels_(panels) {}

  __device__ void run(const HopperMaps& maps) {
    static_assert(Base::PARTS_BYTES <= S::STAGES * S::STAGE_BYTES);
    auto block = static_cast<int32_t>(blockIdx.x);
    DecodeCopies<S> copies(a_, maps, shared_, panels_);
    bool copying = thread() >= S::WARPS * LANES;
    if (thread() == LANES) begin_barriers();
    await_kernel_before();
    begin_next_kernel();
    // Pages are looked up before it is known whether they are needed.
    if (copying) copies.look_up(this->piece(S::LINES, block));
    if (thread() == 0) this->find(S::LINES, block);
    __syncthreads();
    if (this->is_beyond()) return;
    auto* parts = reinterpret_cast<float*>(panels_);
    if (copying) {
      copies.run();
    } else {
      this->clear();
      this->load_queries();
      meet(S::CONSUMERS, S::WARPS * LANES);
      attend();
      meet(S::CONSUMERS, S::WARPS * LANES);  // All tiles were read.
      this->leave_parts(parts);
    }
    __syncthreads();
    this->join_parts(parts);
  }

 private:
  __device__ void begin_barriers() const {
    for (int stage = 0; stage < S::STAGES; stage++) {
      for (auto& filled : shared_.filled) filled[stage].begin(1);
      shared_.emptied[stage].begin(S::WARPS);
    }
  }

  __device__ void attend() {
    DecodeTiles<S> order(work_.tokens);
    Turn<S::STAGES> turn;
    for (Tile tile = order.first(); tile.count > 0; tile = order.next(tile), turn.next()) {
      unsigned char* keys = panels_ + turn.place * S::STAGE_BYTES;
      unsigned char* values = keys + S::TILE_BYTES;
      auto& scales = shared_.scales[turn.place];
      bool active = warp_key() < tile.count;
      Logits logits;
      Weights weights;
      shared_.filled[0][turn.place].wait(turn.parity);
      if (active) {
        this->with_kind(
            tile, [&](auto kind) { this->multiply_keys(kind, tile, keys, scales[0], logits); });
      }
      shared_.filled[1][turn.place].wait(turn.parity);
      if (active) {
        this->with_kind(tile, [&](auto kind) {
          clear_values(kind, values, tile.count);
          if constexpr (kind.CODES) this->scale(logits, scales[1], tile.count);
          this->template round<kind.HALF_VALUES>(logits, weights);
          this->add_values(kind, values, weights);
        });
      }
      __syncwarp();
      if (thread() % LANES == 0) shared_.emptied[turn.place].arrive();
    }
  }

  /** Clears those of the warp's values that are no token's, as tensor cores multiply them by 0. */
  template <class Kind>
  __device__ __forceinline__ void clear_values(Kind, unsigned char* values, int count) const {
    using Place = typename S::template ValuePlace<Kind::CODES>;
    if (warp_key() + S::OWN_KEYS <= count) return;
    constexpr int UNITS = S::COLUMNS * Kind::BYTES / 16;
    for (int i = thread() % LANES; i < S::OWN_KEYS * UNITS; i += LANES) {
      int row = warp_key() + i / UNITS;
      if (row < count) continue;
      *reinterpret_cast<uint4*>(values + Place::of(row, i % UNITS * 16)) = make_uint4(0, 0, 0, 0);
    }
    publish_to_tensor_cores();  // Boxes come here again.
    __syncwarp();
  }

  DecodeShared<S>& shared_;
  unsigned char* const panels_;
};

template <class S>
__global__ void __launch_bounds__(S::THREADS, S::BLOCKS)
    attend_decode(const __grid_constant__ AttendArguments a,
                  const __grid_constant__ HopperMaps maps) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  TRIMTAB_DYNAMIC_SHARED(dynamic);
  __shared__ DecodeShared<S> shared;
  DecodeAttention<S>(a, shared, aligned_panels(dynamic)).run(maps);
#endif
}

}  // namespace trimtab
