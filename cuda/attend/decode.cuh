// Attention of few lines over long histories on sm_90a: decoding. Memory is the bound, so two warps
// of a block do nothing but begin copies, in boxes and as early as there is room for them, and go on
// with the block's next piece of work while the others are at the last.
//
// The others take turns at tiles, each 32 keys at a time past which its lines go alone: with fewer,
// what is done once for all of a warp's keys would outweigh their products, and warps that share
// more would wait for each other.
//
// n lines of at most 16, t tokens of d columns of b bytes, a key/value head:
//   bytes  2 t d b, once; of codes 4 t more for scales
//   bound  memory, of which a multiprocessor has 192 KiB there or on their way
//
// Errors are those of tiles.cuh.
#pragma once

#include "attend/decode_copies.cuh"
#include "common/launch.cuh"

namespace trimtab {

/** A warp at a piece of work. */
template <class S>
class DecodeLines : WarpTiles<S> {
  using Base = WarpTiles<S>;
  using Base::a_;
  using Base::line;
  using Base::thread;
  using Base::warp;
  using Base::warp_key;
  using Base::work_;
  using typename Base::Logits;
  using typename Base::Weights;

 public:
  __device__ DecodeLines(const AttendArguments& a, BlockWork& work, DecodeShared<S>& shared,
                         unsigned char* panels)
      : Base(a, work), shared_(shared), panels_(panels) {
    static_assert(Base::PARTS_BYTES == S::PARTS_BYTES);
  }

  /** `before`: the tiles of the block's pieces before this one, to which this one's are added. */
  __device__ __forceinline__ void run(int32_t& before) {
    if (this->is_beyond()) return;
    this->clear();
    load_queries();
    const DecodeTiles<S> tiles(work_.tokens);
    // Codes and numbers each in a loop of their own, which takes fewer registers.
    int32_t i = team();
    auto attend_until = [&](bool paged, int32_t end) {
      this->with_kind(paged, [&](auto kind) {
        for (; i < end; i += S::TEAMS) attend(kind, tiles.at(i), before + i);
      });
    };
    if constexpr (S::PACKED) attend_until(true, tiles.paged());
    attend_until(false, tiles.count());
    this->join(
        shared_.sums, reinterpret_cast<float*>(panels_ + S::STAGES * S::STAGE_BYTES),
        S::WARPS * LANES, [] { meet(S::ATTENDING, S::WARPS * LANES); },
        [&](int line) { return this->ancestors_of_line(line); });
    before += tiles.count();
  }

  template <class Kind>
  __device__ __forceinline__ QueryFragments fragments(Kind, int, int step) const {
    if constexpr (S::PACKED && !Kind::CODES) {
      return read_queries(this->query_from(line(0, 0)), this->query_from(line(0, 1)), step);
    }
    return queries_[step];
  }
  template <class Kind>
  __device__ __forceinline__ float unit(Kind, int h) const {
    return S::TO_HALF && Kind::CODES ? units_[h] : Base::unit();
  }
  __device__ __forceinline__ uint64_t ancestors(int, int h) const {
    return a_.op.mask == TRIMTAB_MASK_TREE ? shared_.ancestors[warp()][line(0, h)] : 0;
  }

 private:
  static constexpr int STEPS = S::COLUMNS / 32;

  static __device__ __forceinline__ int team() { return warp() / S::KEY_WARPS; }

  __device__ __forceinline__ void load_queries() {
    const char* upper = this->query_from(line(0, 0));
    const char* lower = this->query_from(line(0, 1));
#pragma unroll
    for (int step = 0; step < STEPS; step++) queries_[step] = read_queries(upper, lower, step);
    if constexpr (S::TO_HALF) {
      units_[0] = halve(&uint4::x, &uint4::z);
      units_[1] = halve(&uint4::y, &uint4::w);
    }
    if (a_.op.mask != TRIMTAB_MASK_TREE) return;
    int lane = thread() % LANES;
    if (lane < S::LINES) shared_.ancestors[warp()][lane] = this->ancestors_of_line(lane);
    __syncwarp();
  }

  /** From where the lines' queries begin. */
  __device__ __forceinline__ QueryFragments read_queries(const char* from, const char* from_lower,
                                                         int step) const {
    uint4 upper = this->query_words(from, 32 * step + 8 * Base::c());
    uint4 lower = this->query_words(from_lower, 32 * step + 8 * Base::c());
    return {make_uint4(upper.x, lower.x, upper.y, lower.y),
            make_uint4(upper.z, lower.z, upper.w, lower.w)};
  }

