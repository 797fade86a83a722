// Codes of 8 bits as F16 for tensor cores, which is exact; their scales are applied outside.
#pragma once

#include "common/widen.cuh"

namespace trimtab {

/** How codes of a format become pairs of F16. */
template <class Format>
struct HalfCodes;

template <>
struct HalfCodes<formats::Fp8> {
  static __device__ __forceinline__ void pairs(uint32_t word, uint32_t& lower, uint32_t& upper) {
    lower = halves_of_fp8(static_cast<uint16_t>(word));
    upper = halves_of_fp8(static_cast<uint16_t>(word >> 16));
  }
};

template <>
struct HalfCodes<formats::Int8> {
  static __device__ __forceinline__ void pairs(uint32_t word, uint32_t& lower, uint32_t& upper) {
#ifdef __CUDA_ARCH__
    // A byte below 0x64 is 1024 more than itself.
    word ^= 0x80808080u;
    constexpr uint32_t LIFT = 0xe480e480u;  // -1024 - 128
    asm("add.rn.f16x2 %0, %1, %2;"
        : "=r"(lower)
        : "r"(__byte_perm(word, 0x64646464u, 0x4140)), "r"(LIFT));
    asm("add.rn.f16x2 %0, %1, %2;"
        : "=r"(upper)
        : "r"(__byte_perm(word, 0x64646464u, 0x4342)), "r"(LIFT));
#else
    auto half = [&](int i) { return uint32_t{to_f16(static_cast<int8_t>(word >> 8 * i))}; };
    lower = half(0) | half(1) << 16;
    upper = half(2) | half(3) << 16;
#endif
  }
};

/** Swaps the two middle bytes. */
__device__ __forceinline__ uint32_t swap_middle(uint32_t word) {
#ifdef __CUDA_ARCH__
  return __byte_perm(word, 0, 0x3120);
#else
  return (word & 0xff0000ffu) | (word >> 8 & 0xff00u) | (word & 0xff00u) << 8;
#endif
}

}  // namespace trimtab
