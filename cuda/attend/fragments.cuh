// Operands of tensor cores from shared memory, where keys and values lie as 16-bit numbers or as
// codes of 8 bits. Codes are exact in either 16-bit format; their scales are applied outside.
#pragma once

#include "common/mma.cuh"
#include "common/widen.cuh"

namespace trimtab {

/** Numbers of 16 bits as they are; HALF: F16, else BF16. */
template <bool HALF>
struct Numbers {
  static constexpr bool CODES = false;
  static constexpr bool HALF_KEYS = HALF;
  static constexpr bool HALF_VALUES = HALF;

  /** Eight neighbours. */
  static __device__ __forceinline__ uint4 keys(const unsigned char* row, int column) {
    return *reinterpret_cast<const uint4*>(row + 2 * column);
  }
};

/**
 * Codes of a format. Keys become numbers of the queries' format; values BF16, whose exponents hold
 * a weight times any scale.
 */
template <class Format, bool HALF>
struct Codes {
  static constexpr bool CODES = true;
  static constexpr bool HALF_KEYS = HALF;
  static constexpr bool HALF_VALUES = false;

  /** Two codes as numbers, which is exact. */
  template <bool TO_HALF>
  static __device__ __forceinline__ uint32_t pair(float first, float second) {
    if constexpr (TO_HALF) return round_pair<true>(first, second);
    return bits_of(first) >> 16 | (bits_of(second) & 0xffff0000u);
  }

  static __device__ __forceinline__ void widen_word(const uint32_t& word, float (&x)[4]) {
    widen(Format{}, reinterpret_cast<const unsigned char*>(&word), x);
  }

  static __device__ __forceinline__ uint4 keys(const unsigned char* row, int column) {
    auto words = *reinterpret_cast<const uint2*>(row + column);
    float x[4], y[4];
    widen_word(words.x, x);
    widen_word(words.y, y);
    return make_uint4(pair<HALF>(x[0], x[1]), pair<HALF>(x[2], x[3]), pair<HALF>(y[0], y[1]),
                      pair<HALF>(y[2], y[3]));
  }

  /** From codes (row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1): the
   * numbers of each column. */
  static __device__ __forceinline__ void columns(uint32_t word, uint32_t& first, uint32_t& second) {
    float x[4];
    widen_word(word, x);
    first = pair<false>(x[0], x[2]);
    second = pair<false>(x[1], x[3]);
  }
};

/**
 * Values of 16 keys and 32 columns as b of multiply_add() for four tiles of 8 columns. PAIRED, as
 * codes of 8 bits come by nature: tile t of the 32 columns holds 16 (t / 2) + 2 g + t % 2 as column
 * g; otherwise 8 t + g.
 */
template <class Kind, bool PAIRED>
__device__ __forceinline__ void read_values(const unsigned char* values, int pitch, int column,
                                            uint32_t (&b)[4][2]) {
  int lane = static_cast<int>(threadIdx.x) % LANES;
  if constexpr (Kind::CODES) {
    uint32_t words[4];
    read_transposed(values + lane % 16 * pitch + column + lane / 16 * 16, words);
#pragma unroll
    for (int i = 0; i < 4; i++) {
      Kind::columns(words[i], b[i / 2 * 2][i % 2], b[i / 2 * 2 + 1][i % 2]);
    }
  } else if constexpr (PAIRED) {
    const unsigned char* row = values + lane % 4 * 2 * pitch + 2 * column + lane / 4 * 4;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const unsigned char* from = row + i % 2 * 8 * pitch + i / 2 * 32;
      uint32_t upper = *reinterpret_cast<const uint32_t*>(from);
      uint32_t lower = *reinterpret_cast<const uint32_t*>(from + pitch);
      b[i / 2 * 2][i % 2] = (upper & 0xffffu) | lower << 16;
      b[i / 2 * 2 + 1][i % 2] = upper >> 16 | (lower & 0xffff0000u);
    }
  } else {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      uint32_t words[4];
      read_transposed(values + lane % 16 * pitch + 2 * (column + 16 * half) + lane / 16 * 16,
                      words);
#pragma unroll
      for (int i = 0; i < 4; i++) b[2 * half + i / 2][i % 2] = words[i];
    }
  }
}

/** Which column of 32 a thread's element i of tile t holds: column 2 c + i of the tile. */
template <bool PAIRED>
__device__ __forceinline__ int column_of(int t, int i) {
  int c = static_cast<int>(threadIdx.x) % 4;
  return PAIRED ? 16 * (t / 2) + 4 * c + 2 * i + t % 2 : 8 * t + 2 * c + i;
}

}  // namespace trimtab