  /**
   * Makes F16 of a BF16 line, in two words of each fragment, by a power of two that brings the
   * largest number near 2^15: exact but for numbers below 2^-32 of that one, which lose what is
   * below 2^-39 of it. The unit of its logits, with that power taken back.
   */
  __device__ __forceinline__ float halve(uint32_t uint4::*first, uint32_t uint4::*second) {
    auto each = [&](auto body) {
#pragma unroll
      for (QueryFragments& q : queries_) {
        body(q.first.*first), body(q.first.*second), body(q.second.*first), body(q.second.*second);
      }
    };
    uint32_t largest = 0;
    each([&](uint32_t pair) { largest = max(largest, max(pair & 0x7fffu, pair >> 16 & 0x7fffu)); });
    largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, 1));
    largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, 2));
    constexpr uint32_t BIAS = 127, TOP = BIAS + 14;
    uint32_t exponent = max(largest >> 7, 15u);
    if (exponent == 255) exponent = TOP;  // Infinite or no number.
    float power = float_of((BIAS + TOP - exponent) << 23);
    each([&](uint32_t& pair) {
      pair = round_pair<true>(number_in<false>(pair, 0) * power, number_in<false>(pair, 1) * power);
    });
    return Base::unit() * float_of((BIAS - TOP + exponent) << 23);
  }

  /** Goes past a tile that is of a number among all of the block's. */
  template <class Kind>
  __device__ __forceinline__ void attend(Kind kind, const Tile& tile, int32_t number) {
    int place = number % S::STAGES;
    uint32_t parity = number / S::STAGES % 2;
    unsigned char* keys = panels_ + place * S::STAGE_BYTES;
    unsigned char* values = keys + S::TILE_BYTES;
    auto& scales = shared_.scales[place];
    // What was there before is another team's: until that has left, a parity may mean a copy before.
    shared_.emptied[place].wait(parity ^ 1);
    shared_.filled[0][place].wait(parity);
    if (warp_key() < tile.count) {
      Logits logits;
      Weights weights;
      this->multiply_keys(kind, tile, keys, scales[0], *this, logits);
      shared_.filled[1][place].wait(parity);
      clear_values(kind, values, tile.count);
      if constexpr (Kind::CODES) this->scale(logits, scales[1], tile.count);
      this->template round<Kind::HALF_VALUES>(logits, weights);
      this->add_values(kind, values, weights);
    }
    __syncwarp();
    if (thread() % LANES == 0) shared_.emptied[place].arrive();
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
  QueryFragments queries_[STEPS];
  float units_[2]; /* of logits of codes, where queries were made F16 for them */
};

/** A block's share of all work: every gridDim.x-th piece. */
template <class S>
class DecodeBlock {
 public:
  __device__ DecodeBlock(const AttendArguments& a, int32_t pieces, DecodeShared<S>& shared,
                         unsigned char* panels)
      : a_(a), pieces_(pieces), shared_(shared), panels_(panels) {}

  __device__ __forceinline__ void run(const HopperMaps& maps) const {
    int warp = __shfl_sync(ALL_LANES, static_cast<int>(threadIdx.x) / LANES, 0);
    if (threadIdx.x == 0) begin_barriers();
    if (warp == S::WARPS) fetch_map(maps.history);
    __syncthreads();
    if (warp >= S::WARPS + 2) fetch(maps, warp - S::WARPS - 2);
    await_kernel_before();
    begin_next_kernel();
    if (warp >= S::WARPS) {
      fewer_registers<S::COPY_REGISTERS>();
      if (warp < S::WARPS + 2) copy(maps, warp - S::WARPS);
    } else {
      more_registers<S::LINE_REGISTERS>();
      attend();
    }
  }

 private:
  using Works = Turn<DecodeShared<S>::WORKS>;

  __device__ void begin_barriers() const {
    for (auto& found : shared_.found) found.begin(1);
    for (auto& done : shared_.done) done.begin(S::WARPS + 1);  // And the second copying warp.
    for (auto& filled : shared_.filled) {
      for (auto& barrier : filled) barrier.begin(1);
    }
    for (auto& emptied : shared_.emptied) emptied.begin(S::KEY_WARPS);
  }

  __device__ __forceinline__ static int32_t first() { return static_cast<int32_t>(blockIdx.x); }
  /** Beyond all pieces where there is none. */
  __device__ __forceinline__ int32_t next(int32_t piece) const {
    auto step = static_cast<int32_t>(gridDim.x);
    return piece < pieces_ - step ? piece + step : pieces_;
  }

  /** Before it is known that what is in memory stays: of the first piece. */
  __device__ __forceinline__ void fetch(const HopperMaps& maps, int part) const {
    BlockLines lines(a_, shared_.work[0]);
    DecodeCopies<S>(a_, maps, shared_, panels_, part).fetch(lines.piece(S::LINES, first()));
  }

  /** Of keys (part 0) or values (1). */
  __device__ __forceinline__ void copy(const HopperMaps& maps, int part) const {
    DecodeCopies<S> copies(a_, maps, shared_, panels_, part);
    Works works;
    for (int32_t number = first(); number < pieces_; number = next(number), works.next()) {
      BlockWork& work = shared_.work[works.place];
      BlockLines lines(a_, work);
      Piece piece = lines.piece(S::LINES, number);
      copies.look_up(piece);
      if (part == 0) {
        shared_.done[works.place].wait(works.parity ^ 1);
        if (threadIdx.x % LANES == 0) {
          lines.find(S::LINES, piece);
          shared_.found[works.place].arrive();
        }
        __syncwarp();
      } else {
        shared_.found[works.place].wait(works.parity);
      }
      copies.copy(work.tokens);
      __syncwarp();
      if (part > 0 && threadIdx.x % LANES == 0) shared_.done[works.place].arrive();
    }
  }

  __device__ __forceinline__ void attend() const {
    Works works;
    int32_t tiles = 0;
    for (int32_t number = first(); number < pieces_; number = next(number), works.next()) {
      shared_.found[works.place].wait(works.parity);
      DecodeLines<S>(a_, shared_.work[works.place], shared_, panels_).run(tiles);
      __syncwarp();
      if (threadIdx.x % LANES == 0) shared_.done[works.place].arrive();
    }
  }

  const AttendArguments& a_;
  const int32_t pieces_;
  DecodeShared<S>& shared_;
  unsigned char* const panels_;
};

template <class S>
__global__ void __launch_bounds__(S::THREADS, 1)
    attend_decode(const __grid_constant__ AttendArguments a,
                  const __grid_constant__ HopperMaps maps, int32_t pieces) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  TRIMTAB_DYNAMIC_SHARED(dynamic);
  __shared__ DecodeShared<S> shared;
  DecodeBlock<S>(a, pieces, shared, aligned_panels(dynamic)).run(maps);
#endif
}

}  // namespace trimtab
