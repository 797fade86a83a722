// Numbers as sums of BF16 numbers, exactly: F16 of two, F32 of three. So tensor cores multiply any
// format with any other, and no product is rounded.
//
// Of an infinity the first piece is infinite and the others are 0; times the other factor's pieces,
// of which some are 0, that is NaN. So a logit that meets an infinity is NaN where a dot of numbers
// as they are may be infinite, unless both factors are of one piece.
#pragma once

#include <cuda_runtime.h>

#include "common/formats.cuh"
#include "common/widen.cuh"

namespace trimtab {

/** Pieces of a number of a format. */
template <class Format>
constexpr int PIECES = 1;
template <>
inline constexpr int PIECES<formats::F16> = 2;
template <>
inline constexpr int PIECES<formats::F32> = 3;

/** Takes the leading BF16 number off x. */
__device__ __forceinline__ uint32_t take_piece(float& x) {
  uint32_t leading = bits_of(x) & 0xffff0000u;
  x = x == float_of(leading) ? 0.f : x - float_of(leading);
  return leading >> 16;
}

/** Eight neighbours in a row as pairs, of each piece. */
template <class Format, int COUNT>
__device__ __forceinline__ void read_pieces(const unsigned char* from,
                                            uint32_t (&pairs)[COUNT][4]) {
  if constexpr (Format::BITS == 16 && COUNT == 1) {
    auto words = *reinterpret_cast<const uint4*>(from);
    pairs[0][0] = words.x, pairs[0][1] = words.y, pairs[0][2] = words.z, pairs[0][3] = words.w;
  } else {
#pragma unroll
    for (int first = 0; first < 8; first += WIDTH<Format>) {
      float numbers[WIDTH<Format>];
      widen(Format{}, from + first * Format::BITS / 8, numbers);
#pragma unroll
      for (int i = 0; i < WIDTH<Format>; i += 2) {
#pragma unroll
        for (int piece = 0; piece < COUNT; piece++) {
          uint32_t pair = take_piece(numbers[i]);
          pairs[piece][(first + i) / 2] = pair | take_piece(numbers[i + 1]) << 16;
        }
      }
    }
  }
}

}  // namespace trimtab
