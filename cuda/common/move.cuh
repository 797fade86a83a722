// Moves keys and values of tokens between tensors and pages: as they are where both have one
// format, otherwise rounded as the target's format rounds.
//
// The lanes of a warp divide into groups, one a token; a lane of a group holds SHARE elements.
#pragma once

#include "common/elements.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"

namespace trimtab {

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

/** Copies a share as it is. */
__device__ __forceinline__ void copy_share(int32_t dtype, char* to, const char* from) {
  if (bits(dtype) == 8) {
    *reinterpret_cast<uint2*>(to) = *reinterpret_cast<const uint2*>(from);
    return;
  }
  for (int i = 0; i < bits(dtype) / 16; i++) {
    reinterpret_cast<uint4*>(to)[i] = reinterpret_cast<const uint4*>(from)[i];
  }
}

/** Moves the vector of each group whose `wanted` holds. All lanes of the warp call. */
__device__ __forceinline__ void move_vector(const LaneGroup& lane, bool wanted,
                                            const VectorSource& from, const VectorTarget& to) {
  bool mine = wanted && lane.used;
  bool as_is = from.dtype == to.dtype && from.aligned;
  bool convert = mine && !as_is;
  float x[SHARE] = {};
  if (convert) {
    const char* share = from.elements + lane.part * SHARE * bits(from.dtype) / 8;
    read_share(from.dtype, share, from.aligned, scale_at(from), x);
  }
  float scale = 1.f;
  if (is_quantized(to.dtype) && __any_sync(ALL_LANES, convert)) {
    uint32_t most = 0;
#pragma unroll
    for (int i = 0; i < SHARE; i++) most = max(most, magnitude_bits(x[i]));
    for (int o = lane.lanes / 2; o > 0; o /= 2) {
      most = max(most, __shfl_xor_sync(ALL_LANES, most, o));
    }
    uint16_t scale_bits = scale_bits_of(to.dtype, most);
    scale = from_bf16(scale_bits);
    if (convert && lane.part == 0) *reinterpret_cast<uint16_t*>(to.scale) = scale_bits;
  }
  if (!mine) return;
  char* target = to.elements + lane.part * SHARE * bits(to.dtype) / 8;
  if (convert) {
    write_share(to.dtype, target, scale, x);
    return;
  }
  copy_share(to.dtype, target, from.elements + lane.part * SHARE * bits(from.dtype) / 8);
  if (is_quantized(to.dtype) && lane.part == 0) {
    *reinterpret_cast<uint16_t*>(to.scale) = *reinterpret_cast<const uint16_t*>(from.scale);
  }
}

/** The key of a token in pages, and its value behind it by `pages.to_value`; null for a bad page.
 */
__device__ __forceinline__ VectorTarget key_in(const HeadPages& pages, int32_t dtype, int32_t token,
                                               const Notes& notes) {
  char* page = pages.page(token, notes);
  if (page == nullptr) return {nullptr, nullptr, dtype};
  return {page + pages.codes(token), page + pages.scale(token), dtype};
}

/** Moves key and value of each group's token. All lanes of the warp call. */
__device__ __forceinline__ void move_token(const LaneGroup& lane, bool wanted,
                                           const VectorSource& key, const VectorSource& value,
                                           const VectorTarget& to, int64_t to_value) {
  move_vector(lane, wanted, key, to);
  VectorTarget value_to = {to.elements + to_value, to.scale + to_value, to.dtype};
  move_vector(lane, wanted, value, value_to);
}

}  // namespace trimtab
