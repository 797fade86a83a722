// Evict: the scoring launch, then one that selects and copies. Where heads are few, up to four
// blocks share one: each selects for itself, which costs less than telling one another, and copies
// its part of the survivors. Where rows are short, blocks are small, so that a processor holds
// several: a block of 16 warps with its registers fills one.
//
// In softmax mode scoring is three launches for every 16 queries: weights need the sum of a query's
// exponentials, and that the largest of its logits, each known when every block of a list is
// through. The last block could go on alone, which saves a launch and leaves most processors idle.
//
// Bytes: keys read once for the scores, keys and values of survivors read and written. At one
// layer's sizes both launches are bound by latency: lengths, pages, keys follow one another, and
// selection's rounds meet at barriers.
#include "evict/evict.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "compact/survivors.cuh"
#include "score/score.cuh"
#include "select/choose.cuh"

namespace trimtab {

namespace {

constexpr int MOST_SPLITS = 4;

/** Where one head of an eviction stands. */
struct Head {
  int32_t row, head;
  TokenCounts counts;
  int32_t capacity;  // not checked

  __device__ Head(const trimtab_evict_params& params, int32_t row, int32_t head, const Notes& notes)
      : row(row), head(head) {
    const trimtab_scoring& scoring = params.scoring;
    counts = tokens_of(scoring.history, scoring.fresh, row, head, scoring.scores.size[2], notes);
    capacity = at(params.capacity, row, list_of(params.target, head));
  }

  /** How many tokens stay; none where the capacity is bad. */
  __device__ int32_t kept(const trimtab_evict_params& params, int32_t least,
                          const Notes& notes) const {
    int64_t index = row * params.capacity.size[1] + list_of(params.target, head);
    bool good =
        notes.inside(TRIMTAB_ARGUMENT_CAPACITY, index, capacity, least, params.indices.size[2]);
    return good ? min(capacity, counts.all()) : 0;
  }
};

/** Writes the length of a head's list, or, where head 0 does, compares with it. */
__device__ void write_length(const trimtab_evict_params& params, const Head& head, int32_t kept,
                             int32_t least, const Notes& notes) {
  if (head.head == 0 || params.target.table.size[1] > 1) {
    at(params.target.lengths, head.row, head.head) = kept;
  } else if (Head(params, head.row, 0, notes).kept(params, least, notes) != kept) {
    notes.bad(TRIMTAB_ARGUMENT_HISTORY_LENGTHS, TRIMTAB_PROBLEM_UNEQUAL,
              head.row * params.scoring.scores.size[1] + head.head, kept);
  }
}

template <class Keys, class Way>
__global__ void __launch_bounds__(Keys::THREADS, Keys::THREADS == FEW_THREADS ? 7 : 1)
    select_and_copy(const __grid_constant__ trimtab_evict_params params, int32_t splits) {
  TRIMTAB_DYNAMIC_SHARED(shared_keys);
  __shared__ ChooseShared<Keys::THREADS> shared;
  __shared__ typename Keys::Shared shared_window;
  const trimtab_scoring& scoring = params.scoring;
  Notes notes{params.common.status, TRIMTAB_OPERATION_EVICT};
  const int64_t* size = scoring.scores.size;
  auto split = static_cast<int32_t>(blockIdx.x % splits);
  auto heads = static_cast<unsigned>(size[1]);
  Head head(params, static_cast<int32_t>(blockIdx.x / splits / heads),
            static_cast<int32_t>(blockIdx.x / splits % heads), notes);
  auto* memory = reinterpret_cast<uint32_t*>(shared_keys);
  if (size[2] > MOST_SHARED_KEYS) {
    memory = reinterpret_cast<uint32_t*>(scratch(params.common)) + blockIdx.x * size[2];
  }
  Candidates candidates{row_of(scoring.scores, head.row, head.head), scoring.window, head.row,
                        head.counts.all()};
  Keys keys;
  int32_t in_window =
      keys.fill(candidates, shared_window, memory, notes, [] { await_kernel_before(); });
  begin_next_kernel();
  int32_t kept = head.kept(params, in_window, notes);
  auto first = static_cast<int32_t>(int64_t{kept} * split / splits);
  auto end = static_cast<int32_t>(int64_t{kept} * (split + 1) / splits);
  int32_t* indices = ids_of(params.indices, head.row, head.head);
  choose(shared, keys, candidates.tokens, kept, [&](int32_t place, int32_t token) {
    if (place >= first && place < end) indices[place] = token;
  });
  if (split == 0) {
    auto places = static_cast<int32_t>(params.indices.size[2]);
    for (int32_t i = kept + static_cast<int32_t>(threadIdx.x); i < places; i += Keys::THREADS) {
      indices[i] = -1;
    }
  }
  __syncthreads();
  Survivors survivors{scoring.history, scoring.fresh, params.target};
  copy_survivors<Way>({survivors, head.row, head.head, head.counts}, indices, 0, first, end, notes);
  if (split == 0 && threadIdx.x == 0) write_length(params, head, kept, in_window, notes);
}

}  // namespace

// Scoring is over when keys are filled: both may use the same memory.
uint64_t workspace_evict(const trimtab_evict_params& params) {
  const int64_t* size = params.scoring.scores.size;
  return std::max(workspace_scoring(params.scoring),
                  workspace_keys(size[0] * size[1] * MOST_SPLITS, size[2]));
}

cudaError_t launch_evict(const trimtab_evict_params& params, cudaStream_t stream) {
  const int64_t* size = params.scoring.scores.size;
  if (size[0] * size[1] == 0) return cudaSuccess;
  cudaError_t error =
      launch_scoring(params.common, params.scoring, TRIMTAB_OPERATION_EVICT, stream);
  if (error != cudaSuccess) return error;
  Limits device{};
  if (error = limits(&device); error != cudaSuccess) return error;
  int64_t heads = size[0] * size[1];
  auto splits = std::clamp<int64_t>(device.processors / heads, 1, MOST_SPLITS);
  return with_keys(size[2], [&](auto keys) {
    using Keys = decltype(keys);
    Grid grid{blocks_of(heads * splits), dim3(Keys::THREADS), shared_key_bytes(size[2]),
              size[2] > 0};
    return on_their_way(
        params.scoring.history, params.scoring.fresh, params.target.dtype, [&](auto way) {
          return launch(select_and_copy<Keys, decltype(way)>, grid, stream, params, splits);
        });
  });
}

}  // namespace trimtab
