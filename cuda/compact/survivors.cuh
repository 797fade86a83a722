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

/** The block's survivors: those of one head. */
struct HeadSurvivors {
  const Survivors& all;
  int32_t row, head;
  TokenCounts counts;
  HeadPages from, to;
  bool k_aligned, v_aligned;

  __device__ HeadSurvivors(const Survivors& all, int32_t row, int32_t head, TokenCounts counts)
      : all(all),
        row(row),
        head(head),
        counts(counts),
        from(all.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, head),
        to(all.target, TRIMTAB_ARGUMENT_TARGET_TABLE, row, head),
        k_aligned(has(all.fresh) && wide(all.fresh.k)),
        v_aligned(has(all.fresh) && wide(all.fresh.v)) {}

  /** The way of a token to a place of the target's list; without a target where a page is bad. */
  __device__ __forceinline__ TokenMove move(int32_t token, int32_t place,
                                            const Notes& notes) const {
    int32_t dtype = all.history.dtype;
    TokenMove move{};
    if (!notes.inside(TRIMTAB_ARGUMENT_TARGET_TABLE, to.table_index, capacity_of(all.target),
                      place + 1, INT32_MAX)) {
      return move;
    }
    if (token < counts.history) {
      const char* page = from.page(token, notes);
      if (page == nullptr) return move;
      move.key = {page + from.codes(token), page + from.scale(token), dtype, true};
      move.value = {move.key.elements + from.to_value, move.key.scale + from.to_value, dtype, true};
    } else {
      int32_t place_in_row = token - counts.history;
      dtype = all.fresh.k.dtype;
      move.key = {vector_of(all.fresh.k, row, head, place_in_row), nullptr, dtype, k_aligned};
      move.value = {vector_of(all.fresh.v, row, head, place_in_row), nullptr, dtype, v_aligned};
    }
    move.to = key_in(to, all.target.dtype, place, notes);
    return move;
  }
};

/**
 * Copies tokens kept[first..end) of a head to the same places of the target's list. All threads of
 * the block call.
 *
 * AS_IS: what moves_as_is() said
 * AT_ONCE: tokens of a group of lanes whose loads are under way together
 * kept: token numbers, history first; they are checked where `index`, the place of kept[0] in the
 * operation's indices, is not negative
 */
template <bool AS_IS, int AT_ONCE>
__device__ __forceinline__ void copy_survivors(const HeadSurvivors& survivors, const int32_t* kept,
                                               int64_t index, int32_t first, int32_t end,
                                               const Notes& notes) {
  LaneGroup lane(survivors.all.target.head_dim);
  int32_t groups = static_cast<int32_t>(blockDim.x) / LANES * lane.groups();
  int32_t group = static_cast<int32_t>(threadIdx.x) / LANES * lane.groups() + lane.group;
  for (int32_t begin = first; begin < end; begin += AT_ONCE * groups) {
    TokenMove moves[AT_ONCE];
#pragma unroll
    for (int pass = 0; pass < AT_ONCE; pass++) {
      moves[pass] = {};
      int32_t place = begin + pass * groups + group;
      if (place < end) {
        int32_t token = kept[place];
        bool good = index < 0 || notes.inside(TRIMTAB_ARGUMENT_INDICES, index + place, token, 0,
                                              survivors.counts.all() - 1);
        if (good) moves[pass] = survivors.move(token, place, notes);
      }
      moves[pass].to.dtype = survivors.all.target.dtype;
    }
    move_tokens<AS_IS>(lane, moves, survivors.to.to_value);
  }
}

}  // namespace trimtab
