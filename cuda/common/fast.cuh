// Functions that are fast rather than canonical.
#pragma once

#include <cuda_runtime.h>

#include <cmath>

namespace trimtab {

/** 2 to the power x within a relative error of 2^-22; what would be subnormal may be 0. */
__device__ __forceinline__ float fast_exp2(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return std::exp2(x);
#endif
}

}  // namespace trimtab
