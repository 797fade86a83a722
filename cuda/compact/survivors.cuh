// Writes survivors of a row's key/value head into fresh pages; what compact and evict share.
#pragma once

#include "common/move.cuh"

namespace trimtab {

/** Where survivors come from and where they go. */
struct Survivors {
  const trimtab_pages& history;
  const trimtab_new_tokens& fresh;
  const trimtab_pages& target;
};

/**
 * Copies tokens kept[first..end) of a head to the same places of the target's list. All threads of
 * the block call.
 *
 * kept: token numbers, history first; they are checked where `index`, the place of kept[0] in the
 * operation's indices, is not negative
 */
__device__ inline void copy_survivors(const Survivors& s, int32_t row, int32_t head,
                                      TokenCounts counts, const int32_t* kept, int64_t index,
                                      int32_t first, int32_t end, const Notes& notes) {
  HeadPages to(s.target, TRIMTAB_ARGUMENT_TARGET_TABLE, row, head);
  HeadPages from(s.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, head);
  LaneGroup lane(s.target.head_dim);
  bool aligned[2] = {has(s.fresh) && wide(s.fresh.k), has(s.fresh) && wide(s.fresh.v)};
  auto capacity = static_cast<int32_t>(capacity_of(s.target));
  auto warps = static_cast<int32_t>(blockDim.x) / LANES;
  int32_t group = static_cast<int32_t>(threadIdx.x) / LANES * lane.groups() + lane.group;
  for (int32_t pass = first; pass < end; pass += warps * lane.groups()) {
    int32_t place = pass + group;
    bool wanted = place < end;
    int32_t token = wanted ? kept[place] : 0;
    if (wanted && index >= 0) {
      wanted = notes.inside(TRIMTAB_ARGUMENT_INDICES, index + place, token, 0, counts.all() - 1);
    }
    VectorTarget target{};
    if (wanted) {
      wanted = notes.inside(TRIMTAB_ARGUMENT_TARGET_TABLE, to.table_index, capacity, place + 1,
                            INT32_MAX);
    }
    if (wanted) target = key_in(to, s.target.dtype, place, notes);
    wanted = target.elements != nullptr;
    target.dtype = s.target.dtype;
    VectorSource key = {nullptr, nullptr, s.target.dtype, true};
    VectorSource value = key;
    if (wanted && token < counts.history) {
      const char* page = from.page(token, notes);
      wanted = page != nullptr;
      key = {page + from.codes(token), page + from.scale(token), s.history.dtype, true};
      value = {key.elements + from.to_value, key.scale + from.to_value, s.history.dtype, true};
    } else if (wanted) {
      int32_t place_in_row = token - counts.history;
      key = {vector_of(s.fresh.k, row, head, place_in_row), nullptr, s.fresh.k.dtype, aligned[0]};
      value = {vector_of(s.fresh.v, row, head, place_in_row), nullptr, s.fresh.v.dtype, aligned[1]};
    }
    move_token(lane, wanted, key, value, target, to.to_value);
  }
}

}  // namespace trimtab
