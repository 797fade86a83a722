// Compact: a block takes some places of one head's list; layers and rows are rows of the tables, so
// one launch moves any number of them. The block of a head's first places counts its tokens.
//
// Bytes: keys and values of the kept tokens read once and written once, and their indices. Bound by
// memory. Held back by 24 warps a processor, whose loads follow two others: of the index and of its
// page.
#include "compact/compact.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "compact/survivors.cuh"

namespace trimtab {

namespace {

constexpr int THREADS = 256;
constexpr int PLACES = 64;  // of a block

/** The number of indices before the first -1; notes what follows it. All threads call. */
__device__ int32_t count_kept(const int32_t* indices, int32_t places, int64_t index,
                              const Notes& notes) {
  __shared__ int32_t first_absent;
  __syncthreads();
  if (threadIdx.x == 0) first_absent = places;
  __syncthreads();
  for (auto i = static_cast<int32_t>(threadIdx.x); i < places; i += THREADS) {
    if (indices[i] < 0) {
      atomicMin(&first_absent, i);
      notes.inside(TRIMTAB_ARGUMENT_INDICES, index + i, indices[i], -1, INT32_MAX);
    } else if (i > 0 && indices[i - 1] < 0) {
      notes.inside(TRIMTAB_ARGUMENT_INDICES, index + i, indices[i], -1, -1);
    }
  }
  __syncthreads();
  return first_absent;
}

/** Writes the length of a head's list, or, where another head does, compares with it. */
__device__ void count_list(const trimtab_compact_params& params, int32_t row, int32_t head,
                           const Notes& notes) {
  auto places = static_cast<int32_t>(params.indices.size[2]);
  int64_t heads = params.indices.size[1];
  int64_t index = (row * heads + head) * places;
  int32_t kept = count_kept(ids_of(params.indices, row, head), places, index, notes);
  if (params.target.table.size[1] == 1 && head > 0) {
    int32_t expected =
        count_kept(ids_of(params.indices, row, 0), places, row * heads * places, notes);
    if (threadIdx.x == 0 && kept != expected) {
      notes.bad(TRIMTAB_ARGUMENT_INDICES, TRIMTAB_PROBLEM_UNEQUAL, row * heads + head, kept);
    }
  } else if (threadIdx.x == 0) {
    at(params.target.lengths, row, head) = kept;
  }
}

template <class Way>
__global__ void __launch_bounds__(THREADS, 3)
    compact(const __grid_constant__ trimtab_compact_params params, unsigned slices) {
  Notes notes{params.common.status, TRIMTAB_OPERATION_COMPACT};
  await_kernel_before();
  begin_next_kernel();
  auto heads = static_cast<unsigned>(params.indices.size[1]);
  auto places = static_cast<int32_t>(params.indices.size[2]);
  auto first = static_cast<int32_t>(blockIdx.x % slices * PLACES);
  auto head = static_cast<int32_t>(blockIdx.x / slices % heads);
  auto row = static_cast<int32_t>(blockIdx.x / slices / heads);
  if (first == 0) count_list(params, row, head, notes);
  TokenCounts counts = tokens_of(params.history, params.fresh, row, head, INT32_MAX, notes);
  Survivors survivors{params.history, params.fresh, params.target};
  copy_survivors<Way>({survivors, row, head, counts}, ids_of(params.indices, row, head),
                      (int64_t{row} * heads + head) * places, first, min(first + PLACES, places),
                      notes);
}

}  // namespace

uint64_t workspace_compact(const trimtab_compact_params&) { return 0; }

cudaError_t launch_compact(const trimtab_compact_params& params, cudaStream_t stream) {
  const int64_t* size = params.indices.size;
  // One slice at least: lists that keep nothing have their lengths written too.
  int64_t slices = std::max<int64_t>((size[2] + PLACES - 1) / PLACES, 1);
  int64_t blocks = size[0] * size[1] * slices;
  if (blocks == 0) return cudaSuccess;
  return on_their_way(params.history, params.fresh, params.target.dtype, [&](auto way) {
    return launch(compact<decltype(way)>, {blocks_of(blocks), dim3(THREADS), 0, true}, stream,
                  params, slices);
  });
}

}  // namespace trimtab
