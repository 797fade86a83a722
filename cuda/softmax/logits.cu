// Logits: a warp takes tiles of 32 keys in turn. It widens a tile's keys into registers, a thread
// a quarter of four of them, begins to copy its next tile, and goes through the queries, which lie
// in shared memory.
//
// FLOPs: 2 a query and key element, and 31 additions a dot; bytes: keys read once, logits written.
// Bound by multiply-adds: 16 queries, 10521 keys, 32 lists x 128: 690 M of them, 24 us on 132
// processors, beside a quarter as many additions, which are more than half of all instructions.
// Keys in registers leave room for 8 warps a processor, of which each makes two dots at once to
// have enough to do; that is not enough to issue all the time.
#include "softmax/logits.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "softmax/dots.cuh"

namespace trimtab {

namespace {

/** Queries of which a thread makes the dots at once. */
constexpr int TOGETHER = 2;

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

/** What a block shares beside its warps' keys. */
struct Shared {
  float most[BATCH][MOST_LOGIT_WARPS * LANES];  // a thread's largest logit that a query sees
  int32_t visible[BATCH];
  int32_t rows_of_q[BATCH];
};

/** A warp's tile and what becomes of its logits. */
struct TileLogits {
  const Logits& op;
  KeyTile tile;
  float* logits;  // of the list's first query
  Shared& shared;
  const float* queries;
  const unsigned char* keys;

