// Keys and values on their way into shared memory, tile by tile.
#pragma once

#include "attend/arguments.cuh"
#include "common/async.cuh"

namespace trimtab {

/** Neighbouring tokens of one source. */
struct Tile {
  int32_t first; /* counted within its source */
  int32_t count; /* 0: none */
  bool paged;
};

/** Where the tokens of a source lie: in pages, or in a row as if in one page. */
struct Places {
  const char* codes[2]; /* of the first page: keys, values */
  int64_t token_bytes[2];
  int64_t page_bytes;
  int32_t token_mask, shift;
};

/**
 * The tokens that a block attends to, in shared memory as registers are scarce: [begin, end) of the
 * history and the new tokens behind it.
 */
struct TokenTable {
  int32_t row, head;
  int32_t history; /* tokens */
  int32_t fresh;
  int32_t begin, end;
  Places places[2]; /* new tokens, history */
};

__device__ inline Places places_of(const trimtab_pages& pages, int32_t row, int32_t kv_head) {
  HeadPages head(pages, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, kv_head);
  return {{head.slab, head.slab + head.to_value},
          {head.token_bytes, head.token_bytes},
          head.page_bytes,
          head.tokens - 1,
          head.shift};
}

__device__ inline Places places_of(const trimtab_new_tokens& fresh, int32_t row, int32_t head) {
  int64_t bytes = bits(fresh.k.dtype) / 8;
  return {{vector_of(fresh.k, row, head, 0), vector_of(fresh.v, row, head, 0)},
          {fresh.k.stride[2] * bytes, fresh.v.stride[2] * bytes},
          0,
          INT32_MAX,
          31};
}

/** Fills in `places`. */
__device__ inline void find_places(const trimtab_attend_params& op, TokenTable& table) {
  if (has(op.fresh)) table.places[0] = places_of(op.fresh, table.row, table.head);
  if (has(op.history)) table.places[1] = places_of(op.history, table.row, table.head);
}

/** The tiles of KEYS tokens that a block goes through; none holds tokens of both sources. */
template <int KEYS>
class Tiles {
 public:
  __device__ __forceinline__ explicit Tiles(const TokenTable& table) : table_(table) {}

  /** The tile that begins at a token of all. */
  __device__ __forceinline__ Tile tile(int32_t token) const {
    int32_t history = table_.history;
    int32_t end = table_.end;
    if (token < history) return {token, min(min(history, end) - token, KEYS), true};
    return {token - history, min(max(end - token, 0), KEYS), false};
  }

  /** The first tile, and the one behind another. */
  __device__ __forceinline__ Tile first() const { return tile(table_.begin); }
  __device__ __forceinline__ Tile next(const Tile& tile) const {
    return this->tile(tile.first + tile.count + (tile.paged ? 0 : table_.history));
  }

 protected:
  const TokenTable& table_;
};

/** Where the pages of a stretch of the history begin, in shared memory; null for a bad id. */
struct PageWindow {
  /** Tokens: a multiple of every page and every tile. */
  static constexpr int TOKENS = 2048;
  const char* pages[TOKENS / 16];
};

/**
 * Copies of those tokens. D: columns in shared memory, those past the head's are 0. KEYS of a tile.
 * CODES: whether pages hold codes of 8 bits; everything else has 16. LOOKUPS of pages at a time, as
 * registers allow.
 */
template <int D, int KEYS, int THREADS, int LOOKUPS, bool CODES>
class Tokens : public Tiles<KEYS> {
  using Tiles<KEYS>::table_;

 public:
  /** Bytes from key to key and from value to value. They keep the accesses of a warp apart: keys
   * are read eight neighbours a thread, values by read_transposed(). */
  static constexpr int KEY_PITCH = 2 * D + 64;
  static constexpr int VALUE_PITCH = 2 * D + 16;
  static constexpr int KEY_CODES_PITCH = D + 32;
  static constexpr int VALUE_CODES_PITCH = D + 16;

  __device__ __forceinline__ Tokens(const AttendArguments& a, const TokenTable& table,
                                    PageWindow& window)
      : Tiles<KEYS>(table), a_(a), window_(window) {}

