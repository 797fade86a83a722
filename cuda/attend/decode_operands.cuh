// Operands of tensor cores from tiles that attention of few lines on sm_90a has in shared memory:
// keys, or columns of values, are rows. Codes of 8 bits become F16, which is exact; their scales
// are applied outside.
#pragma once

#include "common/mma.cuh"
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

/** Keys and values of 16 bits as they are; HALF: F16, else BF16. */
template <bool HALF_>
struct DecodeNumbers {
  static constexpr bool CODES = false;
  static constexpr bool HALF = HALF_;
  static constexpr int BYTES = 2;

  /** Eight neighbours. */
  static __device__ __forceinline__ uint4 keys(const unsigned char* from) {
    return *reinterpret_cast<const uint4*>(from);
  }

  /**
   * Values of 16 keys and 32 columns as a of multiply_add() for two tiles of 16 columns. PAIRED, as
   * codes come by nature: rows g and g + 8 are columns 2 g and 2 g + 1.
   */
  template <class Place, bool PAIRED>
  static __device__ __forceinline__ void values(const unsigned char* values, int column,
                                                uint32_t (&a)[2][4]) {
    int lane = static_cast<int>(threadIdx.x) % LANES;
    if constexpr (PAIRED) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int row = i % 2 * 8 + lane % 4 * 2;
        int byte = 2 * (column + i / 2 * 16) + lane / 4 * 4;
        uint32_t upper = *reinterpret_cast<const uint32_t*>(values + Place::of(row, byte));
        uint32_t lower = *reinterpret_cast<const uint32_t*>(values + Place::of(row + 1, byte));
        a[i / 2][i % 2 * 2] = (upper & 0xffffu) | lower << 16;
        a[i / 2][i % 2 * 2 + 1] = upper >> 16 | (lower & 0xffff0000u);
      }
    } else {
      int row = lane / 16 * 8 + lane % 8;
#pragma unroll
      for (int i = 0; i < 2; i++) {
        read_transposed(values + Place::of(row, 2 * (column + 16 * i) + lane / 8 % 2 * 16), a[i]);
      }
    }
  }
};

/** Codes, which become F16. */
template <class Format>
struct DecodeCodes {
  static constexpr bool CODES = true;
  static constexpr bool HALF = true;
  static constexpr int BYTES = 1;

  static __device__ __forceinline__ uint4 keys(const unsigned char* from) {
    auto words = *reinterpret_cast<const uint2*>(from);
    uint4 numbers;
    HalfCodes<Format>::pairs(words.x, numbers.x, numbers.y);
    HalfCodes<Format>::pairs(words.y, numbers.z, numbers.w);
    return numbers;
  }

  /** The same; always PAIRED. */
  template <class Place, bool PAIRED>
  static __device__ __forceinline__ void values(const unsigned char* values, int column,
                                                uint32_t (&a)[2][4]) {
    static_assert(PAIRED);
    int lane = static_cast<int>(threadIdx.x) % LANES;
    uint32_t words[4];
    read_transposed(values + Place::of(lane % 16, column + lane / 16 * 16), words);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      // Two neighbours of a key, and those of the next key.
      HalfCodes<Format>::pairs(swap_middle(words[i]), a[i / 2][i % 2 * 2], a[i / 2][i % 2 * 2 + 1]);
    }
  }
};

}  // namespace trimtab
