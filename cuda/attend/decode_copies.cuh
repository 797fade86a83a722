// The warps that copy tokens for attention of few lines on sm_90a, one keys, one values.
#pragma once

#include "attend/decode_shape.cuh"
#include "attend/hopper_maps.cuh"

namespace trimtab {

/** Scales of tokens that are not there. */
[[maybe_unused]] alignas(16) __device__ const uint16_t NO_SCALES[BOX_TOKENS] = {};

/** A page whose id is bad, or that holds none of a tile's tokens, is zeros: what a box outside of
 * the pages is filled with. */
template <class S>
class DecodeCopies {
  static_assert(S::KEYS <= BOX_TOKENS);

 public:
  /** `part`: 0 for keys, 1 for values. */
  __device__ DecodeCopies(const AttendArguments& a, const HopperMaps& maps, DecodeShared<S>& shared,
                          unsigned char* panels, int part)
      : a_(a), maps_(maps), shared_(shared), panels_(panels), part_(part) {}

  __device__ __forceinline__ HeadPages pages_of(const Piece& piece) const {
    return HeadPages(a_.op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, piece.row, piece.head);
  }

  /** Fetches the ids of a list's first pages, 128 bytes of them a lane. */
  __device__ __forceinline__ void fetch_ids(const HeadPages& pages) const {
    int64_t token = int64_t{lane() * 32} << pages.shift;
    if (token < capacity_of(a_.op.history)) fetch_early(pages.id_at(static_cast<int32_t>(token)));
  }

  /** Fetches a piece's first tiles of the history, a box a lane. What says where they are may still
   * change, so nothing else is made of it, and it is read past the L1 cache. */
  __device__ __forceinline__ void fetch_tiles(const HeadPages& pages, const Piece& piece) const {
    const trimtab_pages& history = a_.op.history;
    auto capacity = static_cast<int32_t>(min(capacity_of(history), int64_t{INT32_MAX / 2}));
    int32_t length = __ldcg(&at(history.lengths, piece.row, list_of(history, piece.head)));
    length = min(max(length, 0), capacity);
    int32_t tokens = length + (has(a_.op.fresh) ? static_cast<int32_t>(a_.op.fresh.k.size[2]) : 0);
    if (tokens == 0) return;
    int32_t box = min(maps_.tokens[1], S::KEYS);
    int32_t place = lane() / S::PAGED_PANELS * box;
    int64_t token = int64_t{piece.split} * split_tokens_of(a_, tokens) + place;
    if (place >= FETCHED_TILES * S::KEYS || token >= length) return;
    auto first = static_cast<int32_t>(token);
    int32_t id = __ldcg(pages.id_at(first));
    if (!pages.is_page(id)) return;
    fetch_box(maps_.history, {lane() % S::PAGED_PANELS * PANEL_COLUMNS, first & (pages.tokens - 1),
                              head_in_page(piece.head), id});
  }

  /** Looks up the first pages of a piece, if splits are short, before it is known that they are. */
  __device__ __forceinline__ void look_up(const HeadPages& pages, const Piece& piece) {
    look_up(pages, int64_t{piece.split} * a_.split_tokens);
  }

  /** Copies the tiles of that piece. */
  __device__ __forceinline__ void copy(const HeadPages& pages, const TokenTable& table) {
    const DecodeTiles<S> tiles(table);
    const int32_t row = table.row, head = table.head, begin = table.begin;
    if (tiles.paged() > 0) copy_pages(tiles, pages, begin, head);
    for (int32_t i = tiles.paged(); i < tiles.count(); i++, turn_.next()) {
      if (lane() == 0) {
        shared_.emptied[turn_.place].wait(turn_.parity ^ 1);
        copy_fresh(tiles.at(i).first, head, row);
      }
      __syncwarp();
    }
  }

 private:
  static constexpr int FETCHED_TILES = 4;
  static constexpr int GROUP = 16;             /* tokens that surely lie in one page */
  static constexpr int WINDOW = GROUP * LANES; /* those whose pages lanes know */

  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }

