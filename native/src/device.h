// Devices: which can be used, whose memory and streams these are, and what a launch left behind.
#pragma once

#include <cuda_runtime.h>

#include "checks.h"

namespace trimtab {

/**
 * Makes the primary context of a device current to the calling thread, and at the end of its life
 * what was current before, be it nothing: virtual threads share carriers.
 */
class Current {
 public:
  explicit Current(int32_t device);
  ~Current();
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  void* before_ = nullptr;
};

/** Refuses a device that is not there, that the library has no code for, or whose context was lost.
 */
void require_device(int32_t device);

/** Refuses memory that is not on the current device. Asks the driver. */
void require_place(const Buffer& buffer, int32_t device);

/** Refuses a stream of another context than the current one. Asks the driver. */
void require_stream(void* stream, int32_t device);

/** Refuses what CUDA refused to launch; an error that destroyed the context is remembered. */
void require_launched(int32_t device, cudaError_t result);

}  // namespace trimtab
