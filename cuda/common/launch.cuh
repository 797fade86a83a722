// How kernels are launched: with CUDA, and where the emulation runs them.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "common/limits.cuh"

namespace trimtab {

struct Grid {
  dim3 blocks;
  dim3 threads;
  unsigned shared_bytes = 0;  // of dynamic shared memory
  bool early = false;         // may begin before the kernel before it ends, for which it then waits
};

// That many blocks in a row; more than CUDA runs becomes a shape that the launch refuses.
inline dim3 blocks_of(int64_t count) {
  return dim3(count > INT32_MAX ? 0 : static_cast<unsigned>(count));
}

// Dynamic shared memory that a block may use without being asked for: of the 48 KiB that CUDA
// grants, static shared memory takes its part. More needs the kernel's consent.
constexpr unsigned PLAIN_SHARED_BYTES = 32 * 1024;

// Enqueues kernel(arguments...) on a stream of the current device; arguments are converted to the
// kernel's parameter types.
template <typename... Parameters, typename... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), const Grid& grid, cudaStream_t stream,
                   Arguments&&... arguments) {
#if defined(__CUDACC__)
  if (grid.shared_bytes > PLAIN_SHARED_BYTES) {
    // Always to the most there is: the consent is the kernel's, not the launch's, and another
    // thread may launch it with other sizes meanwhile.
    auto* function = reinterpret_cast<const void*>(kernel);
    Limits device{};
    cudaFuncAttributes attributes{};
    cudaError_t error = limits(&device);
    if (error == cudaSuccess) error = cudaFuncGetAttributes(&attributes, function);
    if (error == cudaSuccess) {
      error =
          cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               device.block_shared - static_cast<int>(attributes.sharedSizeBytes));
    }
    if (error != cudaSuccess) {
      return error;
    }
  }
  cudaLaunchConfig_t config{};
  config.gridDim = grid.blocks;
  config.blockDim = grid.threads;
  config.dynamicSmemBytes = grid.shared_bytes;
  config.stream = stream;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  config.attrs = &attribute;
  config.numAttrs = grid.early ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel,
                            static_cast<Parameters>(std::forward<Arguments>(arguments))...);
#else
  return emulation::launch(
      {grid.blocks, grid.threads, grid.shared_bytes}, stream,
      [kernel, ... values = static_cast<Parameters>(std::forward<Arguments>(arguments))] {
        kernel(values...);
      });
#endif
}

// Whether kernels can begin early at all.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
constexpr bool BEGIN_EARLY = false;
#else
constexpr bool BEGIN_EARLY = true;
#endif

// Lets a kernel that may begin early do so, as soon as all blocks of this one have come here.
__device__ __forceinline__ void begin_next_kernel() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// Waits for the end of the kernel before this one, if this one began early, and sees what it wrote.
__device__ __forceinline__ void await_kernel_before() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

}  // namespace trimtab

// Declares `name`, the block's dynamic shared memory as bytes aligned to 16.
#if defined(__CUDACC__)
#define TRIMTAB_DYNAMIC_SHARED(name)                              \
  extern __shared__ __align__(16) unsigned char trimtab_shared[]; \
  unsigned char* const name = trimtab_shared
#else
#define TRIMTAB_DYNAMIC_SHARED(name) \
  unsigned char* const name = static_cast<unsigned char*>(emulation::dynamic_shared())
#endif
