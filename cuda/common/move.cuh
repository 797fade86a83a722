// Moves keys and values of tokens between tensors and pages: as they are where both have one
// format, otherwise rounded as the target's format rounds.
//
// The lanes of a warp divide into groups, one a token; a lane of a group holds SHARE elements of
// the key and of the value. Kernels are compiled for each of the ways below.
#pragma once

#include "common/elements.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"

namespace trimtab {

/** Where a token is read; the value's scale is as far behind the key's as the value is. */
struct TokenSource {
  const char* key = nullptr;  // null: no token
  const char* value = nullptr;
  const char* scale = nullptr;  // of the key, if it is codes
  int32_t dtype = 0;
  bool aligned = true;  // its shares, to 16 bytes or to their size
};

/** A place in a page: the value lies behind the key by the pages' to_value. */
struct TokenPlace {
  char* key = nullptr;  // null: a bad page
  char* scale = nullptr;
};

__device__ __forceinline__ TokenPlace place_in(const HeadPages& pages, int32_t id, int32_t token) {
  if (!pages.is_page(id)) return {};
  char* page = pages.page_of(id);
  return {page + pages.codes(token), page + pages.scale(token)};
}

/** New tokens of a row's head. */
struct FreshHead {
  const char* k;
  const char* v;
  int64_t k_stride, v_stride;  // bytes
  int32_t dtype;
  bool aligned;

  __device__ FreshHead(const trimtab_new_tokens& fresh, int32_t row, int32_t head)
      : k(vector_of(fresh.k, row, head, 0)),
        v(vector_of(fresh.v, row, head, 0)),
        k_stride(fresh.k.stride[2] * (bits(fresh.k.dtype) / 8)),
        v_stride(fresh.v.stride[2] * (bits(fresh.k.dtype) / 8)),
        dtype(fresh.k.dtype),
        aligned(wide(fresh.k) && wide(fresh.v)) {}

  __device__ __forceinline__ TokenSource at(int32_t token) const {
    return {k + token * k_stride, v + token * v_stride, nullptr, dtype, aligned};
  }
};

/** A lane's place among the groups of a warp. */
struct LaneGroup {
  int32_t lanes;   // of a group: a power of two, enough for head_dim
  int32_t group;   // of the lane in its block
  int32_t groups;  // of the block
  int32_t part;    // of the vector
  bool used;       // whether there is such a part

  __device__ explicit LaneGroup(int32_t head_dim) {
    int32_t parts = head_dim / SHARE;
    int32_t shift = 32 - __clz(parts - 1);
    auto thread = static_cast<int32_t>(threadIdx.x);
    lanes = 1 << shift;
    group = thread >> shift;
    groups = static_cast<int32_t>(blockDim.x) >> shift;
    part = thread & (lanes - 1);
    used = part < parts;
  }
};

/** A lane's shares of a token on its way, and the token's scales if they are codes. */
struct TokenShares {
  Share key, value;
  uint16_t key_scale, value_scale;
};

__device__ __forceinline__ uint16_t scale_at(const char* scale) {
  return *reinterpret_cast<const uint16_t*>(scale);
}

__device__ __forceinline__ void put_scales(const TokenPlace& to, int64_t to_value, uint16_t key,
                                           uint16_t value) {
  *reinterpret_cast<uint16_t*>(to.scale) = key;
  *reinterpret_cast<uint16_t*>(to.scale + to_value) = value;
}

/** Tokens that stay as they are, aligned, their elements of BITS bits. */
template <int BITS>
struct AsIs {
  static constexpr int AT_ONCE = BITS == 32 ? 2 : 4;  // tokens of a group

  static __device__ __forceinline__ TokenShares load(const LaneGroup& lane,
                                                     const TokenSource& from) {
    TokenShares token{load_share<BITS>(from.key + lane.part * BITS, true),
                      load_share<BITS>(from.value + lane.part * BITS, true), 0, 0};
    if constexpr (BITS == 8) {
      token.key_scale = scale_at(from.scale);
      token.value_scale = scale_at(from.scale + (from.value - from.key));
    }
    return token;
  }

  static __device__ __forceinline__ void store(const LaneGroup& lane, bool wanted,
                                               const TokenSource&, const TokenShares& token,
                                               int32_t, const TokenPlace& to, int64_t to_value) {
    if (!wanted || !lane.used) return;
    store_share<BITS>(to.key + lane.part * BITS, token.key);
    store_share<BITS>(to.key + to_value + lane.part * BITS, token.value);
    if (BITS == 8 && lane.part == 0) {
      put_scales(to, to_value, token.key_scale, token.value_scale);
    }
  }
};

/** Tokens to numbers, or to codes: of any format, or, where FROM_BITS is not 0, all of one format
 * of numbers of so many bits, aligned. */
template <bool CODES, int FROM_BITS = 0>
struct Converted {
  static constexpr int AT_ONCE = 1;

  static __device__ __forceinline__ TokenShares load(const LaneGroup& lane,
                                                     const TokenSource& from) {
    if constexpr (FROM_BITS != 0) return AsIs<FROM_BITS>::load(lane, from);
    int from_bits = bits(from.dtype);
    int32_t at = lane.part * from_bits;
    TokenShares token{load_share(from_bits, from.key + at, from.aligned),
                      load_share(from_bits, from.value + at, from.aligned), 0, 0};
    if (is_quantized(from.dtype)) {
      token.key_scale = scale_at(from.scale);
      token.value_scale = scale_at(from.scale + (from.value - from.key));
    }
    return token;
  }

