// Logits: a warp takes its share of a head's tokens in tiles of 32 keys, of which the next one is
// on its way to shared memory meanwhile, and makes the dots of all queries with them. Queries stay
// in registers (softmax/held_queries.cuh) unless they are too long.
//
// FLOPs: 2 a query and key element, and 31 additions a dot; bytes: keys read once, logits written.
// Bound by instructions: of these multiply-adds are two thirds, the additions a sixth; the others
// read keys, exchange sums and put logits in order.
#include "softmax/logits.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "softmax/dots.cuh"

namespace trimtab {

namespace {

/** The larger, NaN if one is, +0 above -0. */
__device__ __forceinline__ float larger(float a, float b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  float most;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(most) : "f"(a), "f"(b));
  return most;
#else
  return max_or_nan(a, b);
#endif
}

/** What a block shares beside queries, dots and keys. */
struct Shared {
  int32_t visible[BATCH];
  int32_t rows_of_q[BATCH];
};

/** A warp's logits of a tile, each query's keys in banks of their own. */
struct TileLogits {
  float of[BATCH][TILE_KEYS + 1];
};

/** Bytes of a warp: its logits and tiles. */
constexpr int32_t warp_bytes(const Logits& op) {
  return static_cast<int32_t>(sizeof(TileLogits)) + op.stages() * op.shape.bytes();
}

/** The largest of `most` and a query's logits of a tile that the thread takes part in, of the first
 * `seen` keys. */
__device__ __forceinline__ float most_of(const TileLogits& tile, int32_t seen, float most) {
  // All reads come before the first use, here and below: a warp has nothing else to do meanwhile.
  float x[HALF];
#pragma unroll
  for (int i = 0; i < HALF; i++) x[i] = tile.of[place_in_half()][half_of_warp() * HALF + i];
  int32_t left = seen - half_of_warp() * HALF;
#pragma unroll
  for (int i = 0; i < HALF; i++) x[i] = i < left ? x[i] : -infinity();
#pragma unroll
  for (int o = HALF / 2; o > 0; o /= 2) {
#pragma unroll
    for (int i = 0; i < HALF / 2; i++) {
      if (i < o) x[i] = larger(x[i], x[i + o]);
    }
  }
  return larger(most, x[0]);
}

/** Writes a tile's logits. */
__device__ __forceinline__ void write_tile(const TileLogits& tile, int32_t count, int32_t queries,
                                           float* logits, int64_t pitch) {
  auto key = static_cast<int32_t>(threadIdx.x) % LANES;
  float x[BATCH];
#pragma unroll
  for (int n = 0; n < BATCH; n++) x[n] = tile.of[n][key];
  if (key >= count) return;
  float* to = logits + key;
#pragma unroll
  for (int n = 0; n < BATCH; n++, to += pitch) {
    if (n < queries) *to = x[n];
  }
}

/** STEPS: of 32 elements of a query that is held; 0 where it is longer than that. */
template <int STEPS>
__global__ void __launch_bounds__(MOST_LOGIT_WARPS* LANES, 2)
    logits(const __grid_constant__ Logits op) {
  TRIMTAB_DYNAMIC_SHARED(bytes);
  auto& shared = *reinterpret_cast<Shared*>(bytes);
  auto* queries = reinterpret_cast<float*>(bytes + sizeof(Shared));
  auto thread = static_cast<int32_t>(threadIdx.x);
  int32_t warp = uniform(thread / LANES);
  int32_t padded = op.shape.padded;
  unsigned char* own =
      bytes + sizeof(Shared) + BATCH * padded * sizeof(float) + warp * warp_bytes(op);
  auto& result = *reinterpret_cast<TileLogits*>(own);
  Notes notes{op.status, op.operation};
  await_kernel_before();
  begin_next_kernel();
  int64_t list = blockIdx.x / op.blocks;
  auto head = static_cast<int32_t>(list % op.heads());
  auto row = static_cast<int32_t>(list / op.heads());
  TokenCounts counts = tokens_of(op.history, op.fresh, row, head, op.most, notes);
  int32_t part = static_cast<int32_t>(blockIdx.x % op.blocks) * op.warps + warp;
  auto token_of = [&](int32_t number) {
    return static_cast<int32_t>(int64_t{counts.all()} * number / op.parts());
  };
  KeyTiles tiles(op.history, op.fresh, counts, token_of(part), token_of(part + 1));
  int32_t tile_count = uniform(tiles.count());
  TileCopies copies(op.history, op.fresh, row, head, counts.history, op.shape, op.stages(),
                    own + sizeof(TileLogits), notes);
  auto begin = [&](int32_t i) { copies.begin(i < tile_count ? tiles.at(i) : KeyTile{}); };
  begin(0);
  for (int32_t n = thread; n < BATCH; n += blockDim.x) {
    int32_t place = (op.first + n) / op.queries.group;
    Query query = n < op.count ? query_of(op.queries, row, place, counts.all(), notes) : Query();
    shared.rows_of_q[n] = query.row_of_q;
    shared.visible[n] = query.visible;
    if (blockIdx.x % op.blocks == 0) op.visible[list * BATCH + n] = query.visible;
  }
  __syncthreads();
  load_queries(op.queries, row, head, op.first, shared.rows_of_q, padded, queries);
  __syncthreads();
  const Dots<STEPS> dots(queries, padded);
  int32_t visible = shared.visible[place_in_half()];
  float most = -infinity();  // of the logits that query place_in_half() sees
  for (int32_t i = 0; i < tile_count; i++) {
    if (STEPS > 0) begin(i + 1);
    const unsigned char* keys = copies.await(STEPS > 0 ? 1 : 0);
    KeyTile tile = tiles.at(i);
    tile = {tile.token, uniform(tile.count), uniform(tile.dtype)};
    with_key_format(tile.dtype, [&](auto format) {
      dots.template of_tile<decltype(format)>(
          keys, op.shape, tile, op.count,
          [&](int32_t key, int32_t n, float dot) { result.of[n][key] = dot * op.scale; });
    });
    __syncwarp();
    if (STEPS == 0) begin(i + 1);
    most = most_of(result, min(visible - tile.token, tile.count), most);
    write_tile(result, tile.count, op.count, op.logits + list * BATCH * op.most + tile.token,
               op.most);
    __syncwarp();
  }
  uint32_t largest = rising(most);
  largest = max(largest, __shfl_xor_sync(ALL_LANES, largest, HALF));
  if (thread % LANES < op.count) {
    op.maxima[(list * BATCH + thread % LANES) * op.most_parts() + part] = largest;
  }
}

int64_t lists(const Logits& logits) { return logits.queries.q.size[0] * logits.heads(); }

int64_t logits_bytes(const Logits& logits) {
  return aligned(lists(logits) * BATCH * logits.most * sizeof(float));
}

int64_t maxima_bytes(const Logits& logits) {
  return aligned(lists(logits) * BATCH * logits.most_parts() * sizeof(uint32_t));
}

int32_t shared_bytes(const Logits& logits) {
  return static_cast<int32_t>(sizeof(Shared) + BATCH * logits.shape.padded * sizeof(float)) +
         logits.warps * warp_bytes(logits);
}

/** Elements of a key, up to those that a kernel is compiled for. */
int32_t padded_to(int64_t head_dim) {
  if (head_dim <= 2 * LANES) return 2 * LANES;
  if (head_dim <= MOST_HELD) return MOST_HELD;
  return static_cast<int32_t>((head_dim + LANES - 1) / LANES * LANES);
}

}  // namespace

