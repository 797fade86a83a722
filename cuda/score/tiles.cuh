// Keys on their way through a warp's own part of shared memory, 32 neighbours at a time: no warp
// waits for another.
#pragma once

#include "common/async.cuh"
#include "common/bulk.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"

namespace trimtab {

/** Keys of a tile. */
constexpr int TILE_KEYS = LANES;

/** Neighbouring tokens of one source; those of history begin with a multiple of TILE_KEYS. */
struct KeyTile {
  bool paged;
  int32_t token;  // the first
  int32_t count;  // at most TILE_KEYS
};

/** The tiles that hold tokens [first, end) of a head, those of history first, maybe with tokens
 * around them. */
struct KeyTiles {
  TokenCounts counts;
  int32_t first, end;

  __device__ __forceinline__ int32_t paged() const {
    int32_t last = min(end, counts.history);
    return first < last ? (last - 1) / TILE_KEYS - first / TILE_KEYS + 1 : 0;
  }

  __device__ __forceinline__ int32_t count() const {
    int32_t fresh = max(end - max(first, counts.history), 0);
    return paged() + (fresh + TILE_KEYS - 1) / TILE_KEYS;
  }

  __device__ __forceinline__ KeyTile at(int32_t i) const {
    if (i < paged()) {
      int32_t token = (first / TILE_KEYS + i) * TILE_KEYS;
      return {true, token, min(TILE_KEYS, counts.history - token)};
    }
    int32_t token = max(first, counts.history) + (i - paged()) * TILE_KEYS;
    return {false, token, min(TILE_KEYS, end - token)};
  }
};

/** How a warp's tile lies in shared memory: its keys, cleared up to whole steps of 32 elements, the
 * scales of codes, and the barrier of its copies. */
struct TileShape {
  static constexpr int SCALES = TILE_KEYS * 2;
  static constexpr int BARRIER = 16;

  int32_t padded;  // elements of a key, a multiple of 32
  int32_t keys;    // bytes of the keys of any source

  /** Bytes from key to key. */
  __host__ __device__ constexpr int32_t pitch(int key_bits) const { return padded * key_bits / 8; }

  __host__ __device__ constexpr int32_t bytes() const { return keys + SCALES + BARRIER; }
};

/** The shape for a head's keys. */
inline TileShape tile_shape(const trimtab_pages& history, const trimtab_new_tokens& fresh,
                            int32_t padded) {
  int key_bits = has(history) ? bits(history.dtype) : 0;
  if (has(fresh) && bits(fresh.k.dtype) > key_bits) key_bits = bits(fresh.k.dtype);
  return {padded, TILE_KEYS * padded * key_bits / 8};
}

/** Keys that follow each other, on their way to shared memory. */
struct KeyRun {
  const char* from;  // null: a bad page, whose keys are zeros
  int64_t stride;    // bytes
  int32_t count;
  int32_t bytes;  // of a key
  int32_t pitch;  // there
  int32_t unit;   // bytes that may be copied at once: 16, 4 or 2