  /** Begins the copy of a tile's keys (PART 0) or values (1), and of their scales. Keys come
   * first. All threads of the block call; a barrier lies between this and the last reading. */
  template <int PART>
  __device__ __forceinline__ void copy(const Tile& tile, unsigned char* to,
                                       uint16_t* scales) const {
    if (PART == 0 && tile.paged && (tile.first - table_.begin) % PageWindow::TOKENS == 0) {
      read_table(tile.first);
    }
    if (CODES && tile.paged) {
      copy_vectors<PART, 1, PART == 0 ? KEY_CODES_PITCH : VALUE_CODES_PITCH>(tile, to);
      copy_scales<PART>(tile, scales);
    } else {
      copy_vectors<PART, 2, PART == 0 ? KEY_PITCH : VALUE_PITCH>(tile, to);
    }
  }

 private:
  /** Finds the pages of a window. */
  __device__ void read_table(int32_t first) const {
    Notes notes{a_.op.common.status, TRIMTAB_OPERATION_ATTEND};
    HeadPages pages(a_.op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, table_.row, table_.head);
    int32_t tokens = min(min(table_.history, table_.end) - first, PageWindow::TOKENS);
    __syncthreads();
    for (auto i = static_cast<int32_t>(threadIdx.x); i << pages.shift < tokens; i += THREADS) {
      int64_t place = (first >> pages.shift) + i;
      int32_t id = pages.table[place * pages.table_stride];
      bool good = notes.inside(pages.argument, pages.table_index + place, id, 0, pages.pages - 1);
      window_.pages[i] = good ? pages.slab + id * pages.page_bytes : nullptr;
    }
    __syncthreads();
  }

  /** The page of a token of the history. */
  __device__ __forceinline__ const char* page(const Places& places, int32_t token) const {
    return window_.pages[(token - table_.begin) % PageWindow::TOKENS >> places.shift];
  }

  template <int PART, int BYTES, int PITCH>
  __device__ __forceinline__ void copy_vectors(const Tile& tile, unsigned char* to) const {
    // A thread copies the same part of every STEP-th vector, NEIGHBOURS of them from one page.
    constexpr int UNITS = D * BYTES / 16;
    constexpr int STEP = THREADS / UNITS;
    constexpr int NEIGHBOURS = STEP < 16 ? 16 / STEP : 1;
    constexpr int GROUPS = KEYS / (STEP * NEIGHBOURS);
    static_assert(THREADS % UNITS == 0 && KEYS % (STEP * NEIGHBOURS) == 0);
    auto thread = static_cast<int32_t>(threadIdx.x);
    int32_t offset = thread % UNITS * 16;
    bool inside = offset < static_cast<int32_t>(a_.op.q.size[3]) * BYTES;
    // Page addresses are read before the copies, past which the compiler moves nothing.
    constexpr int BATCH = LOOKUPS < GROUPS ? LOOKUPS : GROUPS;
    const Places places = table_.places[tile.paged];
    const int64_t to_part = PART == 0 ? 0 : places.codes[1] - places.codes[0];
    to += thread / UNITS * PITCH + offset;
#pragma unroll
    for (int first = 0; first < GROUPS; first += BATCH) {
      const char* pages[BATCH];
#pragma unroll
      for (int i = 0; i < BATCH; i++) {
        int32_t key = thread / UNITS + (first + i) * STEP * NEIGHBOURS;
        pages[i] = places.codes[0];
        if (tile.paged) pages[i] = key < tile.count ? page(places, tile.first + key) : nullptr;
      }
#pragma unroll
      for (int i = 0; i < BATCH; i++) {
        int32_t key = thread / UNITS + (first + i) * STEP * NEIGHBOURS;
        int32_t present = inside && pages[i] != nullptr ? tile.count - key : 0;
        const char* from = pages[i] + to_part + offset +
                           ((tile.first + key) & places.token_mask) * places.token_bytes[PART];
#pragma unroll
        for (int n = 0; n < NEIGHBOURS; n++) {
          copy_or_clear_async(to + ((first + i) * NEIGHBOURS + n) * STEP * PITCH,
                              from + n * STEP * places.token_bytes[PART], n * STEP < present);
        }
      }
    }
  }

  /** Scales of two neighbours are one copy; the one behind the last token's is not used. */
  template <int PART>
  __device__ __forceinline__ void copy_scales(const Tile& tile, uint16_t* to) const {
    int32_t pair = 2 * static_cast<int32_t>(threadIdx.x);
    if (pair >= tile.count) return;
    const Places& places = table_.places[1];
    int32_t token = tile.first + pair;
    const char* from = page(places, token);
    if (from == nullptr) return;
    copy_async<4>(to + pair, from + (places.codes[PART] - places.codes[0]) +
                                 scales_after_codes(a_.op.history) +
                                 2 * (token & places.token_mask));
  }

  const AttendArguments& a_;
  PageWindow& window_;
};

}  // namespace trimtab
