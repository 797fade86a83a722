// Attention of few lines over long histories on sm_90a: decoding. Memory is the bound, so two warps
// of a block do nothing but begin copies, in boxes and as early as there is room for them, and go
// on with the block's next piece of work while the others are at the last.
//
// The others take turns at tiles, each of which its lines go past alone: warps that share one would
// wait for each other. They are two teams with a piece of work each, so that one joins its sums
// while the other multiplies.
//
// n lines, t tokens of d columns of b bytes, a key/value head:
//   bytes  2 t d b, once; of codes 4 t more for scales
//   bound  memory, of which a multiprocessor has 176 KiB there or on their way
//
// Errors are those of tiles.cuh.
#pragma once

#include "attend/decode_copies.cuh"
#include "attend/decode_lines.cuh"
#include "common/launch.cuh"

namespace trimtab {

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
    if (warp >= S::WARPS) {
      fewer_registers<S::COPY_REGISTERS>();
      if (warp >= S::WARPS + 2) return;
      copy(maps, warp - S::WARPS);
    } else {
      more_registers<S::LINE_REGISTERS>();
      await_kernel_before();
      begin_next_kernel();
      attend(warp / S::TEAM_WARPS);
    }
  }

 private:
  using Works = Turn<DecodeShared<S>::WORKS>;

  __device__ void begin_barriers() const {
    for (auto& found : shared_.found) found.begin(1);
    for (auto& done : shared_.done) done.begin(S::TEAM_WARPS + 1);  // And the second copying warp.
    for (auto& filled : shared_.filled) {
      for (auto& barrier : filled) barrier.begin(1);
    }
    for (auto& emptied : shared_.emptied) emptied.begin(LANES);
  }

  __device__ __forceinline__ static int32_t first() { return static_cast<int32_t>(blockIdx.x); }
  /** Beyond all pieces where there is none. */
  __device__ __forceinline__ int32_t next(int32_t piece) const {
    auto step = static_cast<int32_t>(gridDim.x);
    return piece < pieces_ - step ? piece + step : pieces_;
  }

  /** Fetches what the first piece's copies wait for, its first tiles, and its queries, which are
   * far from the L2 cache where the kernel before did not write them. */
  __device__ __forceinline__ void fetch_first(const DecodeCopies<S>& copies, int part) const {
    BlockLines lines(a_, shared_.work[0]);
    Piece piece = lines.piece(S::LINES, first());
    if (part == 1) lines.fetch_queries(S::LINES, piece);
    if (!has(a_.op.history)) return;
    HeadPages pages = copies.pages_of(piece);
    if (part == 0) copies.fetch_ids(pages);
    copies.fetch_tiles(pages, piece);
  }

  /** Of keys (part 0) or values (1). */
  __device__ __forceinline__ void copy(const HopperMaps& maps, int part) const {
    DecodeCopies<S> copies(a_, maps, shared_, panels_, part);
    Works works;
    int32_t tiles = 0;
    fetch_first(copies, part);
    await_kernel_before();
    begin_next_kernel();
    for (int32_t number = first(); number < pieces_; number = next(number), works.next()) {
      BlockWork& work = shared_.work[works.place];
      BlockLines lines(a_, work);
      Piece piece = lines.piece(S::LINES, number);
      HeadPages pages = copies.pages_of(piece);
      if (has(a_.op.history)) copies.look_up(pages, piece);
      if (part == 0) {
        // One lane waits: the others could come when the piece, too, is done.
        if (threadIdx.x % LANES == 0) {
          shared_.done[works.place].wait(works.parity ^ 1);
          lines.find(S::LINES, piece);
          shared_.first_tile[works.place] = tiles;
          tiles += DecodeTiles<S>(work.tokens).count();
          shared_.found[works.place].arrive();
        }
        __syncwarp();
      } else {
        shared_.found[works.place].wait(works.parity);
      }
      copies.copy(pages, work.tokens);
      __syncwarp();
      if (part > 0 && threadIdx.x % LANES == 0) shared_.done[works.place].arrive();
    }
  }

  __device__ __forceinline__ void attend(int team) const {
    Works works;
    for (int32_t number = first(); number < pieces_; number = next(number), works.next()) {
      if (works.place % S::TEAMS != team) continue;
      BlockWork& work = shared_.work[works.place];
      shared_.found[works.place].wait(works.parity);
      DecodeLines<S>(a_, work, shared_, panels_).run(shared_.first_tile[works.place]);
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
