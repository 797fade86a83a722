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

/** The survivors of one head. */
struct HeadSurvivors {
  TokenCounts counts;
  HeadPages from, to;
  FreshHead fresh;
  int32_t from_dtype, to_dtype, head_dim;
  int64_t capacity;  // of the target's list

  __device__ HeadSurvivors(const Survivors& all, int32_t row, int32_t head, TokenCounts counts)
      : counts(counts),
        from(all.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, head),
        to(all.target, TRIMTAB_ARGUMENT_TARGET_TABLE, row, head),
        fresh(all.fresh, row, head),
        from_dtype(all.history.dtype),
        to_dtype(all.target.dtype),
        head_dim(all.target.head_dim),
        capacity(capacity_of(all.target)) {}

  /** Whether a number is that of a token. */
  __device__ __forceinline__ bool is_token(int32_t token) const {
    return static_cast<uint32_t>(token) < static_cast<uint32_t>(counts.all());
  }

  /** Where a token is read, given the id of its page if it is one of history. */
  __device__ __forceinline__ TokenSource source(int32_t token, int32_t id) const {
    if (token >= counts.history) return fresh.at(token - counts.history);
    TokenPlace place = place_in(from, id, token);
    return {place.key, place.key + from.to_value, place.scale, from_dtype, true};
  }

  /** Notes what is wrong with a token's way to a place. */
  __device__ void note(int32_t token, int64_t index, int32_t place, const Notes& notes) const {
    if (!notes.inside(TRIMTAB_ARGUMENT_INDICES, index, token, 0, counts.all() - 1)) return;
    if (!notes.inside(TRIMTAB_ARGUMENT_TARGET_TABLE, to.table_index, capacity, place + 1,
                      INT32_MAX)) {
      return;
    }
    if (token < counts.history) from.page(token, notes);
    to.page(place, notes);
  }
};

/**
 * Copies tokens kept[first..end) of a head, but -1, to the same places of the target's list; what
 * is bad is noted and left out. All threads of the block call.
 *
 * kept: token numbers, history first
 * index: the place of kept[0] in the operation's indices
 */
template <class Way>
__device__ __forceinline__ void copy_survivors(const HeadSurvivors& survivors, const int32_t* kept,
                                               int64_t index, int32_t first, int32_t end,
                                               const Notes& notes) {
  constexpr int N = Way::AT_ONCE;
  LaneGroup lane(survivors.head_dim);
#pragma unroll 1
  for (int32_t begin = first; begin < end; begin += N * lane.groups) {
    auto place = [&](int n) { return begin + n * lane.groups + lane.group; };
    int32_t tokens[N];
    int32_t from[N];
    int32_t to[N];
    bool bad = false;
#pragma unroll
    for (int n = 0; n < N; n++) tokens[n] = place(n) < end ? kept[place(n)] : -1;
#pragma unroll
    for (int n = 0; n < N; n++) {
      from[n] = to[n] = -1;
      if (tokens[n] == -1) continue;
      bool good = survivors.is_token(tokens[n]) && place(n) < survivors.capacity;
      if (good) to[n] = survivors.to.id(place(n));
      if (good && tokens[n] < survivors.counts.history) from[n] = survivors.from.id(tokens[n]);
    }
    move_tokens<Way>(
        lane, survivors.to_dtype, survivors.to.to_value,
        [&](int n) {
          TokenSource source{};
          if (survivors.to.is_page(to[n])) source = survivors.source(tokens[n], from[n]);
          bad |= tokens[n] != -1 && source.key == nullptr;
          return source;
        },
        [&](int n) { return place_in(survivors.to, to[n], place(n)); });
    if (!bad) continue;
    for (int32_t at = begin + lane.group; at < min(end, begin + N * lane.groups);
         at += lane.groups) {
      if (kept[at] != -1) survivors.note(kept[at], index + at, at, notes);
    }
  }
}

}  // namespace trimtab