  /** In lane i the page of group i from a token on. */
  __device__ __forceinline__ void look_up(const HeadPages& pages, int64_t token) {
    first_ = token;
    token += lane() * GROUP;
    id_ = token < capacity_of(a_.op.history) ? pages.id(static_cast<int32_t>(token)) : -1;
  }

  /** Of all that a page holds, keys before values. */
  __device__ __forceinline__ int32_t head_in_page(int32_t head) const {
    const trimtab_pages& history = a_.op.history;
    return part_ * history.heads + (history.table.size[1] == 1 ? head : 0);
  }

  __device__ __forceinline__ unsigned char* tile() const {
    return panels_ + turn_.place * S::STAGE_BYTES + part_ * S::TILE_BYTES;
  }
  __device__ __forceinline__ Barrier& filled() const { return shared_.filled[part_][turn_.place]; }

  __device__ __forceinline__ void copy_pages(const DecodeTiles<S>& tiles, const HeadPages& pages,
                                             int32_t begin, int32_t head) {
    const int32_t box = min(maps_.tokens[1], S::KEYS);
    const int32_t head_in_page = this->head_in_page(head);
    for (int32_t i = 0; i < tiles.paged(); i++, turn_.next()) {
      Tile tile = tiles.at(i);
      int32_t place = (tile.first - begin) % WINDOW;
      if (place == 0 && tile.first != first_) look_up(pages, int64_t{tile.first});
      uint16_t* scales = shared_.scales[turn_.place][part_];
      shared_.emptied[turn_.place].wait(turn_.parity ^ 1);
      for (int32_t row = 0; row < S::KEYS; row += box) {
        int32_t id = __shfl_sync(ALL_LANES, id_, (place + row) / GROUP);
        bool there = row < tile.count && is_page(pages, id, tile.first + row);
        if (lane() > 0) continue;
        int32_t token = (tile.first + row) & (pages.tokens - 1);
#pragma unroll
        for (int panel = 0; panel < S::PAGED_PANELS; panel++) {
          copy_box(this->tile() + (panel * S::KEYS + row) * PANEL_PITCH, maps_.history,
                   {panel * PANEL_COLUMNS, token, head_in_page, there ? id : -1}, filled());
        }
        if constexpr (S::PACKED) {
          const char* from =
              there ? pages.page_of(id) + part_ * pages.to_value + pages.scale(tile.first + row)
                    : reinterpret_cast<const char*>(NO_SCALES);
          copy_bytes(scales + row, from, 2 * box, filled());
        }
      }
      if (lane() == 0) filled().arrive_before(S::TILE_BYTES + (S::PACKED ? 2 * S::KEYS : 0));
      __syncwarp();
    }
  }

  /** Notes a bad id. */
  __device__ __forceinline__ bool is_page(const HeadPages& pages, int32_t id, int32_t token) const {
    if (pages.is_page(id)) return true;
    if (lane() == 0) {
      Notes notes{a_.op.common.status, TRIMTAB_OPERATION_ATTEND};
      notes.inside(pages.argument, pages.table_index + (token >> pages.shift), id, 0,
                   pages.pages - 1);
    }
    return false;
  }

  __device__ __forceinline__ void copy_fresh(int32_t first, int32_t head, int32_t row) const {
    filled().arrive_before(S::TILE_BYTES);
#pragma unroll
    for (int panel = 0; panel < S::FRESH_PANELS; panel++) {
      copy_box(tile() + panel * S::FRESH_KEYS * PANEL_PITCH, maps_.fresh[part_],
               {panel * PANEL_COLUMNS, first, head, row}, filled());
    }
  }

  const AttendArguments& a_;
  const HopperMaps& maps_;
  DecodeShared<S>& shared_;
  unsigned char* const panels_;
  const int part_;
  Turn<S::STAGES> turn_;
  int64_t first_ = -1; /* token that the first lane's page is of */
  int32_t id_ = -1;    /* of a page */
};

}  // namespace trimtab
