// Canonical dots of a batch of queries with a tile's keys of any length, several threads a key. Of
// every 32 elements of a key a thread reads some words at the same distances, so that the last
// additions across threads are few.
#pragma once

#include "softmax/held_queries.cuh"

namespace trimtab {

constexpr int PARTS = 4;              // threads of a key
constexpr int KEYS = PARTS;           // keys of a thread
constexpr int OWNED = LANES / PARTS;  // lanes of a dot that a thread owns

/** The number in its tile of the thread's k-th key. Threads that share keys have them in such an
 * order that each sends on, of half of them, what it has, and keeps the others. */
__device__ __forceinline__ int32_t key_of_thread(int k) {
  auto lane = static_cast<int32_t>(threadIdx.x) % LANES;
  return lane / PARTS + LANES / PARTS * (k ^ lane % PARTS);
}

/** The thread's elements of its keys in 32 elements, by the lane that they are added to. */
template <class Format>
__device__ __forceinline__ void read_step(const unsigned char* tile, const TileShape& shape,
                                          int32_t pitch, int32_t step, const float (&scales)[KEYS],
                                          float (&x)[KEYS][OWNED]) {
  auto part = static_cast<int32_t>(threadIdx.x) % PARTS;
#pragma unroll
  for (int k = 0; k < KEYS; k++) {
    int32_t at = key_of_thread(k) * pitch + step * LANES * Format::BITS / 8 + 4 * part;
#pragma unroll
    for (int i = 0; i < OWNED; i += EACH<Format>) {
      int32_t place = shape.place(at + 4 * PARTS * (i / EACH<Format>));
      widen_word<Format>(*reinterpret_cast<const uint32_t*>(tile + place), scales[k], &x[k][i]);
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

/** Queries of any length, which stay in shared memory. */
template <>
class Dots<0> {
 public:
  /** queries: [BATCH][padded] */
  __device__ __forceinline__ Dots(const float* queries, int32_t padded)
      : queries_(queries), padded_(padded) {}

  template <class Format, class Put>
  __device__ __forceinline__ void of_tile(const unsigned char* keys, const TileShape& shape,
                                          const KeyTile& tile, int32_t count, Put put) const {
    int32_t pitch = shape.pitch(Format::BITS);
    float scales[KEYS];
#pragma unroll
    for (int k = 0; k < KEYS; k++) {
      scales[k] = read_scale<Format>(keys, shape, tile, key_of_thread(k));
    }
#pragma unroll 1
    for (int32_t n = 0; n < count; n++) {
      float lanes[KEYS][OWNED] = {};
      for (int32_t s = 0; s < padded_ / LANES; s++) {
        float x[KEYS][OWNED];
        read_step<Format>(keys, shape, pitch, s, scales, x);
        add_step<Format>(queries_ + n * padded_ + s * LANES, x, lanes);
      }
      put(key_of_thread(0), n, add_lanes<Format>(lanes));
    }
  }

 private:
  const float* queries_;
  int32_t padded_;
};

}  // namespace trimtab