  static __device__ __forceinline__ void store(const LaneGroup& lane, bool wanted,
                                               const TokenSource& from, TokenShares token,
                                               int32_t dtype, const TokenPlace& to,
                                               int64_t to_value) {
    bool mine = wanted && lane.used;
    bool converts = FROM_BITS != 0 || (mine && from.dtype != dtype);
    if (FROM_BITS != 0 || __any_sync(ALL_LANES, converts)) {
      TokenShares converted = convert(lane, from.dtype, token, dtype);
      if (converts) token = converted;
    }
    if (!mine) return;
    if constexpr (CODES) {
      store_share<8>(to.key + lane.part * 8, token.key);
      store_share<8>(to.key + to_value + lane.part * 8, token.value);
      if (lane.part == 0) put_scales(to, to_value, token.key_scale, token.value_scale);
    } else {
      char* key = to.key + lane.part * bits(dtype);
      store_share(bits(dtype), key, token.key);
      store_share(bits(dtype), key + to_value, token.value);
    }
  }

 private:
  /** All lanes of the warp call; shares of lanes without a token are zeros. */
  static __device__ __forceinline__ TokenShares convert(const LaneGroup& lane, int32_t from,
                                                        const TokenShares& token, int32_t to) {
    float key[SHARE];
    float value[SHARE];
    if constexpr (FROM_BITS == 16) {
      if (from == TRIMTAB_F16) {
        widen_share<formats::F16>(token.key, 1.f, key);
        widen_share<formats::F16>(token.value, 1.f, value);
      } else {
        widen_share<formats::Bf16>(token.key, 1.f, key);
        widen_share<formats::Bf16>(token.value, 1.f, value);
      }
    } else {
      bool codes = is_quantized(from);
      widen_share(from, token.key, codes ? from_bf16(token.key_scale) : 1.f, key);
      widen_share(from, token.value, codes ? from_bf16(token.value_scale) : 1.f, value);
    }
    if constexpr (!CODES) {
      return {narrow_share<false>(to, key, 1.f), narrow_share<false>(to, value, 1.f), 0, 0};
    }
    uint32_t most_key = 0;
    uint32_t most_value = 0;
#pragma unroll
    for (int i = 0; i < SHARE; i++) {
      most_key = max(most_key, magnitude_bits(key[i]));
      most_value = max(most_value, magnitude_bits(value[i]));
    }
    for (int o = lane.lanes / 2; o > 0; o /= 2) {
      most_key = max(most_key, __shfl_xor_sync(ALL_LANES, most_key, o));
      most_value = max(most_value, __shfl_xor_sync(ALL_LANES, most_value, o));
    }
    uint16_t key_scale = scale_bits_of(to, most_key);
    uint16_t value_scale = scale_bits_of(to, most_value);
    return {narrow_share<true>(to, key, from_bf16(key_scale)),
            narrow_share<true>(to, value, from_bf16(value_scale)), key_scale, value_scale};
  }
};

/**
 * Moves WAY::AT_ONCE tokens of each group, all loads before the first store. All lanes of the warp
 * call.
 *
 * source(n): where a group's token is read
 * place(n): where it goes
 */
template <class Way, class Source, class Place>
__device__ __forceinline__ void move_tokens(const LaneGroup& lane, int32_t dtype, int64_t to_value,
                                            Source source, Place place) {
  TokenSource from[Way::AT_ONCE];
  TokenShares token[Way::AT_ONCE];
#pragma unroll
  for (int n = 0; n < Way::AT_ONCE; n++) {
    from[n] = source(n);
    token[n] = {};
    if (from[n].key != nullptr && lane.used) token[n] = Way::load(lane, from[n]);
  }
#pragma unroll
  for (int n = 0; n < Way::AT_ONCE; n++) {
    TokenPlace to = place(n);
    bool wanted = from[n].key != nullptr && to.key != nullptr;
    Way::store(lane, wanted, from[n], token[n], dtype, to, to_value);
  }
}

/** Calls run(way) for the way that tokens of these sources take to pages of a format. */
template <class Run>
cudaError_t on_their_way(const trimtab_pages& history, const trimtab_new_tokens& fresh,
                         int32_t dtype, Run run) {
  bool as_is = !has(history) || history.dtype == dtype;
  if (has(fresh)) as_is = as_is && fresh.k.dtype == dtype && wide(fresh.k) && wide(fresh.v);
  bool halves =
      !has(history) && has(fresh) && bits(fresh.k.dtype) == 16 && wide(fresh.k) && wide(fresh.v);
  if (!as_is && is_quantized(dtype)) {
    return halves ? run(Converted<true, 16>()) : run(Converted<true>());
  }
  if (!as_is) return run(Converted<false>());
  switch (bits(dtype)) {
    case 8:
      return run(AsIs<8>());
    case 16:
      return run(AsIs<16>());
    default:
      return run(AsIs<32>());
  }
}

}  // namespace trimtab
