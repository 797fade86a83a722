// What boxes of tokens attention on sm_90a copies.
#pragma once

#include <algorithm>

#include "attend/arguments.cuh"
#include "common/boxes.cuh"

namespace trimtab {

/** Of the history a box lies in one page. */
struct HopperMaps {
  BoxMap history;    /* [page][key or value, head][token][column] */
  BoxMap fresh[2];   /* keys, values: [row][head][token][column] */
  int32_t tokens[2]; /* of a box: new tokens, history; 0 where they cannot be mapped */
};

/** Most tokens of a box; a tile is a multiple of it. */
constexpr int BOX_TOKENS = 64;

inline bool map_boxes(const trimtab_tensor& tokens, BoxMap* map) {
  BoxTensor boxes{tokens.data};
  int64_t bytes = bits(tokens.dtype) / 8;
  for (int i = 0; i < 4; i++) boxes.size[i] = static_cast<uint64_t>(tokens.size[3 - i]);
  for (int i = 0; i < 3; i++) boxes.stride[i] = static_cast<uint64_t>(tokens.stride[2 - i] * bytes);
  return map_boxes(boxes, BOX_TOKENS, map);
}

inline bool map_boxes(const trimtab_pages& pages, BoxMap* map) {
  BoxTensor boxes{
      pages.slab,
      {static_cast<uint64_t>(pages.head_dim), static_cast<uint64_t>(pages.tokens),
       static_cast<uint64_t>(2 * pages.heads), static_cast<uint64_t>(pages.pages)},
      {static_cast<uint64_t>(token_bytes(pages)), static_cast<uint64_t>(head_bytes(pages)),
       static_cast<uint64_t>(page_bytes(pages))}};
  return map_boxes(boxes, static_cast<uint32_t>(std::min(pages.tokens, BOX_TOKENS)), map);
}

inline HopperMaps maps_of(const trimtab_attend_params& params) {
  HopperMaps maps{};
  const trimtab_new_tokens& fresh = params.fresh;
  if (has(fresh) && map_boxes(fresh.k, &maps.fresh[0]) && map_boxes(fresh.v, &maps.fresh[1])) {
    maps.tokens[0] = BOX_TOKENS;
  }
  if (has(params.history) && map_boxes(params.history, &maps.history)) {
    maps.tokens[1] = std::min(params.history.tokens, BOX_TOKENS);
  }
  return maps;
}

}  // namespace trimtab
