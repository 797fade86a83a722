// Select: one block a head. Its row lies in registers as ordered keys, so scores are read once;
// keys of rows beyond 4096 tokens lie in shared memory, beyond 13312 in the workspace.
//
// Bytes: 4 a score and 4 an index, in the L2 cache; 2 or 3 radix rounds and 2 passes over the keys.
// Bound by latency: barriers and the first reads hold it back.
#include "select/select.cuh"

#include "common/launch.cuh"
#include "common/ticket.cuh"
#include "select/choose.cuh"

namespace trimtab {

namespace {

__device__ int32_t tokens_of(const trimtab_select_params& params, int32_t row, int32_t head,
                             const Notes& notes) {
  auto most = static_cast<int32_t>(params.scores.size[2]);
  if (!has(params.lengths)) return most;
  bool by_head = params.lengths.rank == 2;
  int32_t tokens = by_head ? at(params.lengths, row, head) : at(params.lengths, row);
  int64_t index = by_head ? row * params.lengths.size[1] + head : row;
  return notes.inside(TRIMTAB_ARGUMENT_LENGTHS, index, tokens, 0, most) ? tokens : 0;
}

template <class Keys>
__global__ void __launch_bounds__(Keys::THREADS, 1024 / Keys::THREADS)
    select(const __grid_constant__ trimtab_select_params params) {
  TRIMTAB_DYNAMIC_SHARED(shared_keys);
  __shared__ ChooseShared<Keys::THREADS> shared;
  __shared__ typename Keys::Shared shared_window;
  Notes notes{params.common.status, TRIMTAB_OPERATION_SELECT};
  await_kernel_before();
  begin_next_kernel();
  const int64_t* size = params.scores.size;
  auto heads = static_cast<unsigned>(size[1]);
  auto row = static_cast<int32_t>(blockIdx.x / heads);
  auto head = static_cast<int32_t>(blockIdx.x % heads);
  auto* memory = reinterpret_cast<uint32_t*>(shared_keys);
  if (size[2] > MOST_SHARED_KEYS) {
    memory = reinterpret_cast<uint32_t*>(scratch(params.common)) + blockIdx.x * size[2];
  }
  Candidates candidates{row_of(params.scores, row, head), params.window, row,
                        tokens_of(params, row, head, notes)};
  Keys keys;
  int32_t in_window = keys.fill(candidates, shared_window, memory, notes, [] {});
  int32_t list = params.capacity.size[1] == 1 ? 0 : head;
  int32_t capacity = at(params.capacity, row, list);
  auto places = static_cast<int32_t>(params.indices.size[2]);
  bool good = notes.inside(TRIMTAB_ARGUMENT_CAPACITY, row * params.capacity.size[1] + list,
                           capacity, in_window, places);
  int32_t kept = good ? min(capacity, candidates.tokens) : 0;
  int32_t* indices = ids_of(params.indices, row, head);
  choose(shared, keys, candidates.tokens, kept,
         [&](int32_t place, int32_t token) { indices[place] = token; });
  for (int32_t i = kept + static_cast<int32_t>(threadIdx.x); i < places; i += Keys::THREADS) {
    indices[i] = -1;
  }
}

}  // namespace

uint64_t workspace_select(const trimtab_select_params& params) {
  const int64_t* size = params.scores.size;
  return workspace_keys(size[0] * size[1], size[2]);
}

cudaError_t launch_select(const trimtab_select_params& params, cudaStream_t stream) {
  const int64_t* size = params.scores.size;
  if (size[0] * size[1] == 0) return cudaSuccess;
  return with_keys(size[2], [&](auto keys) {
    using Keys = decltype(keys);
    return launch(
        select<Keys>,
        {blocks_of(size[0] * size[1]), dim3(Keys::THREADS), shared_key_bytes(size[2]), true},
        stream, params);
  });
}

}  // namespace trimtab
