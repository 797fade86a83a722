// Moves keys and values of tokens between tensors and pages: as they are where both have one
// format, otherwise rounded as the target's format rounds.
//
// The lanes of a warp divide into groups, one a token; a lane of a group holds SHARE elements.
#pragma once

#include "common/elements.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"

namespace trimtab {

/** Most blocks of a grid that moves tokens. */
constexpr int64_t MOST_MOVE_BLOCKS = 1 << 20;

/** Where a vector is read: elements, and a scale if they are codes. */
struct VectorSource {
  const char* elements;
  const char* scale;
  int32_t dtype;
  bool aligned;  // its shares, to 16 bytes or to their size
};

struct VectorTarget {
  char* elements;
  char* scale;
  int32_t dtype;
};

/** A lane's place among the groups of a warp. */
struct LaneGroup {
  int32_t lanes;  // of a group: a power of two, enough for head_dim
  int32_t group;  // of the lane in its warp
  int32_t part;   // of the vector
  bool used;      // whether there is such a part

  __device__ explicit LaneGroup(int32_t head_dim) {
    int32_t parts = head_dim / SHARE;
    lanes = 1;
    while (lanes < parts) lanes *= 2;
    int32_t lane = static_cast<int32_t>(threadIdx.x) % LANES;
    group = lane / lanes;
    part = lane % lanes;
    used = part < parts;
  }

  __device__ int32_t groups() const { return LANES / lanes; }
};

__device__ __forceinline__ float scale_at(const VectorSource& from) {
  return is_quantized(from.dtype) ? from_bf16(*reinterpret_cast<const uint16_t*>(from.scale)) : 1.f;
}

/** Loads this lane's share of a vector. */
__device__ __forceinline__ Share load_part(const LaneGroup& lane, const VectorSource& from) {
  int from_bits = bits(from.dtype);
  return load_share(from_bits, from.elements + lane.part * from_bits, from.aligned);
}

/** Rounds a loaded vector to a target's codes or numbers and writes its scale, if it has one. */
__device__ __forceinline__ Share convert_part(const LaneGroup& lane, bool wanted,
                                              const VectorSource& from, const Share& share,
                                              const VectorTarget& to) {
  float x[SHARE] = {};
  if (wanted) widen_share(from.dtype, share, scale_at(from), x);
  float scale = 1.f;
  if (is_quantized(to.dtype)) {
    uint32_t most = 0;
#pragma unroll
    for (int i = 0; i < SHARE; i++) most = max(most, magnitude_bits(x[i]));
    for (int o = lane.lanes / 2; o > 0; o /= 2) {
      most = max(most, __shfl_xor_sync(ALL_LANES, most, o));
    }
    uint16_t scale_bits = scale_bits_of(to.dtype, most);
    scale = from_bf16(scale_bits);
    if (wanted && lane.part == 0) *reinterpret_cast<uint16_t*>(to.scale) = scale_bits;
  }
  return narrow_share(to.dtype, x, scale);
}

/** Stores the loaded vector of each group whose `wanted` holds. All lanes of the warp call. */
template <bool AS_IS>
__device__ __forceinline__ void store_vector(const LaneGroup& lane, bool wanted,
                                             const VectorSource& from, Share share,
                                             const VectorTarget& to) {
  bool mine = wanted && lane.used;
  bool convert = false;
  if constexpr (!AS_IS) {
    convert = mine && from.dtype != to.dtype;
    if (__any_sync(ALL_LANES, convert)) {
      Share converted = convert_part(lane, convert, from, share, to);
      if (convert) share = converted;
    }
  }
  if (!mine) return;
  if (!convert && is_quantized(to.dtype) && lane.part == 0) {
    *reinterpret_cast<uint16_t*>(to.scale) = *reinterpret_cast<const uint16_t*>(from.scale);
  }
  store_share(bits(to.dtype), to.elements + lane.part * bits(to.dtype), share);
}

/** Whether all tokens keep their format on the way, so that kernels need no conversion. */
inline bool moves_as_is(const trimtab_pages& history, const trimtab_new_tokens& fresh,
                        int32_t dtype) {
  return (!has(history) || history.dtype == dtype) && (!has(fresh) || fresh.k.dtype == dtype);
}

/** The key of a token in pages, and its value behind it by `pages.to_value`; null for a bad page.
 */
__device__ __forceinline__ VectorTarget key_in(const HeadPages& pages, int32_t dtype, int32_t token,
                                               const Notes& notes) {
  char* page = pages.page(token, notes);
  if (page == nullptr) return {nullptr, nullptr, dtype};
  return {page + pages.codes(token), page + pages.scale(token), dtype};
}

/** One token on its way into a page; without a target it is not moved. */
struct TokenMove {
  VectorSource key, value;
  VectorTarget to;
};

/**
 * Moves each group's N tokens, all loads before the first store. All lanes of the warp call.
 *
 * AS_IS: what moves_as_is() said
 */
template <bool AS_IS, int N>
__device__ __forceinline__ void move_tokens(const LaneGroup& lane, const TokenMove (&moves)[N],
                                            int64_t to_value) {
  Share keys[N];
  Share values[N];
#pragma unroll
  for (int n = 0; n < N; n++) {
    keys[n] = values[n] = {};
    if (moves[n].to.elements == nullptr || !lane.used) continue;
    keys[n] = load_part(lane, moves[n].key);
    values[n] = load_part(lane, moves[n].value);
  }
#pragma unroll
  for (int n = 0; n < N; n++) {
    VectorTarget to = moves[n].to;
    bool wanted = to.elements != nullptr;
    store_vector<AS_IS>(lane, wanted, moves[n].key, keys[n], to);
    if (wanted) to = {to.elements + to_value, to.scale + to_value, to.dtype};
    store_vector<AS_IS>(lane, wanted, moves[n].value, values[n], to);
  }
}

}  // namespace trimtab
