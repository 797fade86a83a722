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
    auto number = static_cast<uint32_t>(token);
    return {k + number * k_stride, v + number * v_stride, nullptr, dtype, aligned};
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

  static __device__ __forceinline__ void convert(const LaneGroup&, int32_t,
                                                 const TokenSource (&)[AT_ONCE],
                                                 TokenShares (&)[AT_ONCE]) {}

  static __device__ __forceinline__ void store(const LaneGroup& lane, const TokenShares& token,
                                               int32_t, const TokenPlace& to, int64_t to_value) {
    store_share<BITS>(to.key + lane.part * BITS, token.key);
    store_share<BITS>(to.key + to_value + lane.part * BITS, token.value);
    if (BITS == 8 && lane.part == 0) {
      put_scales(to, to_value, token.key_scale, token.value_scale);
    }
  }
};

/** Tokens of any format to numbers, or to codes. */
template <bool CODES>
struct Converted {
  static constexpr int AT_ONCE = 1;

  static __device__ __forceinline__ TokenShares load(const LaneGroup& lane,
                                                     const TokenSource& from) {
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

  static __device__ __forceinline__ void convert(const LaneGroup& lane, int32_t dtype,
                                                 const TokenSource (&from)[AT_ONCE],
                                                 TokenShares (&token)[AT_ONCE]) {
    bool converts = from[0].key != nullptr && lane.used && from[0].dtype != dtype;
    if (__any_sync(ALL_LANES, converts)) {
      TokenShares shares = converted(lane, from[0].dtype, token[0], dtype);
      if (converts) token[0] = shares;
    }
  }

  static __device__ __forceinline__ void store(const LaneGroup& lane, const TokenShares& token,
                                               int32_t dtype, const TokenPlace& to,
                                               int64_t to_value) {
    if constexpr (CODES) return AsIs<8>::store(lane, token, dtype, to, to_value);
    char* key = to.key + lane.part * bits(dtype);
    store_share(bits(dtype), key, token.key);
    store_share(bits(dtype), key + to_value, token.value);
  }

 private:
  /** All lanes of the warp call; shares of lanes without a token are zeros. */
  static __device__ __forceinline__ TokenShares converted(const LaneGroup& lane, int32_t from,
                                                          const TokenShares& token, int32_t to) {
    float key[SHARE];
    float value[SHARE];
    bool codes = is_quantized(from);
    widen_share(from, token.key, codes ? from_bf16(token.key_scale) : 1.f, key);
    widen_share(from, token.value, codes ? from_bf16(token.value_scale) : 1.f, value);
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

/** The larger ones of two pairs of 16-bit numbers. */
__device__ __forceinline__ uint32_t larger_pair(uint32_t a, uint32_t b) {
#ifdef __CUDA_ARCH__
  return __vmaxu2(a, b);
#else
  return max(a & 0xffff0000u, b & 0xffff0000u) | max(a & 0xffffu, b & 0xffffu);
#endif
}

/** Aligned tokens of one format of 16 bits to codes of Format: append's way, which would otherwise
 * be bound by its instructions. */
template <class Format>
struct Quantized {
  static constexpr int AT_ONCE = 2;
  static constexpr int SCALES = 2 * AT_ONCE;

  static __device__ __forceinline__ TokenShares load(const LaneGroup& lane,
                                                     const TokenSource& from) {
    return AsIs<16>::load(lane, from);
  }

  /** All lanes of the warp call; shares of lanes without a token are zeros. */
  static __device__ __forceinline__ void convert(const LaneGroup& lane, int32_t,
                                                 const TokenSource (&from)[AT_ONCE],
                                                 TokenShares (&token)[AT_ONCE]) {
    // Each token's largest magnitudes: the key's in the lower half, the value's in the upper one.
    uint32_t most[AT_ONCE];
#pragma unroll
    for (int n = 0; n < AT_ONCE; n++) {
      most[n] = (largest(token[n].key) & 0xffffu) | largest(token[n].value) << 16;
#pragma unroll
      for (int o = LANES / 2; o > 0; o /= 2) {
        if (o < lane.lanes) most[n] = larger_pair(most[n], __shfl_xor_sync(ALL_LANES, most[n], o));
      }
    }
    // The lanes of a group make its scales and their inverses between them: a division is long.
    static_assert(AT_ONCE == 2);
    int32_t mine = lane.part % SCALES;
    uint32_t pair = mine < 2 ? most[0] : most[1];
    float magnitude = number(mine < 2 ? from[0].dtype : from[1].dtype,
                             static_cast<uint16_t>(mine % 2 == 0 ? pair : pair >> 16));
    uint32_t scale = scale_bits<Format>(bits_of(magnitude));
    float by = from_bf16(static_cast<uint16_t>(scale));
    Divisor divisor(by);
    ShortDivisor inverse = divisor.of_short();
    bool plain = !__any_sync(ALL_LANES, !(by > 0.f && divisor.plain()));
    int32_t first = static_cast<int32_t>(threadIdx.x) % LANES - lane.part;
#pragma unroll
    for (int n = 0; n < AT_ONCE; n++) {
      auto code = [&](int i, Share& share, uint16_t& code_scale) {
        code_scale = static_cast<uint16_t>(__shfl_sync(ALL_LANES, scale, first + i));
        ShortDivisor quotient{__shfl_sync(ALL_LANES, inverse.below, first + i),
                              __shfl_sync(ALL_LANES, inverse.rest, first + i)};
        float x[SHARE];
        if (from[n].dtype == TRIMTAB_F16) {
          widen_share<formats::F16>(share, 1.f, x);
        } else {
          widen_share<formats::Bf16>(share, 1.f, x);
        }
        share =
            plain ? codes_of<Format>(x, quotient) : code_share<Format>(x, from_bf16(code_scale));
      };
      code(2 * n, token[n].key, token[n].key_scale);
      code(2 * n + 1, token[n].value, token[n].value_scale);
    }
  }

  static __device__ __forceinline__ void store(const LaneGroup& lane, const TokenShares& token,
                                               int32_t dtype, const TokenPlace& to,
                                               int64_t to_value) {
    AsIs<8>::store(lane, token, dtype, to, to_value);
  }

 private:
  /** The largest magnitude of a share, in the lower half. */
  static __device__ __forceinline__ uint32_t largest(const Share& share) {
    uint32_t most = 0;
#pragma unroll
    for (int i = 0; i < SHARE / 2; i++) most = larger_pair(most, share.words[i] & 0x7fff7fffu);
    return larger_pair(most, most >> 16);
  }

  static __device__ __forceinline__ float number(int32_t dtype, uint16_t bits) {
    return dtype == TRIMTAB_F16 ? from_f16(bits) : from_bf16(bits);
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
  Way::convert(lane, dtype, from, token);
#pragma unroll
  for (int n = 0; n < Way::AT_ONCE; n++) {
    TokenPlace to = place(n);
    bool wanted = from[n].key != nullptr && to.key != nullptr && lane.used;
    if (wanted) Way::store(lane, token[n], dtype, to, to_value);
  }
}

/** Calls run(way) for the way that tokens of these sources take to pages of a format. */
template <class Run>
cudaError_t on_their_way(const trimtab_pages& history, const trimtab_new_tokens& fresh,
                         int32_t dtype, Run run) {
  bool as_is = !has(history) || history.dtype == dtype;
  if (has(fresh)) as_is = as_is && fresh.k.dtype == dtype && wide(fresh.k) && wide(fresh.v);
  bool halves = !has(history) && has(fresh) && bits(fresh.k.dtype) == 16 && wide(fresh.k) &&
                wide(fresh.v) && fresh.k.size[3] > SHARE * 2;
  if (!as_is && halves && dtype == TRIMTAB_FP8_E4M3) return run(Quantized<formats::Fp8>());
  if (!as_is && halves && dtype == TRIMTAB_INT8) return run(Quantized<formats::Int8>());
  if (!as_is && is_quantized(dtype)) return run(Converted<true>());
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
