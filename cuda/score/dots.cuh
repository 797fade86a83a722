// Canonical dots of a tile's keys, four threads a key: of every 16 bytes of it each reads four, so
// that it owns 8 of a dot's 32 lanes, and the last additions across threads are few.
#pragma once

#include "common/widen.cuh"
#include "score/tiles.cuh"

namespace trimtab {

constexpr int PARTS = 4;              // threads of a key
constexpr int KEYS = PARTS;           // keys of a thread
constexpr int OWNED = LANES / PARTS;  // lanes of a dot that a thread owns

/** Neighbouring elements of a thread. */
template <class Format>
constexpr int EACH = 32 / Format::BITS;

/** Reads the thread's words of 32 elements of a key, in order, but threads of other keys one after
 * the other's: keys begin in the same bank. */
template <int WORDS>
__device__ __forceinline__ void read_words(const unsigned char* key, uint32_t (&words)[WORDS]) {
  int32_t turn = static_cast<int32_t>(threadIdx.x) % LANES / PARTS % WORDS;
  uint32_t turned[WORDS];
#pragma unroll
  for (int i = 0; i < WORDS; i++) {
    turned[i] = *reinterpret_cast<const uint32_t*>(key + 16 * (i ^ turn));
  }
#pragma unroll
  for (int bit = 1; bit < WORDS; bit *= 2) {
#pragma unroll
    for (int i = 0; i < WORDS; i++) words[i] = (turn & bit) != 0 ? turned[i ^ bit] : turned[i];
#pragma unroll
    for (int i = 0; i < WORDS; i++) turned[i] = words[i];
  }
}

/** The number in its tile of the thread's k-th key. Threads that share keys have them in such an
 * order that each sends on, of half of them, what it has, and keeps the others. */
__device__ __forceinline__ int32_t key_of_thread(int k) {
  auto lane = static_cast<int32_t>(threadIdx.x) % LANES;
  return lane / PARTS + LANES / PARTS * (k ^ lane % PARTS);
}

/** The scales of the thread's keys; 1 where they are no codes. */
template <class Format>
__device__ __forceinline__ void read_scales(const unsigned char* tile, const TileShape& shape,
                                            float (&scales)[KEYS]) {
#pragma unroll
  for (int k = 0; k < KEYS; k++) {
    scales[k] = 1.f;
    if constexpr (Format::QUANTIZED) {
      auto* of_tile = reinterpret_cast<const uint16_t*>(tile + shape.keys);
      scales[k] = from_bf16(of_tile[key_of_thread(k)]);
    }
  }
}

/** The thread's elements of its keys in 32 elements, by the lane that they are added to. */
template <class Format>
__device__ __forceinline__ void read_step(const unsigned char* tile, int32_t pitch, int32_t step,
                                          const float (&scales)[KEYS], float (&x)[KEYS][OWNED]) {
  auto part = static_cast<int32_t>(threadIdx.x) % PARTS;
#pragma unroll
  for (int k = 0; k < KEYS; k++) {
    const unsigned char* key =
        tile + key_of_thread(k) * pitch + step * LANES * Format::BITS / 8 + 4 * part;
    uint32_t words[OWNED / EACH<Format>];
    read_words(key, words);
#pragma unroll
    for (int i = 0; i < OWNED; i += EACH<Format>) {
      uint32_t word = words[i / EACH<Format>];
      if constexpr (Format::BITS == 32) {
        x[k][i] = float_of(word);
      } else {
        float numbers[EACH<Format>];
        widen(Format{}, reinterpret_cast<const unsigned char*>(&word), numbers);
#pragma unroll
        for (int e = 0; e < EACH<Format>; e++) {
          x[k][i + e] = Format::QUANTIZED ? numbers[e] * scales[k] : numbers[e];
        }
      }
    }
  }
}

/** The thread's elements of 32 of a query. */
template <class Format>
__device__ __forceinline__ void read_query(const float* query, float (&q)[OWNED]) {
  constexpr int N = EACH<Format>;
  const float* mine = query + static_cast<int32_t>(threadIdx.x) % PARTS * N;
#pragma unroll
  for (int i = 0; i < OWNED; i += N) {
    const float* piece = mine + PARTS * i;
    if constexpr (N == 4) {
      auto four = *reinterpret_cast<const float4*>(piece);
      q[i] = four.x, q[i + 1] = four.y, q[i + 2] = four.z, q[i + 3] = four.w;
    } else if constexpr (N == 2) {
      auto two = *reinterpret_cast<const float2*>(piece);
      q[i] = two.x, q[i + 1] = two.y;
    } else {
      q[i] = *piece;
    }
  }
}

/** Adds to the lanes the products with 32 elements of a query. */
template <class Format>
__device__ __forceinline__ void add_step(const float* query, const float (&x)[KEYS][OWNED],
                                         float (&lanes)[KEYS][OWNED]) {
  float q[OWNED];
  read_query<Format>(query, q);
#pragma unroll
  for (int i = 0; i < OWNED; i++) {
#pragma unroll
    for (int k = 0; k < KEYS; k++) lanes[k][i] = fma(q[i], x[k][i], lanes[k][i]);
  }
}

/** Adds the lanes of all dots; the thread gets that of its key_of_thread(0). */
template <class Format>
__device__ __forceinline__ float add_lanes(float (&lanes)[KEYS][OWNED]) {
  constexpr int N = EACH<Format>;
#pragma unroll
  for (int o = OWNED / 2; o >= N; o /= 2) {
#pragma unroll
    for (int k = 0; k < KEYS; k++) {
#pragma unroll
      for (int i = 0; i < o; i++) lanes[k][i] += lanes[k][i + o];
    }
  }
#pragma unroll
  for (int o = PARTS / 2; o > 0; o /= 2) {
#pragma unroll
    for (int k = 0; k < o; k++) {
#pragma unroll
      for (int i = 0; i < N; i++) lanes[k][i] += __shfl_xor_sync(ALL_LANES, lanes[k + o][i], o);
    }
  }
#pragma unroll
  for (int o = N / 2; o > 0; o /= 2) {
#pragma unroll
    for (int i = 0; i < o; i++) lanes[0][i] += lanes[0][i + o];
  }
  return lanes[0][0];
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
