// The warp that copies tokens for attention of few lines on sm_90a.
#pragma once

#include "attend/decode_shape.cuh"
#include "attend/hopper_maps.cuh"

namespace trimtab {

/** A page whose id is bad, or that holds none of a tile's tokens, is zeros: what a box outside of
 * the pages is filled with. */
template <class S>
class DecodeCopies {
 public:
  __device__ DecodeCopies(const AttendArguments& a, const HopperMaps& maps, DecodeShared<S>& shared,
                          unsigned char* panels)
      : a_(a), maps_(maps), shared_(shared), panels_(panels) {}

  /** Looks up the first pages of a piece of work, before it is known whether they are needed. */
  __device__ __forceinline__ void look_up(const Piece& piece) {
    if (!has(a_.op.history)) return;
    HeadPages pages(a_.op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, piece.row, piece.head);
    look_up(pages, piece.split * a_.split_tokens);
  }

  /** Copies the tiles of that piece. */
  __device__ __forceinline__ void copy(const TokenTable& table) {
    DecodeTiles<S> tiles(table);
    int32_t count = tiles.count();
    for (int32_t i = 0; i < count; i++, turn_.next()) {
      Tile tile = tiles.at(i);
      shared_.emptied[turn_.place].wait(turn_.parity ^ 1);
      if (tile.paged) {
        copy_pages(table, tile);
      } else if (lane() == 0) {
        copy_fresh(table, tile);
      }
      __syncwarp();
    }
  }

 private:
  static constexpr int GROUP = 16;             /* tokens that surely lie in one page */
  static constexpr int WINDOW = GROUP * LANES; /* those whose pages lanes know */

  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % LANES; }

  /** In lane i the page of group i from a token on. */
  __device__ __forceinline__ void look_up(const HeadPages& pages, int64_t token) {
    token += lane() * GROUP;
    id_ = token < capacity_of(a_.op.history) ? pages.id(static_cast<int32_t>(token)) : -1;
  }

  /** Of keys (part 0) or values (1). */
  __device__ __forceinline__ unsigned char* tile(int part) const {
    return panels_ + turn_.place * S::STAGE_BYTES + part * S::TILE_BYTES;
  }

  __device__ __forceinline__ void copy_pages(const TokenTable& table, const Tile& tile) {
    const trimtab_pages& history = a_.op.history;
    HeadPages pages(history, TRIMTAB_ARGUMENT_HISTORY_TABLE, table.row, table.head);
    int32_t place = (tile.first - table.begin) % WINDOW;
    if (place == 0 && tile.first > table.begin) look_up(pages, tile.first);
    // A lane copies a box.
    const int32_t box = min(maps_.tokens[1], S::KEYS);
    int32_t row = lane() * box;
    int32_t id = __shfl_sync(ALL_LANES, id_, (place + row) / GROUP % LANES);
    bool there = row < tile.count;
    if (there && !pages.is_page(id)) {
      Notes notes{a_.op.common.status, TRIMTAB_OPERATION_ATTEND};
      notes.inside(pages.argument, pages.table_index + ((tile.first + row) >> pages.shift), id, 0,
                   pages.pages - 1);
      there = false;
    }
    if (!there) id = -1;
    auto& scales = shared_.scales[turn_.place];
    uint32_t bytes = S::TILE_BYTES;
    if constexpr (S::PACKED) {
      bytes += 2 * box * __popc(__ballot_sync(ALL_LANES, there));
      if (row < S::KEYS && !there) {
        for (int i = 0; i < box; i++) scales[0][row + i] = scales[1][row + i] = 0;
        publish_to_tensor_cores();  // Copies come here again.
      }
      __syncwarp();
    }
    if (lane() == 0) {
      for (auto& filled : shared_.filled) filled[turn_.place].arrive_before(bytes);
    }
    __syncwarp();
    if (row >= S::KEYS) return;
    int32_t token = (tile.first + row) & (pages.tokens - 1);
    int32_t head = history.table.size[1] == 1 ? table.head : 0;
#pragma unroll
    for (int part = 0; part < 2; part++) {
      Barrier& filled = shared_.filled[part][turn_.place];
#pragma unroll
      for (int panel = 0; panel < S::PAGED_PANELS; panel++) {
        copy_box(this->tile(part) + (panel * S::KEYS + row) * PANEL_PITCH, maps_.history,
                 {panel * PANEL_COLUMNS, token, part * history.heads + head, id}, filled);
      }
      if (S::PACKED && there) {
        copy_bytes(&scales[part][row],
                   pages.page_of(id) + part * pages.to_value + pages.scale(tile.first + row),
                   2 * box, filled);
      }
    }
  }

  __device__ __forceinline__ void copy_fresh(const TokenTable& table, const Tile& tile) const {
#pragma unroll
    for (int part = 0; part < 2; part++) {
      Barrier& filled = shared_.filled[part][turn_.place];
      filled.arrive_before(S::TILE_BYTES);
#pragma unroll
      for (int panel = 0; panel < S::FRESH_PANELS; panel++) {
        copy_box(this->tile(part) + panel * S::FRESH_KEYS * PANEL_PITCH, maps_.fresh[part],
                 {panel * PANEL_COLUMNS, tile.first, table.head, table.row}, filled);
      }
    }
  }

  const AttendArguments& a_;
  const HopperMaps& maps_;
  DecodeShared<S>& shared_;
  unsigned char* const panels_;
  Turn<S::STAGES> turn_;
  int32_t id_ = -1; /* of a page */
};

}  // namespace trimtab
