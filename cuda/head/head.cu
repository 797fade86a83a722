#include "head/head.cuh"

#include <algorithm>

#include "common/formats.cuh"
#include "head/kernels.cuh"

namespace trimtab {

namespace {

/** Offsets in the workspace; equal ones are of parts that are not needed. */
struct Space {
  uint64_t logits;
  uint64_t parts;
  uint64_t lists;
  uint64_t bytes;
};

bool present(const trimtab_tensor& tensor) { return tensor.dtype != TRIMTAB_NONE; }

int capacity_of(const trimtab_head_rows& rows) {
  return static_cast<int>(present(rows.ids) ? rows.ids.size[0] : rows.weight.codes.size[0]);
}

int top_of(const trimtab_head_params& op) {
  return present(op.ids) ? static_cast<int>(op.ids.size[1]) : 0;
}

/** Chunks that are summed as they complete. */
int chunks_of(const trimtab_head_params& op) {
  if (!present(op.log_sum_exp)) return 0;
  int chunks = (capacity_of(op.rows) + CHUNK - 1) / CHUNK;
  constexpr int MOST = TRIMTAB_COUNTER_BYTES / sizeof(unsigned) - 1;
  return chunks <= MOST ? chunks : 0;
}

Space space_of(const trimtab_head_params& op) {
  auto vectors = static_cast<uint64_t>(op.hidden.size[0]);
  auto places = static_cast<uint64_t>(capacity_of(op.rows));
  auto top = static_cast<uint64_t>(top_of(op));
  bool listed = top > 0 && top <= LIST_KEYS;
  bool kept = !present(op.logits) && (present(op.log_sum_exp) || (top > 0 && !listed));
  auto blocks = std::clamp<uint64_t>((places + 63) / 64, 1, MOST_BLOCKS);
  auto aligned = [](uint64_t bytes) {
    return (bytes + TRIMTAB_ALIGNMENT - 1) / TRIMTAB_ALIGNMENT * TRIMTAB_ALIGNMENT;
  };
  Space space{};
  space.logits = TRIMTAB_COUNTER_BYTES;
  space.parts = space.logits + aligned(kept ? vectors * places * sizeof(float) : 0);
  space.lists =
      space.parts + aligned(vectors * static_cast<uint64_t>(chunks_of(op)) * sizeof(ChunkPart));
  space.bytes = space.lists + (listed ? vectors * top * blocks * sizeof(Key) : 0);
  if (top == 0 && !present(op.log_sum_exp)) space.bytes = 0;
  return space;
}

/** What all rows are aligned to: 16, 4 or 1 bytes. */
int copy_bytes_of(const trimtab_weights& weight) {
  int64_t element = weight.format == TRIMTAB_F32                                    ? 4
                    : weight.format == TRIMTAB_F16 || weight.format == TRIMTAB_BF16 ? 2
                                                                                    : 1;
  auto all = reinterpret_cast<uintptr_t>(weight.codes.data) |
             static_cast<uintptr_t>(weight.codes.stride[0] * element) |
             static_cast<uintptr_t>(weight.codes.size[1] * element);
  return all % 16 == 0 ? 16 : all % 4 == 0 ? 4 : 1;
}

HeadArguments arguments_of(const trimtab_head_params& op) {
  HeadArguments a{};
  a.op = op;
  a.vectors = static_cast<int>(op.hidden.size[0]);
  a.capacity = capacity_of(op.rows);
  a.columns = static_cast<int>(op.hidden.size[1]);
  const trimtab_tensor& scales = op.rows.weight.scales;
  a.group = present(scales) ? a.columns / static_cast<int>(scales.size[1]) : a.columns;
  a.copy_bytes = copy_bytes_of(op.rows.weight);
  a.top = top_of(op);
  a.chunks = chunks_of(op);
  Space space = space_of(op);
  auto workspace = static_cast<unsigned char*>(op.common.workspace);
  a.counters = reinterpret_cast<unsigned*>(workspace);
  if (present(op.logits)) {
    a.logits = static_cast<float*>(op.logits.data);
    a.logits_stride = op.logits.stride[0];
  } else if (space.parts > space.logits) {
    a.logits = reinterpret_cast<float*>(workspace + space.logits);
    a.logits_stride = a.capacity;
  }
  if (a.chunks > 0) a.parts = reinterpret_cast<ChunkPart*>(workspace + space.parts);
  if (a.top > 0 && a.top <= LIST_KEYS) a.lists = reinterpret_cast<Key*>(workspace + space.lists);
  return a;
}

/** Some of an operation's vectors, from the first-th on. */
trimtab_head_params narrowed(trimtab_head_params op, int first, int count) {
  auto narrow = [&](trimtab_tensor& tensor, int element_bytes) {
    if (!present(tensor)) return;
    tensor.data =
        static_cast<unsigned char*>(tensor.data) + first * tensor.stride[0] * element_bytes;
    tensor.size[0] = count;
  };
  narrow(op.hidden, element_bytes(op.hidden.dtype));
  narrow(op.logits, 4);
  narrow(op.ids, 4);
  narrow(op.values, 4);
  narrow(op.log_sum_exp, 4);
  return op;
}

cudaError_t launch_dots(const trimtab_head_params& op, const Limits& limits, cudaStream_t stream) {
  HeadArguments a = arguments_of(op);
  switch (op.rows.weight.format) {
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

}  // namespace

uint64_t workspace_head(const trimtab_head_params& params) { return space_of(params).bytes; }

cudaError_t launch_head(const trimtab_head_params& params, cudaStream_t stream) {
  Limits device{};
  cudaError_t error = limits(&device);
  int vectors = static_cast<int>(params.hidden.size[0]);
  for (int first = 0; error == cudaSuccess && first < vectors; first += MOST_DOTS) {
    int count = std::min(MOST_DOTS, vectors - first);
    error = launch_dots(narrowed(params, first, count), device, stream);
  }
  return error;
}

}  // namespace trimtab
