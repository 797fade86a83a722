// Logits of a batch of queries over all keys of their head: what softmax scores, column sums and
// the selectivity index are made of.
#pragma once

#include <cuda_runtime.h>

#include "common/queries.cuh"
#include "score/tiles.cuh"

namespace trimtab {

/** Warps of a block, at most. */
constexpr int MOST_LOGIT_WARPS = 4;

/** Elements of a query that stays in registers, at most. */
constexpr int MOST_HELD = 4 * LANES;

/** A number of the same order as a float, NaN above all. */
TRIMTAB_INLINE uint32_t rising(float x) {
  uint32_t bits = bits_of(x);
  return x != x ? ~0u : bits ^ (bits >> 31 != 0 ? ~0u : 0x80000000u);
}

/** The float of such a number. */
TRIMTAB_INLINE float of_rising(uint32_t x) {
  if (x == ~0u) return quiet_nan();
  return float_of(x ^ (x >> 31 != 0 ? 0x80000000u : ~0u));
}

/** Logits of `count` queries from number `first` on. */
struct Logits {
  Queries queries;
  trimtab_pages history;
  trimtab_new_tokens fresh;
  int64_t most;  // tokens of a head, at most
  float scale;
  uint32_t operation;
  trimtab_status_word* status;
  int32_t first;
  int32_t count;     // at most BATCH
  float* logits;     // result [R,G,BATCH,most]: scale * q.k
  uint32_t* maxima;  // result [R,G,BATCH,most_parts()]: the largest of what the query sees, in
                     // parts(), each rising()
  int32_t* visible;  // result [R,G,BATCH]: how many tokens a query sees, the first ones
  int32_t warps;     // of a block
  int32_t blocks;    // of a head
  TileShape shape;

  /** Key/value heads. */
  constexpr int64_t heads() const { return queries.q.size[1] / queries.group; }

  /** Parts of a maximum: one a warp. */
  constexpr int32_t parts() const { return blocks * warps; }

  /** Whether queries stay in registers, and not keys that are too long for that in shared memory.
   */
  constexpr bool held() const { return shape.padded <= MOST_HELD; }

  /** Tiles of a warp in shared memory. */
  constexpr int32_t stages() const { return held() ? 2 : 1; }

  /** As many as there are tiles of a head, and one warp of a block for each but one. */
  constexpr int64_t most_parts() const { return most / TILE_KEYS + 2 + MOST_LOGIT_WARPS; }
};

/** Fills in what follows from the shapes. */
Logits logits_of(const Queries& queries, const trimtab_pages& history,
                 const trimtab_new_tokens& fresh, int64_t most, float scale, uint32_t operation,
                 trimtab_status_word* status);

/** Bytes of the results, together with what keeps them apart. */
uint64_t workspace_logits(const Logits& logits);

/** Lays the results into memory of that size. */
void place_logits(Logits& logits, char* workspace);

/** Chooses `warps` and `blocks` for the current device. */
cudaError_t spread_logits(Logits& logits);

cudaError_t launch_logits(const Logits& logits, cudaStream_t stream);

}  // namespace trimtab
