// Dots of one query with a tile of keys, four threads a key: a thread's share of every 32 elements
// is eight neighbouring ones, so it holds eight of a canonical dot's lanes and reads 16 bytes at a
// time.
#pragma once

#include "common/elements.cuh"
#include "common/fetch.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"
#include "score/finish.cuh"

namespace trimtab {

constexpr int PARTS = LANES / SHARE;  // threads of a key
constexpr int KEYS = 2;               // keys of a thread at once

/** Where the keys of a tile's tokens lie; null where there is none or its page is bad. */
struct TileKeys {
  const char* key[TILE];
  float scale[TILE];  // of codes, otherwise 1
};

/**
 * Finds the keys of tokens [base, base + TILE), a thread a token, and begins to fetch them to the
 * L2 cache, runs of neighbours at once: what follows takes long enough that they are there when
 * they are read.
 */
__device__ __forceinline__ void find_keys(const trimtab_pages& history, const trimtab_tensor& fresh,
                                          int32_t row, int32_t head, const TokenCounts& counts,
                                          int32_t base, TileKeys& keys, const Notes& notes) {
  auto thread = static_cast<int32_t>(threadIdx.x);
  int32_t token = base + thread;
  const char* key = nullptr;
  float scale = 1.f;
  if (token >= counts.history && token < counts.all()) {
    key = vector_of(fresh, row, head, token - counts.history);
    bool begins = thread == 0 || token == counts.history;
    if (begins && fresh.stride[2] == fresh.size[3]) {
      auto bytes = static_cast<int32_t>(fresh.size[3]) * (bits(fresh.dtype) / 8);
      fetch_to_l2(key, min(TILE - thread, counts.all() - token) * bytes);
    }
  } else if (token >= 0 && token < counts.history) {
    HeadPages pages(history, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, head);
    const char* page = pages.page(token, notes);
    if (page != nullptr) {
      key = page + pages.codes(token);
      if (is_quantized(history.dtype)) {
        scale = from_bf16(*reinterpret_cast<const uint16_t*>(page + pages.scale(token)));
      }
      int32_t slot = token & (pages.tokens - 1);
      if (thread == 0 || slot == 0 || token == 0) {
        int32_t run = min(pages.tokens - slot, counts.history - token);
        fetch_to_l2(key, min(TILE - thread, run) * pages.token_bytes);
      }
    }
  }
  keys.key[thread] = key;
  keys.scale[thread] = scale;
}

/** Adds the 32 lanes of two dots whose eighths the four threads of a key hold: threads 0 and 1 get
 * the first one, 2 and 3 the second. */
__device__ __forceinline__ float trees_of_parts(float (&lanes)[KEYS][SHARE], int32_t part) {
  bool second = (part & 2) != 0;
  float sums[SHARE];
#pragma unroll
  for (int i = 0; i < SHARE; i++) {
    float other = __shfl_xor_sync(ALL_LANES, second ? lanes[0][i] : lanes[1][i], 2);
    sums[i] = (second ? lanes[1][i] : lanes[0][i]) + other;
  }
#pragma unroll
  for (int i = 0; i < SHARE; i++) sums[i] += __shfl_xor_sync(ALL_LANES, sums[i], 1);
#pragma unroll
  for (int o = SHARE / 2; o > 0; o /= 2) {
#pragma unroll
    for (int i = 0; i < o; i++) sums[i] += sums[i + o];
  }
  return sums[0];
}

/** values[t - base] = factor * query.key(t) for tokens t in [first, end). All threads call. */
template <class Format, bool ALIGNED>
__device__ __forceinline__ void raw_dots(const TileKeys& keys, int32_t first, int32_t end,
                                         const float* query, int32_t head_dim, float factor,
                                         float (&values)[TILE]) {
  constexpr int AT_ONCE = Format::BITS == 32 ? 2 : 4;  // shares of a key
  int32_t part = static_cast<int32_t>(threadIdx.x) % PARTS;
#pragma unroll 1
  for (int32_t at = static_cast<int32_t>(threadIdx.x) / PARTS; at < TILE;
       at += KEYS * TILE / PARTS) {
    const char* key[KEYS];
    float scale[KEYS];
    float lanes[KEYS][SHARE] = {};
#pragma unroll
    for (int k = 0; k < KEYS; k++) {
      int32_t token = at + k * (TILE / PARTS);
      key[k] = token >= first && token < end ? keys.key[token] : nullptr;
      scale[k] = keys.scale[token];
    }
    for (int32_t begin = part * SHARE; begin < head_dim; begin += AT_ONCE * LANES) {
      Share shares[AT_ONCE][KEYS];
#pragma unroll
      for (int c = 0; c < AT_ONCE; c++) {
        int32_t e = begin + c * LANES;
#pragma unroll
        for (int k = 0; k < KEYS; k++) {
          shares[c][k] = {};
          if (key[k] != nullptr && e < head_dim) {
            shares[c][k] = load_share<Format::BITS>(key[k] + e * Format::BITS / 8, ALIGNED);
          }
        }
      }
#pragma unroll
      for (int c = 0; c < AT_ONCE; c++) {
        int32_t e = begin + c * LANES;
        if (e >= head_dim) continue;
        float q[SHARE];
        read_share<formats::F32>(reinterpret_cast<const char*>(query + e), true, 1.f, q);
#pragma unroll
        for (int k = 0; k < KEYS; k++) {
          float x[SHARE];
          widen_share<Format>(shares[c][k], scale[k], x);
#pragma unroll
          for (int i = 0; i < SHARE; i++) lanes[k][i] = fma(q[i], x[i], lanes[k][i]);
        }
      }
    }
    float dot = trees_of_parts(lanes, part);
    const char* mine = part < 2 ? key[0] : key[1];
    if (part % 2 == 0 && mine != nullptr) values[at + part / 2 * (TILE / PARTS)] = dot * factor;
  }
}

/** The same for keys of any format; `aligned` as in load_share(). */
__device__ __forceinline__ void raw_dots_of(int32_t dtype, bool aligned, const TileKeys& keys,
                                            int32_t first, int32_t end, const float* query,
                                            int32_t head_dim, float factor, float (&values)[TILE]) {
  using namespace formats;
  auto run = [&](auto dots) { dots(keys, first, end, query, head_dim, factor, values); };
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
