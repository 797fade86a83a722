#include "head/head.cuh"

#include <algorithm>

#include "common/formats.cuh"
#include "common/launch.cuh"
#include "common/shapes.h"
#include "common/ticket.cuh"
#include "common/warp.cuh"
#include "common/wgmma.cuh"
#include "head/kernels.cuh"
#include "head/pieces.cuh"

namespace trimtab {

namespace {

/** How hidden vectors lie in a stage as tensor cores multiply them. */
struct StageLayout {
  int vectors;
  int columns;
  bool wide;

  /** Where an element is, counted in elements. A vector's columns follow each other, halves of 64
      exchanged in odd vectors, so that those of two vectors are on other banks; wide: columns are
      the rows of a panel (wgmma.cuh), 32 of them in the order in which a thread's eight neighbours
      are its parts of two products. */
  __device__ int place(int vector, int column) const {
    if (!wide) return vector * columns + (column ^ (vector % 2 * 32));
    int row = column / 32 * 32 + column % 8 / 4 * 16 + column % 4 / 2 * 8 + column % 32 / 8 * 2 +
              column % 2;
    return place_of_unit(row, vector / 8, 0) / 2 + vector % 8;
  }
};

/** Writes hidden vectors as pieces, zeros behind them: [stages, pieces, a stage's layout]. */
__global__ void __launch_bounds__(256)
    split_hidden(const __grid_constant__ HeadArguments a, StageLayout stage, int columns) {
  constexpr int NEIGHBOURS = 8;
  const trimtab_tensor& hidden = a.op.hidden;
  int all = stage.vectors * (columns / NEIGHBOURS);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < all;
       i += static_cast<int>(gridDim.x * blockDim.x)) {
    int vector = i % stage.vectors;
    int first = i / stage.vectors * NEIGHBOURS;
    int of_stage = first % stage.columns;
    uint16_t* to =
        a.pieces + static_cast<int64_t>(first - of_stage) * a.hidden_pieces * stage.vectors;
#pragma unroll
    for (int n = 0; n < NEIGHBOURS; n++) {
      int place = stage.place(vector, of_stage + n);
      bool present = vector < a.vectors && first + n < a.columns;
      int64_t from = present ? vector * hidden.stride[0] + first + n : 0;
      if (hidden.dtype != TRIMTAB_F32 && a.hidden_pieces == 1) {
        to[place] = present ? static_cast<const uint16_t*>(hidden.data)[from] : 0;
        continue;
      }
      float x = hidden.dtype == TRIMTAB_F32
                    ? static_cast<const float*>(hidden.data)[from]
                    : from_f16(static_cast<const uint16_t*>(hidden.data)[from]);
      if (!present) x = 0.f;
      for (int piece = 0; piece < a.hidden_pieces; piece++) {
        to[piece * stage.vectors * stage.columns + place] = static_cast<uint16_t>(take_piece(x));
      }
    }
  }
}

/** Offsets in the workspace; equal ones are of parts that are not needed. */
struct Space {
  uint64_t logits;
  uint64_t parts;
  uint64_t bests;
  uint64_t pieces;
  uint64_t bytes;
};

int most_places(const trimtab_head_rows& rows) {
  return static_cast<int>(has(rows.ids) ? rows.ids.size[0] : rows.weight.codes.size[0]);
}

int top_of(const trimtab_head_params& op) {
  return has(op.ids) ? static_cast<int>(op.ids.size[1]) : 0;
}

int chunks_of(const trimtab_head_params& op) { return ceil_div(most_places(op.rows), CHUNK); }

/** Whether the highest logits are searched in the chunks with the best ones. */
bool ranks_chunks(const trimtab_head_params& op) { return has(op.ids) && top_of(op) <= LIST_KEYS; }

/** Whether more is asked for than logits. */
bool finishes(const trimtab_head_params& op) { return has(op.ids) || has(op.log_sum_exp); }

/** Whether tensor cores multiply F16 numbers as they are. */
bool is_half(const trimtab_head_params& op) {
  return op.rows.weight.format == TRIMTAB_F16 && op.hidden.dtype == TRIMTAB_F16;
}

int pieces_of(const trimtab_head_params& op) {
  if (is_half(op)) return 1;
  return op.hidden.dtype == TRIMTAB_F32   ? PIECES<formats::F32>
         : op.hidden.dtype == TRIMTAB_F16 ? PIECES<formats::F16>
                                          : PIECES<formats::Bf16>;
}

int padded_vectors(const trimtab_head_params& op) {
  return op.hidden.size[0] <= FEW_PRODUCTS ? FEW_PRODUCTS : MOST_PRODUCTS;
}

int padded_columns(const trimtab_head_params& op) {
  return ceil_div(static_cast<int>(op.hidden.size[1]), STAGE_COLUMNS) * STAGE_COLUMNS;
}

Space space_of(const trimtab_head_params& op) {
  auto vectors = static_cast<uint64_t>(op.hidden.size[0]);
  auto places = static_cast<uint64_t>(most_places(op.rows));
  bool kept = !has(op.logits) && finishes(op);
  auto chunks = static_cast<uint64_t>(chunks_of(op));
  Space space{};
  space.logits = TRIMTAB_COUNTER_BYTES;
  space.parts = space.logits + aligned(kept ? vectors * places * sizeof(float) : 0);
  space.bests =
      space.parts + aligned(has(op.log_sum_exp) ? vectors * chunks * sizeof(ChunkPart) : 0);
  space.pieces = space.bests + aligned(ranks_chunks(op) ? vectors * chunks * sizeof(Key) : 0);
  bool split = op.hidden.size[0] > MOST_DOTS;
  auto pieces = static_cast<uint64_t>(pieces_of(op)) * static_cast<uint64_t>(padded_vectors(op)) *
                static_cast<uint64_t>(padded_columns(op));
  space.bytes = space.pieces + (split ? pieces * sizeof(uint16_t) : 0);
  if (!finishes(op) && !split) space.bytes = 0;
  return space;
}

/** Finds how rows lie in memory. */
void place_rows(HeadArguments& a) {
  const trimtab_tensor& codes = a.op.rows.weight.codes;
  int64_t element = bits(codes.dtype) / 8;
  a.row_bytes = codes.stride[0] * element;
  auto all = reinterpret_cast<uintptr_t>(codes.data) |
             static_cast<uintptr_t>(a.row_bytes | codes.size[1] * element);
  a.copy_bytes = all % 16 == 0 && a.row_bytes <= UINT32_MAX ? 16 : all % 4 == 0 ? 4 : 1;
}

HeadArguments arguments_of(const trimtab_head_params& op) {
  HeadArguments a{};
  a.op = op;
  a.vectors = static_cast<int>(op.hidden.size[0]);
  a.capacity = most_places(op.rows);
  a.columns = static_cast<int>(op.hidden.size[1]);
  const trimtab_tensor& scales = op.rows.weight.scales;
  a.group = has(scales) ? a.columns / static_cast<int>(scales.size[1]) : a.columns;
  place_rows(a);
  a.top = top_of(op);
  Space space = space_of(op);
  auto workspace = static_cast<unsigned char*>(op.common.workspace);
  a.counters = counters(op.common);
  if (has(op.logits)) {
    a.logits = static_cast<float*>(op.logits.data);
    a.logits_stride = op.logits.stride[0];
  } else if (space.parts > space.logits) {
    a.logits = reinterpret_cast<float*>(workspace + space.logits);
    a.logits_stride = a.capacity;
  }
  if (has(op.log_sum_exp)) a.parts = reinterpret_cast<ChunkPart*>(workspace + space.parts);
  if (ranks_chunks(op)) a.bests = reinterpret_cast<Key*>(workspace + space.bests);
  a.pieces = reinterpret_cast<uint16_t*>(workspace + space.pieces);
  a.hidden_pieces = pieces_of(op);
  return a;
}

/** Some of an operation's vectors, from the first-th on. */
trimtab_head_params narrowed(trimtab_head_params op, int first, int count) {
  auto narrow = [&](trimtab_tensor& tensor, int element_bytes) {
    if (!has(tensor)) return;
    tensor.data =
        static_cast<unsigned char*>(tensor.data) + first * tensor.stride[0] * element_bytes;
    tensor.size[0] = count;
  };
  narrow(op.hidden, bits(op.hidden.dtype) / 8);
  narrow(op.logits, 4);
  narrow(op.ids, 4);
  narrow(op.values, 4);
  narrow(op.log_sum_exp, 4);
  return op;
}

/** Most vectors of a canonical pass; fewer where a row has scales that end inside a span. */
int most_dots(const trimtab_head_params& op) {
  HeadArguments a = arguments_of(op);
  return a.group % SCALED_COLUMNS == 0 || a.group == a.columns ? MOST_DOTS : MOST_DOTS / 2;
}

cudaError_t launch_dots(const HeadArguments& a, const Limits& limits, cudaStream_t stream) {
  switch (a.op.rows.weight.format) {
    case TRIMTAB_F32:
      return launch_dots<formats::F32>(a, limits, stream);
    case TRIMTAB_F16:
      return launch_dots<formats::F16>(a, limits, stream);
    case TRIMTAB_BF16:
      return launch_dots<formats::Bf16>(a, limits, stream);
    case TRIMTAB_FP8_E4M3:
      return launch_dots<formats::Fp8>(a, limits, stream);
    case TRIMTAB_INT8:
      return launch_dots<formats::Int8>(a, limits, stream);
    default:
      return launch_dots<formats::Int4>(a, limits, stream);
  }
}

/** Whether tensor cores can take the rows: a scale must hold for the columns of a step. */
bool suits_products(const HeadArguments& a, const Limits& limits) {
  return limits.architecture >= 80 && (a.group % 32 == 0 || a.group == a.columns);
}

/** Enqueues logits alone; false where the device has too little shared memory. */
bool launch_products(HeadArguments& a, const Limits& limits, cudaStream_t stream,
                     cudaError_t* error) {
  switch (a.op.rows.weight.format) {
    case TRIMTAB_F32:
      return launch_products<formats::F32, false>(a, limits, stream, error);
    case TRIMTAB_F16:
      return is_half(a.op) ? launch_products<formats::F16, true>(a, limits, stream, error)
                           : launch_products<formats::F16, false>(a, limits, stream, error);
    case TRIMTAB_BF16:
      return launch_products<formats::Bf16, false>(a, limits, stream, error);
    case TRIMTAB_FP8_E4M3:
      return launch_products<formats::Fp8, false>(a, limits, stream, error);
    case TRIMTAB_INT8:
      return launch_products<formats::Int8, false>(a, limits, stream, error);
    default:
      return launch_products<formats::Int4, false>(a, limits, stream, error);
  }
}

/** Enqueues an operation's logits on tensor cores; false where it does not fit them. */
bool launch_many(HeadArguments& a, const Limits& limits, cudaStream_t stream, cudaError_t* error) {
  if (a.vectors <= MOST_DOTS || !suits_products(a, limits)) return false;
  auto blocks = static_cast<unsigned>(2 * limits.processors);
  bool wide = wide_products(a, limits);
  StageLayout stage{padded_vectors(a.op), product_columns(bits(a.op.rows.weight.codes.dtype), wide),
                    wide};
  *error =
      launch(split_hidden, Grid{dim3(blocks), dim3(256)}, stream, a, stage, padded_columns(a.op));
  return *error != cudaSuccess || launch_products(a, limits, stream, error);
}

}  // namespace

uint64_t workspace_head(const trimtab_head_params& params) { return space_of(params).bytes; }

cudaError_t launch_head(const trimtab_head_params& params, cudaStream_t stream) {
  Limits device{};
  cudaError_t error = limits(&device);
  int vectors = static_cast<int>(params.hidden.size[0]);
  int dots = most_dots(params);
  for (int first = 0; error == cudaSuccess && first < vectors;) {
    // As many as tensor cores take, then fewer for their price, then canonical ones.
    int count = 0;
    for (int most : {MOST_PRODUCTS, FEW_PRODUCTS, dots}) {
      count = std::min(most, vectors - first);
      HeadArguments a = arguments_of(narrowed(params, first, count));
      if (most == dots) {
        error = launch_dots(a, device, stream);
      } else if (!launch_many(a, device, stream, &error)) {
        continue;
      }
      if (error == cudaSuccess && finishes(params)) {
        error = launch_finish(a, device.architecture >= 90, stream);
      }
      break;
    }
    first += count;
  }
  return error;
}

}  // namespace trimtab
