// Keys of a tile as numbers.
#pragma once

#include "common/widen.cuh"
#include "score/tiles.cuh"

namespace trimtab {

/** Elements of a word. */
template <class Format>
constexpr int EACH = 32 / Format::BITS;

/** The numbers of a word of a key. */
template <class Format>
__device__ __forceinline__ void widen_word(uint32_t word, float scale, float* to) {
  if constexpr (Format::BITS == 32) {
    *to = float_of(word);
  } else {
    float numbers[EACH<Format>];
    widen(Format{}, reinterpret_cast<const unsigned char*>(&word), numbers);
#pragma unroll
    for (int e = 0; e < EACH<Format>; e++) {
      to[e] = Format::QUANTIZED ? numbers[e] * scale : numbers[e];
    }
  }
}

/** The scale of a tile's key; 1 where there are no codes. */
template <class Format>
__device__ __forceinline__ float read_scale(const unsigned char* keys, const TileShape& shape,
                                            const KeyTile& tile, int32_t key) {
  if constexpr (!Format::QUANTIZED) return 1.f;
  return from_bf16(reinterpret_cast<const uint16_t*>(keys + shape.keys)[key + (tile.token & 1)]);
}

/** Calls run(format) for the format of keys. */
template <class Run>
__device__ __forceinline__ void with_key_format(int32_t dtype, Run run) {
  switch (dtype) {
    case TRIMTAB_F32:
      return run(formats::F32{});
    case TRIMTAB_F16:
      return run(formats::F16{});
    case TRIMTAB_BF16:
      return run(formats::Bf16{});
    case TRIMTAB_FP8_E4M3:
      return run(formats::Fp8{});
    default:
      return run(formats::Int8{});
  }
}

}  // namespace trimtab
