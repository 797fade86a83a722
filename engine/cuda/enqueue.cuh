// How the engine's kernels are spread over threads.
#pragma once

#include <utility>

#include "common/launch.cuh"
#include "engine.h"

namespace engine {

constexpr int THREADS = 256;
constexpr int WARP = 32;

template <typename... Parameters, typename... Arguments>
int enqueue(void* stream, void (*kernel)(Parameters...), const trimtab::Grid& grid,
            Arguments&&... arguments) {
  return trimtab::launch(kernel, grid, static_cast<cudaStream_t>(stream),
                         std::forward<Arguments>(arguments)...);
}

// Blocks for that many threads.
inline trimtab::Grid threads(int64_t count) {
  return {trimtab::blocks_of((count + THREADS - 1) / THREADS), dim3(THREADS)};
}

// Blocks for that many warps.
inline trimtab::Grid warps(int64_t count) { return threads(count * WARP); }

__device__ inline int64_t thread_number() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ inline int lane_number() { return static_cast<int>(threadIdx.x % WARP); }

__device__ inline float warp_sum(float value) {
  for (int offset = WARP / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  return value;
}

}  // namespace engine
