// Attention on tensor cores of sm_90a (wgmma) where many lines share a head's keys: of a block one
// warpgroup copies tokens into shared memory, the others take 64 lines each past them.
//
// A warpgroup's products run beside its own and the others' softmax: those of the next tile's keys
// are begun before the last tile's values, and while they run logits become weights. A block takes
// one piece of work after another, so that a piece's first tokens come while lines still are at the
// last.
//
// n lines, t tokens of d columns, a key/value head:
//   bytes  4 t d for every 128 lines, from L2 after the first; 4 n d and 4 n d once
//   FLOPs  4 n t d
//   bound  tensor cores; for 64 columns exp2 as much: 16 a cycle against 32 columns' products
// A product [64, 16] x [16, 128] takes 64 cycles and reads 4 KiB of keys or values and, of logits,
// 2 KiB of queries from shared memory, 48 cycles.
//
// On an H200, BF16, nothing masked; at full clocks, and where 700 W hold them down:
//   2 rows of 16 heads of 128 columns, 4096 lines x 10521 tokens   1157 us, 610 TFLOP/s   1275 us
//   the same lines x 4746 tokens                                    562 us, 567 TFLOP/s    606 us
//   2 rows of 16 heads of 64 columns, 4096 lines x 10521 tokens     821 us, 430 TFLOP/s    845 us
//   32 rows of 30 heads of 64 columns, 256 lines x 680 tokens       204 us, 209 TFLOP/s    204 us
//
// Errors are those of tiles.cuh.
#pragma once

#include "attend/hopper_copies.cuh"
#include "attend/softmax.cuh"
#include "common/launch.cuh"

namespace trimtab {

/** A warpgroup that takes 64 lines past all tokens. */
template <class S>
class HopperLines : BlockLines {
 public:
  __device__ HopperLines(const AttendArguments& a, HopperShared<S>& shared,
                         const HopperTiles<S>& tiles, BlockWork& work, int consumer)
      : BlockLines(a, work), shared_(shared), tiles_(tiles), consumer_(consumer) {}

  using Stages = Turn<S::STAGES>;

  __device__ __forceinline__ void run(Stages& keys, Stages& values) {
    if (is_beyond()) return;
    lines_.clear();
    if (work_.tokens.begin < work_.tokens.end) {
      load_queries();
      attend(keys, values);
    }
    finish();
  }

 private:
  static constexpr int KEY_TILES = S::KEYS / 8;
  static constexpr int COLUMN_TILES = S::COLUMNS / 8;
  static constexpr int KEY_STEPS = S::KEYS / 16;
  using Logits = float[KEY_TILES][4];
  using Weights = uint32_t[KEY_STEPS][4];

  static __device__ __forceinline__ int thread() {
    return static_cast<int>(threadIdx.x) % WARPGROUP;
  }
  /** Line g of a thread's two is at 0, g + 8 at 1. */
  __device__ __forceinline__ int line(int h) const {
    return consumer_ * S::GROUP_LINES + thread() / LANES * 16 + thread() % LANES / 4 + 8 * h;
  }
  __device__ __forceinline__ uint64_t ancestors(int line) const {
    return a_.op.mask == TRIMTAB_MASK_TREE ? shared_.ancestors[line] : 0;
  }

  __device__ void load_queries() const {
    // No warp is at the lines before these any more.
    meet(S::QUERIES + consumer_, WARPGROUP);
    constexpr int UNITS = S::COLUMNS / 8;
    int first = consumer_ * S::GROUP_LINES;
    unsigned char* to = tiles_.queries(consumer_);
    for (int i = thread(); i < S::GROUP_LINES * UNITS; i += WARPGROUP) {
      int place = place_of_unit(i / UNITS, i % UNITS, S::QUERY_PANEL_BYTES);
      *reinterpret_cast<uint4*>(to + place) = query_words(first + i / UNITS, i % UNITS * 8);
    }
    if (a_.op.mask == TRIMTAB_MASK_TREE && thread() < S::GROUP_LINES) {
      shared_.ancestors[first + thread()] = ancestors_of_line(first + thread());
    }
    publish_to_tensor_cores();
    meet(S::QUERIES + consumer_, WARPGROUP);
  }