Logits logits_of(const Queries& queries, const trimtab_pages& history,
                 const trimtab_new_tokens& fresh, int64_t most, float scale, uint32_t operation,
                 trimtab_status_word* status) {
  int32_t padded = padded_to(queries.q.size[3]);
  return {queries,
          history,
          fresh,
          most,
          scale,
          operation,
          status,
          0,
          0,
          nullptr,
          nullptr,
          nullptr,
          MOST_LOGIT_WARPS,
          1,
          tile_shape(history, fresh, padded, padded > MOST_HELD)};
}

uint64_t workspace_logits(const Logits& logits) {
  return logits_bytes(logits) + maxima_bytes(logits) +
         aligned(lists(logits) * BATCH * sizeof(int32_t));
}

void place_logits(Logits& logits, char* workspace) {
  logits.logits = reinterpret_cast<float*>(workspace);
  workspace += logits_bytes(logits);
  logits.maxima = reinterpret_cast<uint32_t*>(workspace);
  logits.visible = reinterpret_cast<int32_t*>(workspace + maxima_bytes(logits));
}

cudaError_t spread_logits(Logits& op) {
  Limits device{};
  cudaError_t error = limits(&device);
  if (error != cudaSuccess) return error;
  int32_t most =
      device.block_shared - 512;  // the rest is left to static shared memory, as by heads
  while (op.warps > 1 && shared_bytes(op) > most) op.warps /= 2;
  int64_t tiles = op.most / TILE_KEYS + 2;
  int64_t enough = (tiles + op.warps - 1) / op.warps;
  op.blocks = static_cast<int32_t>(
      std::clamp<int64_t>(2 * device.processors / std::max<int64_t>(lists(op), 1), 1, enough));
  return cudaSuccess;
}

cudaError_t launch_logits(const Logits& op, cudaStream_t stream) {
  Grid grid{blocks_of(lists(op) * op.blocks), dim3(static_cast<unsigned>(op.warps * LANES)),
            static_cast<unsigned>(shared_bytes(op)), true};
  return launch(op.shape.padded == 2 * LANES   ? logits<2>
                : op.shape.padded == MOST_HELD ? logits<4>
                                               : logits<0>,
                grid, stream, op);
}

}  // namespace trimtab