  /** Whether they are one piece. */
  __device__ __forceinline__ bool whole() const {
    return unit == 16 && bytes == pitch && stride == bytes;
  }
};

/** Begins to copy keys one by one, UNIT bytes at a time. All threads of the warp call. */
template <int UNIT>
__device__ __forceinline__ void copy_keys(const KeyRun& run, unsigned char* to) {
  int32_t lane = static_cast<int32_t>(threadIdx.x) % LANES;
  for (int32_t key = 0; key < run.count; key++) {
    for (int32_t at = lane * UNIT; at < run.pitch; at += LANES * UNIT) {
      unsigned char* target = to + key * run.pitch + at;
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
        notes_(notes) {
    if (lane() < stages) init_barrier(barrier(lane()));
    __syncwarp();
  }

  /** Begins to copy a tile into the next slot; tiles are awaited in the same order. Nothing for no
   * tile. */
  __device__ __forceinline__ void begin(const KeyTile& tile) {
    expected_ = 0;
    if (tile.count > 0) {
      if (tile.paged) {
        begin_paged(tile);
      } else {
        begin_fresh(tile);
      }
    }
    commit_copies();
    if (BULK_COPIES && lane() == 0) expect_bytes(barrier(coming_), expected_);
    if (++coming_ == stages_) coming_ = 0;
  }

  /** Waits for a tile, behind which `pending` others are under way, 0 to 2. */
  __device__ __forceinline__ const unsigned char* await(int32_t pending) {
    if (pending == 2) {
      wait_copies<2>();
    } else if (pending == 1) {
      wait_copies<1>();
    } else {
      wait_copies<0>();
    }
    wait_bytes(barrier(current_), parity_);
    __syncwarp();
    const unsigned char* tile = slot(current_);
    if (++current_ == stages_) current_ = 0, parity_ ^= 1;
    return tile;
  }

 private:
  static __device__ __forceinline__ int32_t lane() {
    return static_cast<int32_t>(threadIdx.x) % LANES;
  }
  __device__ __forceinline__ unsigned char* slot(int32_t i) const {
    return slots_ + i * shape_.bytes();
  }
  __device__ __forceinline__ uint64_t* barrier(int32_t i) const {
    return reinterpret_cast<uint64_t*>(slot(i) + shape_.keys + TileShape::SCALES);
  }

  __device__ __forceinline__ void begin_paged(const KeyTile& tile) {
    int32_t apart = min(pages_.tokens, TILE_KEYS);  // tokens of a page may be 16
    for (int32_t first = 0; first < tile.count; first += apart) {
      int32_t token = tile.token + first;
      const char* page = pages_.page(token, notes_);
      int32_t count = min(tile.count - first, apart);
      int32_t pitch = shape_.pitch(bits(history_.dtype));
      begin_run({page == nullptr ? page : page + pages_.codes(token), pages_.token_bytes, count,
                 pages_.token_bytes, pitch, pages_.token_bytes % 16 == 0 ? 16 : 4},
                slot(coming_) + first * pitch);
      if (is_quantized(history_.dtype) && 2 * lane() < count) {
        unsigned char* scales = slot(coming_) + shape_.keys + 2 * first + 4 * lane();
        if (page != nullptr) {
          copy_async<4>(scales, page + pages_.scale(token) + 4 * lane());
        } else {
          *reinterpret_cast<uint32_t*>(scales) = 0;
        }
      }
    }
  }

  __device__ __forceinline__ void begin_fresh(const KeyTile& tile) {
    const trimtab_tensor& k = fresh_.k;
    int element = bits(k.dtype) / 8;
    begin_run({vector_of(k, row_, head_, tile.token - history_tokens_), k.stride[2] * element,
               tile.count, static_cast<int32_t>(k.size[3]) * element, shape_.pitch(8 * element),
               wide(k) ? 16 : element},
              slot(coming_));
  }

  __device__ __forceinline__ void begin_run(const KeyRun& run, unsigned char* to) {
    int32_t bytes = run.count * run.bytes;
    if (run.from == nullptr || !run.whole()) {
      if (run.unit == 16) return copy_keys<16>(run, to);
      if (run.unit == 4) return copy_keys<4>(run, to);
      copy_keys<2>(run, to);
    } else if (BULK_COPIES) {
      if (lane() == 0) copy_bulk(to, run.from, bytes, barrier(coming_));
      expected_ += bytes;
    } else {
#pragma unroll 4
      for (int32_t at = 16 * lane(); at < bytes; at += 16 * LANES) {
        copy_async<16>(to + at, run.from + at);
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
  int32_t coming_ = 0; /* the slot of the tile that begins next */
  int32_t expected_ = 0;
  int32_t current_ = 0; /* and of that awaited next */
  unsigned parity_ = 0;
};

}  // namespace trimtab
