// How kernels note bad values in buffers.
#pragma once

#include <cuda_runtime.h>

#include "trimtab.h"

namespace trimtab {

/** Bounds of a value, both included. */
struct Bounds {
  int64_t low = 0;
  int64_t high = 0;
};

/** Notes a bad value unless one was noted before. */
__device__ __forceinline__ void note(trimtab_status_word* status, uint32_t operation,
                                     uint32_t argument, uint32_t problem, int64_t index,
                                     int64_t value, Bounds bounds = {}) {
  if (atomicCAS(&status->operation, 0u, operation) != 0) return;
  status->argument = argument;
  status->problem = problem;
  status->index = index;
  status->value = value;
  status->low = bounds.low;
  status->high = bounds.high;
}

}  // namespace trimtab
