// Canonical dots of a batch of queries with a tile's keys, queries in registers: half a warp takes
// a key, and a thread has of each query and key the elements of two lanes of the sum that are added
// first. So what is read of a key serves all queries, and what threads exchange of their sums
// leaves each with the dot of one query.
#pragma once

#include "common/queries.cuh"
#include "score/keys.cuh"

namespace trimtab {

/** Half a warp: the threads of a key, and the queries of a batch. */
constexpr int HALF = LANES / 2;
static_assert(BATCH == HALF);

/** The thread's place among those of a key, and the query whose dots it gets. */
__device__ __forceinline__ int32_t place_in_half() {
  return static_cast<int32_t>(threadIdx.x) % HALF;
}

/** Which half of its warp a thread is of. */
__device__ __forceinline__ int32_t half_of_warp() {
  return static_cast<int32_t>(threadIdx.x) % LANES / HALF;
}

/** The number of an element's bits, but for the scale of codes. */
template <class Format>
__device__ __forceinline__ float number_of(uint32_t element) {
  if constexpr (Format::BITS == 32) {
    return float_of(element);
  } else if constexpr (Format::QUANTIZED) {
    return Format::value(static_cast<uint8_t>(element));
  } else {
    return Format::widen(static_cast<uint16_t>(element));
  }
}

/** A batch of queries of STEPS times 32 elements, divided among the threads of half a warp. */
template <int STEPS>
class Dots {
 public:
  /** queries: [BATCH][STEPS * LANES] in shared memory. */
  __device__ __forceinline__ Dots(const float* queries, int32_t) {
    int32_t place = place_in_half();
    int32_t half = half_of_warp();
#pragma unroll
    for (int n = 0; n < BATCH; n++) {
#pragma unroll
      for (int s = 0; s < STEPS; s++) {
#pragma unroll
        for (int b = 0; b < 2; b++) {
          q_[n][s][b] = queries[((n ^ place) * STEPS + s) * LANES + HALF * (b ^ half) + place];
        }
      }
    }
  }

  /** put(key, n, dot) for the dots of a tile's keys that the thread gets, and maybe for one behind
   * the last key. */
  template <class Format, class Put>
  __device__ __forceinline__ void of_tile(const unsigned char* keys, const TileShape& shape,
                                          const KeyTile& tile, int32_t, Put put) const {
    int32_t each = (tile.count + 1) / 2;  // keys of half a warp
    int32_t first = half_of_warp() * each;
    // The sums of a key are exchanged, and the next one is read, while another is multiplied.
    Elements coming = read<Format>(keys, shape, tile, first);
    float sums[BATCH];
    multiply<Format>(coming, sums);
    coming = read<Format>(keys, shape, tile, first + 1);
#pragma unroll 1
    for (int32_t k = 0; k < each - 1; k++) {
      Elements elements = coming;
      coming = read<Format>(keys, shape, tile, first + k + 2);
      float next[BATCH];
      multiply<Format>(elements, next);
      put(first + k, place_in_half(), exchange(sums));
#pragma unroll
      for (int n = 0; n < BATCH; n++) sums[n] = next[n];
    }
    put(first + each - 1, place_in_half(), exchange(sums));
  }

 private:
  /** The thread's elements of a key as they lie, and its scale. */
  struct Elements {
    uint32_t of[STEPS][2];
    float scale;
  };

  /** Those of a key; behind the last one of that. The halves of a warp read their two lanes in
   * different order, and so different banks. */
  template <class Format>
  static __device__ __forceinline__ Elements read(const unsigned char* keys, const TileShape& shape,
                                                  const KeyTile& tile, int32_t key) {
    constexpr int BYTES = Format::BITS / 8;
    key = min(key, tile.count - 1);
    const unsigned char* from = keys + key * (STEPS * LANES * BYTES) + place_in_half() * BYTES;
    Elements elements;
    elements.scale = read_scale<Format>(keys, shape, tile, key);
#pragma unroll
    for (int b = 0; b < 2; b++) {
      const unsigned char* lane = from + HALF * BYTES * (b ^ half_of_warp());
#pragma unroll
      for (int s = 0; s < STEPS; s++) {
        elements.of[s][b] = CodeWords<Format::BITS>(lane + s * LANES * BYTES).words[0];
      }
    }
    return elements;
  }

  /** The thread's part of the dots of all queries with a key. */
  template <class Format>
  __device__ __forceinline__ void multiply(const Elements& key, float (&sums)[BATCH]) const {
    float lanes[BATCH][2] = {};
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
#pragma unroll
      for (int b = 0; b < 2; b++) {
        float x = number_of<Format>(key.of[s][b]);
        if (Format::QUANTIZED) x *= key.scale;
#pragma unroll
        for (int n = 0; n < BATCH; n++) lanes[n][b] = fma(q_[n][s][b], x, lanes[n][b]);
      }
    }
#pragma unroll
    for (int n = 0; n < BATCH; n++) sums[n] = lanes[n][0] + lanes[n][1];
  }

  /** Of these parts, those of the query that the thread gets, added: each thread sends on what it
   * has of the others. */
  static __device__ __forceinline__ float exchange(float (&sums)[BATCH]) {
#pragma unroll
    for (int o = HALF / 2; o > 0; o /= 2) {
#pragma unroll
      for (int n = 0; n < HALF / 2; n++) {
        if (n < o) sums[n] += __shfl_xor_sync(ALL_LANES, sums[n + o], o);
      }
    }
    return sums[0];
  }

  float q_[BATCH][STEPS][2];  // of query n ^ place_in_half(): so what is sent on lies alike
};

}  // namespace trimtab
