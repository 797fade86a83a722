// Pooling by itself: a thread a token. Bytes: each score read about once from the L2 cache and
// written once; bound by launch at these sizes.
#include "score/pool.cuh"

#include "common/launch.cuh"

namespace trimtab {

namespace {

constexpr int THREADS = 256;

__global__ void __launch_bounds__(THREADS)
    pool(const __grid_constant__ PlainScores scores, int32_t tiles) {
  __shared__ int32_t in_window[THREADS];
  const Finish& finish = scores.finish;
  Notes notes{scores.status, scores.operation};
  const int64_t* size = finish.scores.size;
  begin_next_kernel();
  await_kernel_before();
  auto base = static_cast<int32_t>(blockIdx.x % tiles) * THREADS;
  auto head = static_cast<int32_t>(blockIdx.x / tiles % size[1]);
  auto row = static_cast<int32_t>(blockIdx.x / tiles / size[1]);
  int32_t tokens = tokens_of(scores.history, scores.fresh, row, head, size[2], notes).all();
  mark_window(finish, row, tokens, Stretch(finish, base, THREADS, nullptr, in_window), notes);
  int32_t t = base + static_cast<int32_t>(threadIdx.x);
  if (t >= size[2]) return;
  const float* plain = scores.plain + (row * size[1] + head) * size[2];
  float score = finish.past;
  if (t < tokens && in_window[t - base]) {
    score = -infinity();
  } else if (t < tokens) {
    int64_t from = int64_t{t} - finish.reach();
    int64_t to = int64_t{t} + finish.reach();
    score = pooled(finish, static_cast<int32_t>(max(from, int64_t{0})),
                   static_cast<int32_t>(min(to, int64_t{tokens} - 1)), from < 0 || to >= tokens,
                   [&](int32_t token) { return plain[token]; });
  }
  row_of(finish.scores, row, head)[t] = score;
}

}  // namespace

cudaError_t launch_pool(const PlainScores& scores, cudaStream_t stream) {
  const int64_t* size = scores.finish.scores.size;
  auto tiles = static_cast<int32_t>((size[2] + THREADS - 1) / THREADS);
  return launch(pool, {blocks_of(size[0] * size[1] * tiles), dim3(THREADS), 0, true}, stream,
                scores, tiles);
}

}  // namespace trimtab
