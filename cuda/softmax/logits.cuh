// Logits of a batch of queries over all keys of their head: what softmax scores, column sums and
// the selectivity index are made of.
#pragma once

#include <cuda_runtime.h>

#include "common/queries.cuh"

namespace trimtab {

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
  int32_t count;  // at most BATCH
  float* logits;  // result [R,G,BATCH,most]: scale * q.k
  float* maxima;  // result [R,G,BATCH,slots]: the largest of what the query sees, in parts

  /** Key/value heads. */
  constexpr int64_t heads() const { return queries.q.size[1] / queries.group; }

  /** Keys that a block holds in shared memory, one a thread. */
  constexpr int32_t keys_of_block() const { return keys_; }
  constexpr int32_t pitch() const { return pitch_; }

  /** Blocks over the keys of a head: history and new tokens begin in blocks of their own. */
  constexpr int64_t tiles() const { return (most + keys_ - 1) / keys_ + 1; }

  /** Parts of a maximum: one a warp. */
  constexpr int64_t slots() const { return tiles() * (keys_ / 32); }

  int32_t keys_;
  int32_t pitch_;  // bytes from key to key in shared memory
};

/** Fills in what follows from the shapes. */
Logits logits_of(const Queries& queries, const trimtab_pages& history,
                 const trimtab_new_tokens& fresh, int64_t most, float scale, uint32_t operation,
                 trimtab_status_word* status);

/** Bytes of `logits` and `maxima`, together with what keeps them apart. */
uint64_t workspace_logits(const Logits& logits);

/** Lays `logits` and `maxima` into memory of that size. */
void place_logits(Logits& logits, char* workspace);

cudaError_t launch_logits(const Logits& logits, cudaStream_t stream);

}  // namespace trimtab
