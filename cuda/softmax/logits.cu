// Logits: a block holds the keys of a tile in shared memory as they are stored, a thread owns one
// key and the 32 lanes of its canonical dots with four queries at once: no exchange between
// threads.
//
// FLOPs: 2 a query and key element, and 31 additions a dot; bytes: keys read once, logits written.
// Bound by multiply-adds: 16 queries, 10521 keys, 32 lists x 128: 690 M of them, 24 us on 132
// processors. On an H200 216 us: a quarter of its instructions are those, and with 212 registers
// only 8 warps a processor hide each other's latency.
#include "softmax/logits.cuh"

#include <algorithm>

#include "common/async.cuh"
#include "common/elements.cuh"
#include "common/launch.cuh"
#include "common/move.cuh"
#include "common/warp.cuh"

namespace trimtab {

namespace {

constexpr int MOST_THREADS = 128;
constexpr int SHARED_BYTES = 48 * 1024;
constexpr int QUERIES = 4;  // of a thread at once

/** A block's keys: all of history or all of new tokens. */
struct Tile {
  int32_t row, head;
  int32_t first;  // token
  int32_t count;
  bool paged;
};

__device__ Tile tile_of(const Logits& op, int64_t block, const TokenCounts& counts, int32_t row,
                        int32_t head) {
  int32_t keys = op.keys_of_block();
  auto tile = static_cast<int32_t>(block % op.tiles());
  int32_t paged = (counts.history + keys - 1) / keys;
  if (tile < paged) {
    return {row, head, tile * keys, min(keys, counts.history - tile * keys), true};
  }
  int64_t first = counts.history + static_cast<int64_t>(tile - paged) * keys;
  if (first >= counts.all()) return {row, head, counts.all(), 0, false};
  auto begin = static_cast<int32_t>(first);
  return {row, head, begin, min(keys, counts.all() - begin), false};
}

/** Begins to copy an aligned share. */
__device__ __forceinline__ void copy_share_async(int bits, char* to, const char* from) {
  if (bits == 8) {
    copy_async<4>(to, from);
    copy_async<4>(to + 4, from + 4);
    return;
  }
  copy_async<16>(to, from);
  if (bits == 32) copy_async<16>(to + 16, from + 16);
}

/** Begins to fill the block's keys; those of bad pages are zeros, those past the tile anything. */
__device__ __forceinline__ void load_keys(const Logits& op, const Tile& tile,
                                          const HeadPages& pages, const TokenCounts& counts,
                                          char* keys, const Notes& notes) {
  const trimtab_tensor& k = op.fresh.k;
  int key_bits = bits(tile.paged ? op.history.dtype : k.dtype);
  LaneGroup lane(static_cast<int32_t>(op.queries.q.size[3]));
  bool aligned = tile.paged || wide(k);
  for (int32_t mine = lane.group; lane.used && mine < tile.count; mine += lane.groups) {
    int32_t token = tile.first + mine;
    int32_t offset = lane.part * key_bits;  // a share is as many bytes as an element has bits
    char* to = keys + mine * op.pitch() + offset;
    const char* from = nullptr;
    if (tile.paged) {
      const char* page = pages.page(token, notes);
      if (page != nullptr) from = page + pages.codes(token) + offset;
    } else {
      from = vector_of(k, tile.row, tile.head, token - counts.history) + offset;
    }
    if (from == nullptr) {
      store_share(key_bits, to, {});
    } else if (aligned) {
      copy_share_async(key_bits, to, from);
    } else {
      store_share(key_bits, to, load_share(key_bits, from, false));
    }
  }
  commit_copies();
}

/** The scale of this thread's key. */
__device__ float scale_of_key(const Logits& op, const Tile& tile, const HeadPages& pages,
                              const Notes& notes) {
  auto mine = static_cast<int32_t>(threadIdx.x);
  if (!tile.paged || !is_quantized(op.history.dtype) || mine >= tile.count) return 1.f;
  const char* page = pages.page(tile.first + mine, notes);
  if (page == nullptr) return 0.f;
  return from_bf16(*reinterpret_cast<const uint16_t*>(page + pages.scale(tile.first + mine)));
}

/** Adds a thread's lanes pairwise, at distances O, O/2, ... 1; in registers, so without a loop. */
template <int O>
__device__ __forceinline__ void add_halves(float (&lanes)[LANES]) {
#pragma unroll
  for (int j = 0; j < O; j++) lanes[j] += lanes[j + O];
  if constexpr (O > 1) add_halves<O / 2>(lanes);
}

/** Canonical dots of this thread's key with QUERIES queries. */
template <class Format>
__device__ __forceinline__ void dots(const char* key, float scale, const float* queries,
                                     int32_t head_dim, float (&dot)[QUERIES]) {
  float lanes[QUERIES][LANES] = {};
  for (int32_t d = 0; d < head_dim; d += LANES) {
#pragma unroll
    for (int s = 0; s < LANES; s += SHARE) {
      if (d + s >= head_dim) continue;
      float x[SHARE];
      read_share<Format>(key + (d + s) * Format::BITS / 8, true, scale, x);
#pragma unroll
      for (int n = 0; n < QUERIES; n++) {
        float q[SHARE];
        read_share<formats::F32>(reinterpret_cast<const char*>(queries + n * head_dim + d + s),
                                 true, 1.f, q);
#pragma unroll
        for (int i = 0; i < SHARE; i++) lanes[n][s + i] = fma(q[i], x[i], lanes[n][s + i]);
      }
    }
  }
#pragma unroll
  for (int n = 0; n < QUERIES; n++) {
    add_halves<LANES / 2>(lanes[n]);
    dot[n] = lanes[n][0];
  }
}

/** warp_max_or_nan() by one reduction of ordered numbers, NaN above all. */
__device__ __forceinline__ float warp_largest(float x) {
  uint32_t bits = bits_of(x);
  uint32_t most = warp_max(x != x ? ~0u : bits ^ (bits >> 31 != 0 ? ~0u : 0x80000000u));
  if (most == ~0u) return quiet_nan();
  return float_of(most ^ (most >> 31 != 0 ? 0x80000000u : ~0u));
}

template <class Format>
__device__ __forceinline__ void logits_of_tile(const Logits& op, const Tile& tile,
                                               const int32_t* visible, const float* query_values,
                                               const char* keys, float key_scale, int64_t list,
                                               int64_t slot) {
  auto mine = static_cast<int32_t>(threadIdx.x);
  int32_t token = tile.first + mine;
  auto head_dim = static_cast<int32_t>(op.queries.q.size[3]);
  for (int32_t n = 0; n < op.count; n += QUERIES) {
    float dot[QUERIES];
    dots<Format>(keys + mine * op.pitch(), key_scale, query_values + n * head_dim, head_dim, dot);
#pragma unroll
    for (int i = 0; i < QUERIES; i++) {
      if (n + i >= op.count) continue;
      float logit = dot[i] * op.scale;
      if (mine < tile.count) op.logits[(list * BATCH + n + i) * op.most + token] = logit;
      bool seen = mine < tile.count && token < visible[n + i];
      float largest = warp_largest(seen ? logit : -infinity());
      if (mine % LANES == 0) op.maxima[(list * BATCH + n + i) * op.slots() + slot] = largest;
    }
  }
}

__global__ void __launch_bounds__(MOST_THREADS, 2) logits(const __grid_constant__ Logits op) {
  TRIMTAB_DYNAMIC_SHARED(shared);
  __shared__ int32_t rows_of_q[BATCH];
  __shared__ int32_t visible[BATCH];
  auto head_dim = static_cast<int32_t>(op.queries.q.size[3]);
  auto* query_values = reinterpret_cast<float*>(shared);
  char* keys = reinterpret_cast<char*>(shared) + BATCH * head_dim * sizeof(float);
  Notes notes{op.status, op.operation};
  int64_t list = blockIdx.x / op.tiles();
  auto head = static_cast<int32_t>(list % op.heads());
  auto row = static_cast<int32_t>(list / op.heads());
  TokenCounts counts = tokens_of(op.history, op.fresh, row, head, op.most, notes);
  Tile tile = tile_of(op, blockIdx.x, counts, row, head);
  HeadPages pages(op.history, TRIMTAB_ARGUMENT_HISTORY_TABLE, row, head);
  load_keys(op, tile, pages, counts, keys, notes);
  for (auto n = static_cast<int32_t>(threadIdx.x); n < BATCH; n += blockDim.x) {
    int32_t place = (op.first + n) / op.queries.group;
    Query query = n < op.count ? query_of(op.queries, row, place, counts.all(), notes) : Query();
    rows_of_q[n] = query.row_of_q;
    visible[n] = query.visible;
  }
  __syncthreads();
  load_queries(op.queries, row, head, op.first, rows_of_q, query_values);
  float scale = scale_of_key(op, tile, pages, notes);
  wait_copies<0>();
  __syncthreads();
  int64_t slot = blockIdx.x % op.tiles() * (op.keys_of_block() / LANES) + threadIdx.x / LANES;
  auto run = [&](auto all) { all(op, tile, visible, query_values, keys, scale, list, slot); };
  switch (tile.paged ? op.history.dtype : op.fresh.k.dtype) {
    case TRIMTAB_F32:
      return run(logits_of_tile<formats::F32>);
    case TRIMTAB_F16:
      return run(logits_of_tile<formats::F16>);
    case TRIMTAB_BF16:
      return run(logits_of_tile<formats::Bf16>);
    case TRIMTAB_FP8_E4M3:
      return run(logits_of_tile<formats::Fp8>);
    default:
      return run(logits_of_tile<formats::Int8>);
  }
}

int64_t lists(const Logits& logits) { return logits.queries.q.size[0] * logits.heads(); }

int64_t logits_bytes(const Logits& logits) {
  return aligned(lists(logits) * BATCH * logits.most * sizeof(float));
}

int32_t query_bytes(const Logits& logits) {
  return BATCH * static_cast<int32_t>(logits.queries.q.size[3] * sizeof(float));
}

}  // namespace

Logits logits_of(const Queries& queries, const trimtab_pages& history,
                 const trimtab_new_tokens& fresh, int64_t most, float scale, uint32_t operation,
                 trimtab_status_word* status) {
  Logits logits{queries, history, fresh,   most,    scale, operation, status,
                0,       0,       nullptr, nullptr, 0,     0};
  int32_t element_bits = std::max(bits(history.dtype), bits(fresh.k.dtype));
  // 16 more bytes a key: then eight keys' shares lie in different banks.
  logits.pitch_ = static_cast<int32_t>((queries.q.size[3] * element_bits / 8 + 15) / 16 * 16) + 16;
  logits.keys_ = MOST_THREADS;
  while (logits.keys_ > LANES &&
         query_bytes(logits) + logits.keys_ * logits.pitch_ > SHARED_BYTES) {
    logits.keys_ /= 2;
  }
  return logits;
}

uint64_t workspace_logits(const Logits& logits) {
  return logits_bytes(logits) + aligned(lists(logits) * BATCH * logits.slots() * sizeof(float));
}

void place_logits(Logits& logits, char* workspace) {
  logits.logits = reinterpret_cast<float*>(workspace);
  logits.maxima = reinterpret_cast<float*>(workspace + logits_bytes(logits));
}

cudaError_t launch_logits(const Logits& op, cudaStream_t stream) {
  Grid grid{blocks_of(lists(op) * op.tiles()), dim3(static_cast<unsigned>(op.keys_of_block())),
            static_cast<unsigned>(query_bytes(op) + op.keys_of_block() * op.pitch())};
  return launch(logits, grid, stream, op);
}

}  // namespace trimtab
