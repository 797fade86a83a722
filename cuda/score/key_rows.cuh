// Dots of one query with keys straight from memory, 32 neighbours at a time by a warp: four threads
// a key, each with 8 of every 32 elements, so that what they read of a step is one piece. All
// elements of four keys are on their way to a thread before it uses the first.
#pragma once

#include "common/elements.cuh"
#include "score/keys.cuh"

namespace trimtab {

constexpr int KEY_THREADS = LANES / SHARE;                      // of a key
constexpr int THREAD_KEYS = TILE_KEYS / (LANES / KEY_THREADS);  // of a thread
static_assert(THREAD_KEYS == KEY_THREADS, "a thread ends with the dot of one key");

/** The thread's place among those of a key. */
__device__ __forceinline__ int32_t key_part() {
  return static_cast<int32_t>(threadIdx.x) % KEY_THREADS;
}

/** The number in its tile of the thread's k-th key. */
__device__ __forceinline__ int32_t key_in_tile(int k) {
  constexpr int APART = LANES / KEY_THREADS;
  return static_cast<int32_t>(threadIdx.x) % LANES / KEY_THREADS + APART * k;
}

/** A key, at the thread's part of it. */
struct KeyRow {
  const char* from;   // null: of a bad page, so zeros
  const char* scale;  // of codes
};

/** The keys of a row's head, whose pages' ids lie in shared memory. */
struct KeyRows {
  const HeadPages pages;
  const int32_t* const ids;  // not checked, of the pages from first_page on
  const int32_t first_page;
  int32_t history;  // tokens
  const char* fresh = nullptr;
  int64_t fresh_stride = 0;  // bytes
  bool aligned = true;       // new tokens, to 16 bytes

  /** `first`: a token of the first page. */
  __device__ __forceinline__ KeyRows(const trimtab_pages& history, const trimtab_new_tokens& fresh,
                                     int32_t row, int32_t head, int32_t first, const int32_t* ids)
      : pages(history, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, head),
        ids(ids),
        first_page(has(history) ? first >> pages.shift : 0),
        history(0) {
    if (!has(fresh)) return;
    this->fresh = vector_of(fresh.k, row, head, 0);
    fresh_stride = fresh.k.stride[2] * (bits(fresh.k.dtype) / 8);
    aligned = wide(fresh.k);
  }

  /** A token's key of `bits` an element. */
  __device__ __forceinline__ KeyRow at(int32_t token, int bits) const {
    int32_t part = key_part() * bits;
    if (token >= history) return {fresh + (token - history) * fresh_stride + part, nullptr};
    int32_t id = ids[(token >> pages.shift) - first_page];
    if (!pages.is_page(id)) return {nullptr, nullptr};
    const char* page = pages.page_of(id);
    return {page + pages.codes(token) + part, page + pages.scale(token)};
  }
};

/** The thread's k-th key of a tile; behind its end the last one. */
__device__ __forceinline__ KeyRow row_of_tile(const KeyRows& keys, const KeyTile& tile, int k,
                                              int bits) {
  return keys.at(tile.token + min(key_in_tile(k), tile.count - 1), bits);
}

/** Adds to lanes the products of a share and of a query's elements. */
template <class Format>
__device__ __forceinline__ void add_share(const Share& share, float scale, const float (&q)[SHARE],
                                          float (&lanes)[SHARE]) {
  float x[SHARE];
#pragma unroll
  for (int i = 0; i < SHARE; i += EACH<Format>) {
    widen_word<Format>(share.words[i / EACH<Format>], scale, x + i);
  }
#pragma unroll
  for (int i = 0; i < SHARE; i++) lanes[i] = fma(q[i], x[i], lanes[i]);
}

/** The thread's elements of a query in 32. */
__device__ __forceinline__ void read_query_share(const float* query, float (&q)[SHARE]) {
  const auto* four = reinterpret_cast<const float4*>(query + key_part() * SHARE);
#pragma unroll
  for (int i = 0; i < SHARE; i += 4) {
    float4 x = four[i / 4];
    q[i] = x.x, q[i + 1] = x.y, q[i + 2] = x.z, q[i + 3] = x.w;
  }
}

/** Of two keys whose lanes are divided among threads, adds those of one, the other thread those of
 * the other: of the first where the thread's bit `o` is not set. */
__device__ __forceinline__ void add_across(int o, const float (&first)[SHARE],
                                           const float (&second)[SHARE], float (&sum)[SHARE]) {
  bool upper = (key_part() & o) != 0;
#pragma unroll
  for (int i = 0; i < SHARE; i++) {
    float sent = upper ? first[i] : second[i];
    float kept = upper ? second[i] : first[i];
    sum[i] = kept + __shfl_xor_sync(ALL_LANES, sent, o);
  }
}

/** The dot of the thread's key number key_part(); add(k, lanes) adds to lanes what the thread has
 * of its k-th key and of that two later. */
template <class Add>
__device__ __forceinline__ float dot_of_parts(Add add) {
  static_assert(THREAD_KEYS == 4);
  float halves[2][SHARE];
#pragma unroll
  for (int k = 0; k < 2; k++) {
    float lanes[2][SHARE] = {};
    add(k, lanes);
    add_across(2, lanes[0], lanes[1], halves[k]);
  }
  float lanes[SHARE];
  add_across(1, halves[0], halves[1], lanes);
#pragma unroll
  for (int o = SHARE / 2; o > 0; o /= 2) {
#pragma unroll
    for (int i = 0; i < o; i++) lanes[i] += lanes[i + o];
  }
  return lanes[0];
}

/** A tile on its way: STEPS times 32 elements of its keys, of 16 bits or, where there are CODES, 8,
 * aligned. */
template <int STEPS, bool CODES>
class RowsAhead {
 public:
  __device__ __forceinline__ explicit RowsAhead(int32_t) {}

