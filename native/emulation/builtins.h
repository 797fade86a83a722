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
#define warpSize 32

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
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

namespace emulation {
template <typename To, typename From>
To bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
}  // namespace emulation

inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline int __float2int_rn(float x) { return static_cast<int>(std::nearbyint(x)); }
inline int __float_as_int(float x) { return emulation::bits<int>(x); }
inline unsigned __float_as_uint(float x) { return emulation::bits<unsigned>(x); }
inline float __int_as_float(int x) { return emulation::bits<float>(x); }
inline float __uint_as_float(unsigned x) { return emulation::bits<float>(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(x); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }

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
T atomicSub(T* place, T value) {
  return atomicExch(place, static_cast<T>(*place - value));
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
T atomicAnd(T* place, T value) {
  return atomicExch(place, static_cast<T>(*place & value));
}
template <typename T>
T atomicCAS(T* place, T expected, T value) {
  return *place == expected ? atomicExch(place, value) : *place;
}
inline unsigned atomicInc(unsigned* place, unsigned last) {
  return atomicExch(place, *place >= last ? 0 : *place + 1);
}

inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
