// Dots of one query with a tile of keys, four threads a key: a thread's share of every 32 elements
// is eight neighbouring ones, so it holds eight of a canonical dot's lanes and reads 16 bytes at a
// time.
#pragma once

#include "common/elements.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"
#include "score/finish.cuh"

namespace trimtab {

constexpr int PARTS = LANES / SHARE;  // threads of a key
constexpr int KEYS = 4;               // keys of a thread

/** Keys of one source, for every token in [first, end). */
struct KeyRange {
  int32_t first, end;
  const HeadPages* pages;       // of history
  const trimtab_tensor* fresh;  // or of new tokens
  int32_t row, head, history;
};

/** The key of a token, null where its page is bad; for codes its scale. */
template <class Format>
__device__ __forceinline__ const char* key_of(const KeyRange& keys, int32_t token, float& scale,
                                              const Notes& notes) {
  scale = 1.f;
  if (keys.pages == nullptr)
    return vector_of(*keys.fresh, keys.row, keys.head, token - keys.history);
  const char* page = keys.pages->page(token, notes);
  if (page == nullptr) return nullptr;
  if constexpr (Format::QUANTIZED) {
    scale = from_bf16(*reinterpret_cast<const uint16_t*>(page + keys.pages->scale(token)));
  }
  return page + keys.pages->codes(token);
}

/** Adds the 32 lanes of a dot whose eighths the four threads of a key hold. */
__device__ __forceinline__ float tree_of_parts(float (&lanes)[SHARE]) {
#pragma unroll
  for (int i = 0; i < SHARE; i++) lanes[i] += __shfl_xor_sync(ALL_LANES, lanes[i], 2);
#pragma unroll
  for (int i = 0; i < SHARE; i++) lanes[i] += __shfl_xor_sync(ALL_LANES, lanes[i], 1);
#pragma unroll
  for (int o = SHARE / 2; o > 0; o /= 2) {
#pragma unroll
    for (int i = 0; i < o; i++) lanes[i] += lanes[i + o];
  }
  return lanes[0];
}

/** values[t - base] = factor * query.key(t) for every token t of the range. All threads call. */
template <class Format, bool ALIGNED>
__device__ void raw_dots(const KeyRange& keys, const float* query, int32_t head_dim, float factor,
                         int32_t base, float (&values)[TILE], const Notes& notes) {
  int32_t part = static_cast<int32_t>(threadIdx.x) % PARTS;
  int32_t place = static_cast<int32_t>(threadIdx.x) / PARTS;
  const char* key[KEYS];
  float scale[KEYS];
  float lanes[KEYS][SHARE] = {};
#pragma unroll
  for (int k = 0; k < KEYS; k++) {
    int32_t token = base + k * (TILE / KEYS) + place;
    key[k] = nullptr;
    if (token >= keys.first && token < keys.end)
      key[k] = key_of<Format>(keys, token, scale[k], notes);
  }
#pragma unroll 2
  for (int32_t e = part * SHARE; e < head_dim; e += LANES) {
    float q[SHARE];
    read_share<formats::F32>(reinterpret_cast<const char*>(query + e), true, 1.f, q);
#pragma unroll
    for (int k = 0; k < KEYS; k++) {
      float x[SHARE] = {};
      if (key[k] != nullptr) {
        read_share<Format>(key[k] + e * Format::BITS / 8, ALIGNED, scale[k], x);
      }
#pragma unroll
      for (int i = 0; i < SHARE; i++) lanes[k][i] = fma(q[i], x[i], lanes[k][i]);
    }
  }
#pragma unroll
  for (int k = 0; k < KEYS; k++) {
    float dot = tree_of_parts(lanes[k]);
    if (part == 0 && key[k] != nullptr) values[k * (TILE / KEYS) + place] = dot * factor;
  }
}

/** The same for keys of any format; `aligned` as in load_share(). */
__device__ inline void raw_dots_of(int32_t dtype, bool aligned, const KeyRange& keys,
                                   const float* query, int32_t head_dim, float factor, int32_t base,
                                   float (&values)[TILE], const Notes& notes) {
  using namespace formats;
  auto run = [&](auto dots) { dots(keys, query, head_dim, factor, base, values, notes); };
  switch (dtype) {
    case TRIMTAB_F32:
      return aligned ? run(raw_dots<F32, true>) : run(raw_dots<F32, false>);
    case TRIMTAB_F16:
      return aligned ? run(raw_dots<F16, true>) : run(raw_dots<F16, false>);
    case TRIMTAB_BF16:
      return aligned ? run(raw_dots<Bf16, true>) : run(raw_dots<Bf16, false>);
    case TRIMTAB_FP8_E4M3:
      return run(raw_dots<Fp8, true>);
    default:
      return run(raw_dots<Int8, true>);
  }
}

}  // namespace trimtab
