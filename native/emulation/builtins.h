// CUDA C++'s keywords, vector types, built-in variables and single-thread functions.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "block.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__
// One block runs at a time, so one object serves them all. It keeps what the last block left there.
#define __shared__ static
#define __constant__ static

#define threadIdx (::emulation::thread_index)
#define blockIdx (::emulation::block_index)
#define blockDim (::emulation::block_size)
#define gridDim (::emulation::grid_size)

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

template <typename T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline int __float2int_rn(float x) { return static_cast<int>(std::nearbyint(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(static_cast<unsigned>(x)); }

template <typename T>
T __ldg(const T* place) {
  return *place;
}
template <typename T>
T __ldcg(const T* place) {
  return *place;
}
template <typename T>
T __ldcs(const T* place) {
  return *place;
}
template <typename T>
void __stcg(T* place, T value) {
  *place = value;
}
template <typename T>
void __stcs(T* place, T value) {
  *place = value;
}

// Fibers give way only where they wait, so plain reads and writes are indivisible. The value before
// is returned.
template <typename T>
T atomicExch(T* place, T value) {
  T before = *place;
  *place = value;
  return before;
}
template <typename T>
T atomicAdd(T* place, T value) {
  return atomicExch(place, static_cast<T>(*place + value));
}
template <typename T>
T atomicMin(T* place, T value) {
  return atomicExch(place, min(*place, value));
}
template <typename T>
T atomicMax(T* place, T value) {
  return atomicExch(place, max(*place, value));
}
template <typename T>
T atomicOr(T* place, T value) {
  return atomicExch(place, static_cast<T>(*place | value));
}
template <typename T>
T atomicCAS(T* place, T expected, T value) {
  return *place == expected ? atomicExch(place, value) : *place;
}

inline void __threadfence() {}
