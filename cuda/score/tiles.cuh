// Keys on their way through a warp's own part of shared memory, 32 neighbours at a time: no warp
// waits for another.
#pragma once

#include "common/async.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"

namespace trimtab {

/** Keys of a tile. */
constexpr int TILE_KEYS = LANES;

/** Neighbouring tokens whose keys have one format. */
struct KeyTile {
  int32_t token;  // the first
  int32_t count;  // at most TILE_KEYS
  int32_t dtype;
};

/** The tiles of tokens [first, end) of a head. */
class KeyTiles {
 public:
  __device__ __forceinline__ KeyTiles(const trimtab_pages& history, const trimtab_new_tokens& fresh,
                                      const TokenCounts& counts, int32_t first, int32_t end)
      : first_(first), border_(first), end_(max(end, first)) {
    before_ = has(history) ? history.dtype : fresh.k.dtype;
    behind_ = has(fresh) ? fresh.k.dtype : before_;
    border_ = before_ == behind_ ? end_ : min(max(counts.history, first), end_);
  }

  __device__ __forceinline__ int32_t count() const {
    return tiles(first_, border_) + tiles(border_, end_);
  }

  __device__ __forceinline__ KeyTile at(int32_t i) const {
    int32_t before = tiles(first_, border_);
    int32_t token = i < before ? first_ + i * TILE_KEYS : border_ + (i - before) * TILE_KEYS;
    return {token, min(TILE_KEYS, (i < before ? border_ : end_) - token),
            i < before ? before_ : behind_};
  }

 private:
  static __device__ __forceinline__ int32_t tiles(int32_t first, int32_t end) {
    return (end - first + TILE_KEYS - 1) / TILE_KEYS;
  }

  int32_t first_, border_, end_; /* at the border the format may change */
  int32_t before_, behind_;      /* formats */
};

/** How a warp's tile lies in shared memory: its keys, cleared up to whole steps of 32 elements,
 * then the scales of codes. */
struct TileShape {
  static constexpr int SCALES = (TILE_KEYS + 8) * 2;

  int32_t padded;  // elements of a key, a multiple of 32
  int32_t keys;    // bytes of the keys of any source
  int32_t turned;  // bits of a place that depend on its key

  /** Bytes from key to key. */
  __host__ __device__ constexpr int32_t pitch(int key_bits) const { return padded * key_bits / 8; }

  __host__ __device__ constexpr int32_t bytes() const { return keys + SCALES; }

  /** Where byte `at` of the keys lies: if places are turned, threads that read the same bytes of
   * different keys find them in different banks. */
  __host__ __device__ constexpr int32_t place(int32_t at) const {
    return at ^ (((at >> 3) ^ (at >> 6)) & turned);
  }
};

/** The shape for a head's keys, their places `turned` or as they come. */
inline TileShape tile_shape(const trimtab_pages& history, const trimtab_new_tokens& fresh,
                            int32_t padded, bool turned) {
  int key_bits = has(history) ? bits(history.dtype) : 0;
  if (has(fresh) && bits(fresh.k.dtype) > key_bits) key_bits = bits(fresh.k.dtype);
  return {padded, TILE_KEYS * padded * key_bits / 8, turned ? 0x70 : 0};
}

/** Keys that follow each other, on their way to shared memory. */
struct KeyRun {
  const char* from;  // null: a bad page, whose keys are zeros
  int64_t stride;    // bytes
  int32_t count;
  int32_t bytes;  // of a key
  int32_t unit;   // bytes that may be copied at once: 16, 4 or 2
};

/** A warp's copies of tiles of a row's head; all its threads call each method. */
class TileCopies {
 public:
  /** `slots`: `stages` times shape.bytes(), aligned to 16 bytes. */
  __device__ __forceinline__ TileCopies(const trimtab_pages& history,
                                        const trimtab_new_tokens& fresh, int32_t row, int32_t head,
                                        int32_t history_tokens, const TileShape& shape,
                                        int32_t stages, unsigned char* slots, const Notes& notes)
      : history_(history),
        fresh_(fresh),
        pages_(history, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, head),
        row_(row),
        head_(head),
        history_tokens_(history_tokens),
        shape_(shape),
        stages_(stages),
        slots_(slots),
        notes_(notes) {}

  /** Begins to copy a tile into the next slot; tiles are awaited in the same order. Nothing for no
   * tile. */
  __device__ __forceinline__ void begin(const KeyTile& tile) {
    int32_t end = tile.token + tile.count;
#pragma unroll 1
    for (int32_t token = tile.token; token < end;) {
      token +=
          token < history_tokens_ ? begin_paged(tile, token, end) : begin_fresh(tile, token, end);
    }
    commit_copies();
    if (++coming_ == stages_) coming_ = 0;
  }