  __device__ __forceinline__ void load(const KeyRows& keys, const KeyTile& tile) {
#pragma unroll
    for (int k = 0; k < THREAD_KEYS; k++) load(keys, tile, k);
  }

  /** The dot with a tile that was loaded; each key gives way to that of the next tile, if there is
   * one, as soon as it is used. */
  __device__ __forceinline__ float dot(const KeyRows& keys, const KeyTile& tile,
                                       const KeyTile& next, const float* query) {
    return dot_of_parts([&](int k, float(&lanes)[2][SHARE]) {
      if (tile.dtype == TRIMTAB_F16) {
        add<formats::F16>(query, k, lanes);
      } else if (CODES && tile.dtype == TRIMTAB_FP8_E4M3) {
        add<formats::Fp8>(query, k, lanes);
      } else if (CODES && tile.dtype == TRIMTAB_INT8) {
        add<formats::Int8>(query, k, lanes);
      } else {
        add<formats::Bf16>(query, k, lanes);
      }
      if (next.count <= 0) return;
      load(keys, next, k);
      load(keys, next, k + 2);
    });
  }

 private:
  __device__ __forceinline__ void load(const KeyRows& keys, const KeyTile& tile, int k) {
    if (CODES && is_quantized(tile.dtype)) {
      load<8>(keys, tile, k);
    } else {
      load<16>(keys, tile, k);
    }
  }

  template <int BITS>
  __device__ __forceinline__ void load(const KeyRows& keys, const KeyTile& tile, int k) {
    KeyRow row = row_of_tile(keys, tile, k, BITS);
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      shares_[k][s] = {};
      if (row.from != nullptr) {
        shares_[k][s] = load_share<BITS>(in_global(row.from + s * 4 * BITS), true);
      }
    }
    scales_[k] = 0;
    if (BITS == 8 && row.from != nullptr) {
      scales_[k] = *reinterpret_cast<const uint16_t*>(row.scale);
    }
  }

  template <class Format>
  __device__ __forceinline__ void add(const float* query, int k, float (&lanes)[2][SHARE]) const {
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
      float q[SHARE];
      read_query_share(query + s * LANES, q);
      add_share<Format>(shares_[k][s], from_bf16(scales_[k]), q, lanes[0]);
      add_share<Format>(shares_[k + 2][s], from_bf16(scales_[k + 2]), q, lanes[1]);
    }
  }

  Share shares_[THREAD_KEYS][STEPS];
  uint16_t scales_[THREAD_KEYS];
};

/** Keys of any format and number of elements, read as they are needed. */
template <>
class RowsAhead<0, true> {
 public:
  __device__ __forceinline__ explicit RowsAhead(int32_t head_dim) : head_dim_(head_dim) {}

  __device__ __forceinline__ void load(const KeyRows&, const KeyTile&) {}

  __device__ __forceinline__ float dot(const KeyRows& keys, const KeyTile& tile, const KeyTile&,
                                       const float* query) const {
    switch (tile.dtype) {
      case TRIMTAB_F32:
        return dot<formats::F32>(keys, tile, query);
      case TRIMTAB_F16:
        return dot<formats::F16>(keys, tile, query);
      case TRIMTAB_BF16:
        return dot<formats::Bf16>(keys, tile, query);
      case TRIMTAB_FP8_E4M3:
        return dot<formats::Fp8>(keys, tile, query);
      default:
        return dot<formats::Int8>(keys, tile, query);
    }
  }

 private:
  template <class Format>
  __device__ __forceinline__ float dot(const KeyRows& keys, const KeyTile& tile,
                                       const float* query) const {
    bool aligned = keys.aligned || tile.token + tile.count <= keys.history;
    return dot_of_parts([&](int k, float(&lanes)[2][SHARE]) {
      KeyRow rows[2];
      float scales[2] = {};
#pragma unroll
      for (int j = 0; j < 2; j++) {
        rows[j] = row_of_tile(keys, tile, k + 2 * j, Format::BITS);
        if (Format::QUANTIZED && rows[j].from != nullptr) {
          scales[j] = from_bf16(*reinterpret_cast<const uint16_t*>(rows[j].scale));
        }
      }
#pragma unroll 2
      for (int32_t e = 0; e < head_dim_; e += LANES) {
        float q[SHARE];
        read_query_share(query + e, q);
        bool there = e + key_part() * SHARE < head_dim_;
#pragma unroll
        for (int j = 0; j < 2; j++) {
          Share share{};
          if (there && rows[j].from != nullptr) {
            share = load_share<Format::BITS>(rows[j].from + e * (Format::BITS / 8), aligned);
          }
          add_share<Format>(share, scales[j], q, lanes[j]);
        }
      }
    });
  }

  int32_t head_dim_;
};

}  // namespace trimtab
