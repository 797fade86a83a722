// What boxes of tokens attention on sm_90a copies.
#pragma once

#include <algorithm>

#include "attend/arguments.cuh"
#include "common/boxes.cuh"

namespace trimtab {

/** Of the history a box lies in one page. */
struct HopperMaps {
  BoxMap history;    /* [page][key or value, head][token][column, or pair of codes] */
  BoxMap fresh[2];   /* keys, values: [row][head][token][column] */
  int32_t tokens[2]; /* of a box: new tokens, history; 0 where they cannot be mapped */
};

/** Most tokens of a box; a tile is a multiple of it. */
constexpr int BOX_TOKENS = 64;

inline bool map_boxes(const trimtab_tensor& tokens, int32_t box_tokens, int fetched, BoxMap* map) {
  BoxTensor boxes{tokens.data, {}, {}};
  int64_t bytes = bits(tokens.dtype) / 8;
  for (int i = 0; i < 4; i++) boxes.size[i] = static_cast<uint64_t>(tokens.size[3 - i]);
  for (int i = 0; i < 3; i++) boxes.stride[i] = static_cast<uint64_t>(tokens.stride[2 - i] * bytes);
  return map_boxes(boxes, static_cast<uint32_t>(box_tokens), fetched, map);
}

inline bool map_boxes(const trimtab_pages& pages, int32_t box_tokens, int fetched, BoxMap* map) {
  BoxTensor boxes{
      pages.slab,
      {static_cast<uint64_t>(token_bytes(pages) / 2), static_cast<uint64_t>(pages.tokens),
       static_cast<uint64_t>(2 * pages.heads), static_cast<uint64_t>(pages.pages)},
      {static_cast<uint64_t>(token_bytes(pages)), static_cast<uint64_t>(head_bytes(pages)),
       static_cast<uint64_t>(page_bytes(pages))}};
  return map_boxes(boxes, static_cast<uint32_t>(std::min(pages.tokens, box_tokens)), fetched, map);
}

/** Most tokens of a box: of the history, of new ones. `fetched`: as for map_boxes(). */
inline HopperMaps maps_of(const trimtab_attend_params& params, int32_t history_tokens,
                          int32_t fresh_tokens, int fetched) {
  HopperMaps maps{};
  const trimtab_new_tokens& fresh = params.fresh;
  if (has(fresh) && map_boxes(fresh.k, fresh_tokens, fetched, &maps.fresh[0]) &&
      map_boxes(fresh.v, fresh_tokens, fetched, &maps.fresh[1])) {
    maps.tokens[0] = fresh_tokens;
  }
  if (has(params.history) && map_boxes(params.history, history_tokens, fetched, &maps.history)) {
    maps.tokens[1] = std::min(params.history.tokens, history_tokens);
  }
  return maps;
}

}  // namespace trimtab