  __device__ __forceinline__ void attend(Stages& keys, Stages& values) {
    Tiles<S::KEYS> order(work_.tokens);
    Tile tile = order.first();
    Logits logits;
    Weights weights;
    float kept[2];
    shared_.filled[0][keys.place].wait(keys.parity);
    multiply_keys(keys.place, logits);
    wait_products<0>(logits);
    release(0, keys);
    weigh(tile, logits, kept);
    round(logits, weights);
    tile = order.next(tile);
    while (tile.count > 0) {
      shared_.filled[0][keys.place].wait(keys.parity);
      multiply_keys(keys.place, logits);
      shared_.filled[1][values.place].wait(values.parity);
      add_values(values.place, weights);
      wait_products<1>(logits);
      release(0, keys);
      weigh(tile, logits, kept);
      wait_products<0>(lines_.out);
      release(1, values);
      lines_.keep(kept);
      round(logits, weights);
      tile = order.next(tile);
    }
    shared_.filled[1][values.place].wait(values.parity);
    add_values(values.place, weights);
    wait_products<0>(lines_.out);
    release(1, values);
  }

  /** This warp no longer reads a tile. */
  __device__ __forceinline__ void release(int part, Stages& stages) const {
    if (thread() % LANES == 0) shared_.emptied[part][stages.place].arrive();
    stages.next();
  }

  /** Begins the products of the queries and a tile's keys. */
  __device__ __forceinline__ void multiply_keys(int stage, Logits& logits) const {
    PanelMatrix queries(tiles_.queries(consumer_), S::QUERY_PANEL_BYTES);
    PanelMatrix keys(tiles_.tile(0, stage), S::TILE_PANEL_BYTES);
    before_products();
#pragma unroll
    for (int column = 0; column < S::COLUMNS; column += 16) {
      int panel = column / PANEL_COLUMNS;
      int bytes = column % PANEL_COLUMNS * 2;
      begin_product<S::HALF>(logits, queries.plus(panel * S::QUERY_PANEL_BYTES + bytes),
                             keys.plus(panel * S::TILE_PANEL_BYTES + bytes), column > 0);
    }
    commit_products();
  }

  /** Begins those of weights and a tile's values. */
  __device__ __forceinline__ void add_values(int stage, const Weights& weights) {
    PanelMatrix values(tiles_.tile(1, stage), S::TILE_PANEL_BYTES);
    before_products();
#pragma unroll
    for (int step = 0; step < KEY_STEPS; step++) {
      begin_product<S::HALF>(lines_.out, weights[step], values.plus(step * 16 * PANEL_PITCH));
    }
    commit_products();
  }

  __device__ __forceinline__ void weigh(const Tile& tile, Logits& logits, float (&kept)[2]) {
    if (!whole(tile, S::KEYS, consumer_ * S::GROUP_LINES)) hide_unseen(tile, logits);
    lines_.weigh(logits, unit(), kept);
  }

  __device__ __forceinline__ void hide_unseen(const Tile& tile, Logits& logits) const {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      uint64_t ancestors = this->ancestors(line(h));
#pragma unroll
      for (int from = 0; from < S::KEYS; from += 64) {
        uint64_t seen = this->seen(tile, from, line(h), ancestors) >> thread() % 4 * 2;
#pragma unroll
        for (int n = 0; n < 8 && from / 8 + n < KEY_TILES; n++) {
#pragma unroll
          for (int i = 0; i < 2; i++) {
            if ((seen >> (8 * n + i) & 1) == 0) logits[from / 8 + n][2 * h + i] = -infinity();
          }
        }
      }
    }
  }

  static __device__ __forceinline__ void round(const Logits& logits, Weights& weights) {
#pragma unroll
    for (int step = 0; step < KEY_STEPS; step++) {
      round_weights<S::HALF>(logits, step, weights[step]);
    }
  }

  __device__ void finish() const {
#pragma unroll
    for (int h = 0; h < 2; h++) {
      PartialSum sum{lines_.max[h], line_sum(lines_.sum[h])};
      if (!exists(line(h))) continue;
      LineOutput output(*this, line(h), ancestors(line(h)), sum, thread() % 4 == 0);
#pragma unroll
      for (int t = 0; t < COLUMN_TILES; t++) {
        output.put(8 * t + thread() % 4 * 2, lines_.out[t][2 * h], lines_.out[t][2 * h + 1]);
      }
    }
  }

