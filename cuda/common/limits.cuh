// What launchers ask of the current device, remembered per device: a launch costs no query.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace trimtab {

/** Devices of a process that are remembered. */
constexpr int MOST_DEVICES = 64;

struct Limits {
  int processors;       /* streaming multiprocessors */
  int architecture;     /* 90 for compute capability 9.0 */
  int block_shared;     /* most bytes of shared memory of a block, static ones included */
  int processor_shared; /* bytes of shared memory of a multiprocessor */
};

/** The limits of the current device. */
inline cudaError_t limits(Limits* limits) {
  static std::array<std::atomic<uint64_t>, MOST_DEVICES> known;
  int device = 0;
  cudaError_t error = cudaGetDevice(&device);
  if (error != cudaSuccess) return error;
  auto place = static_cast<size_t>(device);
  uint64_t packed = place < known.size() ? known[place].load(std::memory_order_relaxed) : 0;
  if (packed == 0) {
    constexpr cudaDeviceAttr WANTED[] = {
        cudaDevAttrMultiProcessorCount, cudaDevAttrComputeCapabilityMajor,
        cudaDevAttrComputeCapabilityMinor, cudaDevAttrMaxSharedMemoryPerBlockOptin,
        cudaDevAttrMaxSharedMemoryPerMultiprocessor};
    uint64_t values[5];
    for (int i = 0; i < 5; i++) {
      int value = 0;
      error = cudaDeviceGetAttribute(&value, WANTED[i], device);
      if (error != cudaSuccess) return error;
      values[i] = static_cast<uint64_t>(value);
    }
    packed = values[0] | (10 * values[1] + values[2]) << 16 | values[3] / 1024 << 32 |
             values[4] / 1024 << 48;
    if (place < known.size()) known[place].store(packed, std::memory_order_relaxed);
  }
  *limits = {static_cast<int>(packed & 0xffff), static_cast<int>(packed >> 16 & 0xffff),
             static_cast<int>(packed >> 32 & 0xffff) * 1024, static_cast<int>(packed >> 48) * 1024};
  return cudaSuccess;
}

}  // namespace trimtab