  /** Keeps the thread's dot with a query. */
  __device__ __forceinline__ void put(int32_t n, float dot) const {
    int32_t key = key_of_thread(0);
    if (key >= tile.count) return;
    int32_t token = tile.token + key;
    float logit = dot * op.scale;
    logits[n * op.most + token] = logit;
    float& most = shared.most[n][threadIdx.x];
    if (token < shared.visible[n]) most = larger(most, logit);
  }
};

/** Logits of a tile whose keys fit into registers, STEPS times 32 elements; next() is called when
 * they are there. */
template <int STEPS, class Format, class Next>
__device__ __forceinline__ void held(const TileLogits& t, Next next) {
  int32_t pitch = t.op.shape.pitch(Format::BITS);
  float scales[KEYS];
#pragma unroll
  for (int k = 0; k < KEYS; k++) {
    scales[k] = read_scale<Format>(t.keys, t.op.shape, t.tile, key_of_thread(k));
  }
  float x[STEPS][KEYS][OWNED];
#pragma unroll
  for (int s = 0; s < STEPS; s++) {
    read_step<Format>(t.keys, pitch, s, scales, x[s]);
    hold(x[s]);
  }
  __syncwarp();
  next();
  static_assert(BATCH % TOGETHER == 0);
#pragma unroll 1
  for (int32_t n = 0; n < t.op.count; n += TOGETHER) {
    float lanes[TOGETHER][KEYS][OWNED] = {};
#pragma unroll
    for (int s = 0; s < STEPS; s++) {
#pragma unroll
      for (int i = 0; i < TOGETHER; i++) {
        add_step<Format>(t.queries + ((n + i) * STEPS + s) * LANES, x[s], lanes[i]);
      }
    }
    float dots[TOGETHER];
#pragma unroll
    for (int i = 0; i < TOGETHER; i++) dots[i] = add_lanes<Format>(lanes[i]);
#pragma unroll
    for (int i = 0; i < TOGETHER; i++) t.put(n + i, dots[i]);
  }
}

/** The same for longer keys, which are read for each query. */
template <class Format, class Next>
__device__ __forceinline__ void streamed(const TileLogits& t, Next next) {
  int32_t pitch = t.op.shape.pitch(Format::BITS);
  int32_t padded = t.op.shape.padded;
  float scales[KEYS];
#pragma unroll
  for (int k = 0; k < KEYS; k++) {
    scales[k] = read_scale<Format>(t.keys, t.op.shape, t.tile, key_of_thread(k));
  }
#pragma unroll 1
  for (int32_t n = 0; n < t.op.count; n++) {
    float lanes[KEYS][OWNED] = {};
    for (int32_t s = 0; s < padded / LANES; s++) {
      float x[KEYS][OWNED];
      read_step<Format>(t.keys, pitch, s, scales, x);
      add_step<Format>(t.queries + n * padded + s * LANES, x, lanes);
    }
    t.put(n, add_lanes<Format>(lanes));
  }
  __syncwarp();
  next();
}

/** STEPS: of a key in registers; 0 where it is longer than that. */
template <int STEPS>
__global__ void __launch_bounds__(MOST_LOGIT_WARPS* LANES, 2)
    logits(const __grid_constant__ Logits op) {
  TRIMTAB_DYNAMIC_SHARED(bytes);
  auto& shared = *reinterpret_cast<Shared*>(bytes);
  auto* queries = reinterpret_cast<float*>(bytes + sizeof(Shared));
  auto thread = static_cast<int32_t>(threadIdx.x);
  int32_t warp = thread / LANES;
  int32_t padded = op.shape.padded;
  unsigned char* keys =
      bytes + sizeof(Shared) + BATCH * padded * sizeof(float) + warp * op.shape.bytes();
  Notes notes{op.status, op.operation};
  await_kernel_before();
  begin_next_kernel();
  int64_t list = blockIdx.x / op.blocks;
  auto head = static_cast<int32_t>(list % op.heads());
  auto row = static_cast<int32_t>(list / op.heads());
  TokenCounts counts = tokens_of(op.history, op.fresh, row, head, op.most, notes);
  KeyTiles tiles(op.history, op.fresh, counts, 0, counts.all());
  int32_t tile_count = tiles.count();
  int32_t part = static_cast<int32_t>(blockIdx.x % op.blocks) * op.warps + warp;
  TileCopies copies(op.history, op.fresh, row, head, counts.history, op.shape, 1, keys, notes);
  auto begin = [&](int32_t i) { copies.begin(i < tile_count ? tiles.at(i) : KeyTile{}); };
  begin(part);
  for (int32_t n = thread; n < BATCH; n += blockDim.x) {
    int32_t place = (op.first + n) / op.queries.group;
    Query query = n < op.count ? query_of(op.queries, row, place, counts.all(), notes) : Query();
    shared.rows_of_q[n] = query.row_of_q;
    shared.visible[n] = query.visible;
    if (blockIdx.x % op.blocks == 0) op.visible[list * BATCH + n] = query.visible;
  }
#pragma unroll
  for (int n = 0; n < BATCH; n++) shared.most[n][thread] = -infinity();
  __syncthreads();
  load_queries(op.queries, row, head, op.first, shared.rows_of_q, padded, queries);
  __syncthreads();
  for (int32_t i = part; i < tile_count; i += op.parts()) {
    TileLogits tile{op, tiles.at(i), op.logits + list * BATCH * op.most, shared, queries, keys};
    auto next = [&] { begin(i + op.parts()); };
    copies.await(0);
    with_key_format(tile.tile.dtype, [&](auto format) {
      using Format = decltype(format);
      if constexpr (STEPS > 0) {
        held<STEPS, Format>(tile, next);
      } else {
        streamed<Format>(tile, next);
      }
    });
  }
  for (int32_t n = 0; n < op.count; n++) {
    uint32_t most = warp_max(rising(shared.most[n][thread]));
    if (thread % LANES == 0) op.maxima[(list * BATCH + n) * op.most_parts() + part] = most;
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
         logits.warps * logits.shape.bytes();
}

/** Elements of a key, up to those that a kernel is compiled for. */
int32_t padded_to(int64_t head_dim) {
  if (head_dim <= 2 * LANES) return 2 * LANES;
  if (head_dim <= 4 * LANES) return 4 * LANES;
  return static_cast<int32_t>((head_dim + LANES - 1) / LANES * LANES);
}

}  // namespace

Logits logits_of(const Queries& queries, const trimtab_pages& history,
                 const trimtab_new_tokens& fresh, int64_t most, float scale, uint32_t operation,
                 trimtab_status_word* status) {
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
          tile_shape(history, fresh, padded_to(queries.q.size[3]))};
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
  while (op.warps > 1 && shared_bytes(op) > device.block_shared) op.warps /= 2;
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
                : op.shape.padded == 4 * LANES ? logits<4>
                                               : logits<0>,
                grid, stream, op);
}

}  // namespace trimtab