  HopperShared<S>& shared_;
  const HopperTiles<S> tiles_;
  const int consumer_;
  Lines<COLUMN_TILES> lines_;
};

/** A block's share of all work: every gridDim.x-th piece. */
template <class S>
class HopperBlock {
 public:
  __device__ HopperBlock(const AttendArguments& a, const HopperMaps& maps, int32_t pieces,
                         HopperShared<S>& shared, unsigned char* dynamic)
      : a_(a), maps_(maps), pieces_(pieces), shared_(shared), tiles_(dynamic) {}

  __device__ __forceinline__ void run() const {
    if (threadIdx.x == 0) begin_barriers();
    __syncthreads();
    int group = __shfl_sync(ALL_LANES, static_cast<int>(threadIdx.x) / WARPGROUP, 0);
    if (group == 0) {
      fewer_registers<S::COPY_REGISTERS>();
      copy();
    } else {
      more_registers<S::LINE_REGISTERS>();
      attend(group - 1);
    }
  }

 private:
  __device__ void begin_barriers() const {
    constexpr int WARPS = S::CONSUMERS * WARPGROUP / LANES;
    for (int i = 0; i < WORKS; i++) {
      shared_.found[i].begin(1);
      shared_.done[i].begin(WARPS);
    }
    for (int part = 0; part < 2; part++) {
      for (int stage = 0; stage < S::STAGES; stage++) {
        shared_.filled[part][stage].begin(HopperCopies<S>::WARPS);
        shared_.emptied[part][stage].begin(WARPS);
      }
    }
  }

  __device__ __forceinline__ static int32_t first() { return static_cast<int32_t>(blockIdx.x); }
  /** Beyond all pieces where there is none. */
  __device__ __forceinline__ int32_t next(int32_t piece) const {
    auto step = static_cast<int32_t>(gridDim.x);
    return piece < pieces_ - step ? piece + step : pieces_;
  }

  /** The first thread finds a piece once lines have left the one before the last; copying warps
   * have left the last. */
  __device__ __forceinline__ void copy() const {
    Turn<WORKS> works;
    Turn<S::STAGES> stages;
    for (int32_t piece = first(); piece < pieces_; piece = next(piece), works.next()) {
      BlockWork& work = shared_.work[works.place];
      if (threadIdx.x == 0) {
        shared_.done[works.place].wait(works.parity ^ 1);
        BlockLines lines(a_, work);
        lines.find(S::LINES, lines.piece(S::LINES, piece));
        find_places(a_.op, work.tokens);
        shared_.found[works.place].arrive();
      }
      meet(S::COPIES, WARPGROUP);
      HopperCopies<S>(a_, shared_, tiles_, maps_, work.tokens).run(stages);
    }
  }

  __device__ __forceinline__ void attend(int consumer) const {
    Turn<WORKS> works;
    Turn<S::STAGES> keys, values;
    for (int32_t piece = first(); piece < pieces_; piece = next(piece), works.next()) {
      shared_.found[works.place].wait(works.parity);
      HopperLines<S>(a_, shared_, tiles_, shared_.work[works.place], consumer).run(keys, values);
      __syncwarp();
      if (threadIdx.x % LANES == 0) shared_.done[works.place].arrive();
    }
  }

  const AttendArguments& a_;
  const HopperMaps& maps_;
  const int32_t pieces_;
  HopperShared<S>& shared_;
  const HopperTiles<S> tiles_;
};

template <class S>
__global__ void __launch_bounds__(S::THREADS, 1)
    attend_hopper(const __grid_constant__ AttendArguments a,
                  const __grid_constant__ HopperMaps maps, int32_t pieces) {
#if !defined(__CUDACC__) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
  TRIMTAB_DYNAMIC_SHARED(dynamic);
  __shared__ HopperShared<S> shared;
  HopperBlock<S>(a, maps, pieces, shared, dynamic).run();
#endif
}

}  // namespace trimtab
