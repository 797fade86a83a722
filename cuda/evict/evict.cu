// Evict: the scoring launch, then one that selects and copies. Four blocks share a head: each
// selects for itself, which costs less than telling one another, and copies a quarter of the
// survivors.
//
// In softmax mode scoring is three launches for every 16 queries: weights need the sum of a query's
// exponentials, and that the largest of its logits, each known when every block of a list is
// through. The last block could go on alone, which saves a launch and leaves most processors idle.
//
// Infinity-2B, 2954 -> 650 tokens of 32 lists (16 heads x 128, 2 rows), BF16: keys read once for
// the scores, keys and values of survivors read and written: 45 MB, on an H200 30.7 us, 11 as a
// copy. Scoring takes 16 of them, selecting and copying 17, by a block of 16 warps a processor: its
// 128 registers allow no second one.
#include "evict/evict.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "compact/survivors.cuh"
#include "score/score.cuh"
#include "select/choose.cuh"

namespace trimtab {

namespace {

constexpr int SPLITS = 4;

/** Where one head of an eviction stands. */
struct Head {
  int32_t row, head;
  TokenCounts counts;
};

/** How many tokens of a head stay; none where the capacity is bad. */
__device__ int32_t kept_of(const trimtab_evict_params& params, const Head& head, int32_t least,
                           const Notes& notes) {
  int32_t list = list_of(params.target, head.head);
  int32_t capacity = at(params.capacity, head.row, list);
  bool good = notes.inside(TRIMTAB_ARGUMENT_CAPACITY, head.row * params.capacity.size[1] + list,
                           capacity, least, params.indices.size[2]);
  return good ? min(capacity, head.counts.all()) : 0;
}

/** Writes the length of a head's list, or, where head 0 does, compares with it. */
__device__ void write_length(const trimtab_evict_params& params, const Head& head, int32_t kept,
                             int32_t least, const Notes& notes) {
  const trimtab_scoring& scoring = params.scoring;
  if (head.head == 0 || params.target.table.size[1] > 1) {
    at(params.target.lengths, head.row, head.head) = kept;
    return;
  }
  int64_t most = scoring.scores.size[2];
  Head first{head.row, 0, tokens_of(scoring.history, scoring.fresh, head.row, 0, most, notes)};
  if (kept_of(params, first, least, notes) != kept) {
    notes.bad(TRIMTAB_ARGUMENT_HISTORY_LENGTHS, TRIMTAB_PROBLEM_UNEQUAL,
              head.row * scoring.scores.size[1] + head.head, kept);
  }
}

template <class Way>
__global__ void __launch_bounds__(CHOOSE_THREADS, 1)
    select_and_copy(const __grid_constant__ trimtab_evict_params params) {
  TRIMTAB_DYNAMIC_SHARED(shared_keys);
  __shared__ ChooseShared shared;
  const trimtab_scoring& scoring = params.scoring;
  Notes notes{params.common.status, TRIMTAB_OPERATION_EVICT};
  const int64_t* size = scoring.scores.size;
  auto split = static_cast<int32_t>(blockIdx.x % SPLITS);
  auto heads = static_cast<unsigned>(size[1]);
  Head head{static_cast<int32_t>(blockIdx.x / SPLITS / heads),
            static_cast<int32_t>(blockIdx.x / SPLITS % heads),
            {}};
  head.counts = tokens_of(scoring.history, scoring.fresh, head.row, head.head, size[2], notes);
  auto* keys = reinterpret_cast<uint32_t*>(shared_keys);
  if (size[2] > MOST_SHARED_KEYS) {
    keys = reinterpret_cast<uint32_t*>(scratch(params.common)) + blockIdx.x * size[2];
  }
  Candidates candidates{row_of(scoring.scores, head.row, head.head), scoring.window, head.row,
                        head.counts.all()};
  int32_t in_window = fill_keys(candidates, keys, notes);
  int32_t kept = kept_of(params, head, in_window, notes);
  if (split == 0 && threadIdx.x == 0) write_length(params, head, kept, in_window, notes);
  auto first = static_cast<int32_t>(int64_t{kept} * split / SPLITS);
  auto end = static_cast<int32_t>(int64_t{kept} * (split + 1) / SPLITS);
  int32_t* indices = ids_of(params.indices, head.row, head.head);
  choose(shared, keys, candidates.tokens, kept, [&](int32_t place, int32_t token) {
    if (place >= first && place < end) indices[place] = token;
  });
  if (split == 0) {
    auto places = static_cast<int32_t>(params.indices.size[2]);
    for (int32_t i = kept + static_cast<int32_t>(threadIdx.x); i < places; i += CHOOSE_THREADS) {
      indices[i] = -1;
    }
  }
  __syncthreads();
  Survivors survivors{scoring.history, scoring.fresh, params.target};
  copy_survivors<Way>({survivors, head.row, head.head, head.counts}, indices, 0, first, end, notes);
}

}  // namespace

// Scoring is over when keys are filled: both may use the same memory.
uint64_t workspace_evict(const trimtab_evict_params& params) {
  const int64_t* size = params.scoring.scores.size;
  return std::max(workspace_scoring(params.scoring),
                  workspace_keys(size[0] * size[1] * SPLITS, size[2]));
}

cudaError_t launch_evict(const trimtab_evict_params& params, cudaStream_t stream) {
  const int64_t* size = params.scoring.scores.size;
  if (size[0] * size[1] == 0) return cudaSuccess;
  cudaError_t error =
      launch_scoring(params.common, params.scoring, TRIMTAB_OPERATION_EVICT, stream);
  if (error != cudaSuccess) return error;
  Grid grid{blocks_of(size[0] * size[1] * SPLITS), dim3(CHOOSE_THREADS), shared_key_bytes(size[2])};
  return on_their_way(
      params.scoring.history, params.scoring.fresh, params.target.dtype,
      [&](auto way) { return launch(select_and_copy<decltype(way)>, grid, stream, params); });
}

}  // namespace trimtab