  /** Waits for a tile, behind which `pending` others are under way, 0 or 1. */
  __device__ __forceinline__ const unsigned char* await(int32_t pending) {
    if (pending == 1) {
      wait_copies<1>();
    } else {
      wait_copies<0>();
    }
    __syncwarp();
    const unsigned char* tile = slot(current_);
    if (++current_ == stages_) current_ = 0;
    return tile;
  }

 private:
  static __device__ __forceinline__ int32_t lane() {
    return static_cast<int32_t>(threadIdx.x) % LANES;
  }
  __device__ __forceinline__ unsigned char* slot(int32_t i) const {
    return slots_ + i * shape_.bytes();
  }

  /** Begins to copy what one page has of tokens [token, end); returns their number. */
  __device__ __forceinline__ int32_t begin_paged(const KeyTile& tile, int32_t token, int32_t end) {
    int32_t left = pages_.tokens - (token & (pages_.tokens - 1));
    int32_t count = min(min(end, history_tokens_) - token, left);
    const char* page = pages_.page(token, notes_);
    const char* from = page == nullptr ? nullptr : page + pages_.codes(token);
    begin_run({from, pages_.token_bytes, count, pages_.token_bytes,
               pages_.token_bytes % 16 == 0 ? 16 : 4},
              (token - tile.token) * shape_.pitch(bits(history_.dtype)),
              shape_.pitch(bits(history_.dtype)));
    if (is_quantized(history_.dtype)) {
      // Two at a time, so maybe one before the first and one behind the last.
      int32_t even = (token & ~1) + 2 * lane();
      if (even < token + count) {
        unsigned char* scales = slot(coming_) + shape_.keys + 2 * (even - (tile.token & ~1));
        if (page != nullptr) {
          copy_async<4>(scales, page + pages_.scale(even));
        } else {
          *reinterpret_cast<uint32_t*>(scales) = 0;
        }
      }
    }
    return count;
  }

  /** The same for new tokens. */
  __device__ __forceinline__ int32_t begin_fresh(const KeyTile& tile, int32_t token, int32_t end) {
    const trimtab_tensor& k = fresh_.k;
    int element = bits(k.dtype) / 8;
    int32_t pitch = shape_.pitch(8 * element);
    begin_run({vector_of(k, row_, head_, token - history_tokens_), k.stride[2] * element,
               end - token, static_cast<int32_t>(k.size[3]) * element, wide(k) ? 16 : element},
              (token - tile.token) * pitch, pitch);
    return end - token;
  }

  __device__ __forceinline__ void begin_run(const KeyRun& run, int32_t to, int32_t pitch) {
    bool whole = run.from != nullptr && run.unit == 16 && run.bytes == pitch && run.stride == pitch;
    if (whole) {
      unsigned char* keys = slot(coming_);
#pragma unroll 4
      for (int32_t at = 16 * lane(); at < run.count * pitch; at += 16 * LANES) {
        copy_async<16>(keys + shape_.place(to + at), run.from + at);
      }
    } else if (run.unit == 16) {
      copy_keys<16>(run, to, pitch);
    } else if (run.unit == 4) {
      copy_keys<4>(run, to, pitch);
    } else {
      copy_keys<2>(run, to, pitch);
    }
  }

  /** Begins to copy keys one by one, UNIT bytes at a time. */
  template <int UNIT>
  __device__ __forceinline__ void copy_keys(const KeyRun& run, int32_t to, int32_t pitch) {
#pragma unroll 1
    for (int32_t key = 0; key < run.count; key++) {
      for (int32_t at = lane() * UNIT; at < pitch; at += LANES * UNIT) {
        unsigned char* target = slot(coming_) + shape_.place(to + key * pitch + at);
        bool present = run.from != nullptr && at < run.bytes;
        const char* source = present ? run.from + key * run.stride + at : nullptr;
        if constexpr (UNIT == 2) {
          *reinterpret_cast<uint16_t*>(target) =
              present ? *reinterpret_cast<const uint16_t*>(source) : uint16_t{0};
        } else if (present) {
          copy_async<UNIT>(target, source);
        } else {
#pragma unroll
          for (int i = 0; i < UNIT; i += 4) *reinterpret_cast<uint32_t*>(target + i) = 0;
        }
      }
    }
  }

  const trimtab_pages& history_;
  const trimtab_new_tokens& fresh_;
  const HeadPages pages_;
  const int32_t row_, head_, history_tokens_;
  const TileShape& shape_;
  const int32_t stages_;
  unsigned char* const slots_;
  const Notes& notes_;
  int32_t coming_ = 0;  /* the slot of the tile that begins next */
  int32_t current_ = 0; /* and of that awaited next */
};

}  // namespace trimtab
