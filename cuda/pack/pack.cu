// Rows are copied as they are, codes and scales in one launch.
//
//   bytes  k times a row's codes and scales, read and written
//   bound  memory
#include "pack/pack.cuh"

#include <algorithm>

#include "common/launch.cuh"
#include "common/limits.cuh"
#include "common/status.cuh"

namespace trimtab {

namespace {

constexpr int THREADS = 256;

/** Rows of bytes, read or written in units that all of them are aligned to. */
struct ByteRows {
  unsigned char* data;
  int64_t pitch;
  int64_t bytes; /* of a row */
};

struct PackArguments {
  trimtab_status_word* status;
  const int32_t* ids;
  int64_t id_stride;
  int rows;      /* of the matrix */
  int64_t count; /* rows to copy */
  ByteRows from[2];
  ByteRows to[2]; /* codes, then scales; 0 bytes where there are none */
  int unit[2];
};

template <class Unit>
__device__ void copy_row(const ByteRows& from, int row, const ByteRows& to, int64_t to_row) {
  auto source = reinterpret_cast<const Unit*>(from.data + row * from.pitch);
  auto target = reinterpret_cast<Unit*>(to.data + to_row * to.pitch);
  auto units = static_cast<int>(from.bytes / static_cast<int64_t>(sizeof(Unit)));
  for (int i = static_cast<int>(threadIdx.x); i < units; i += THREADS) {
    __stcs(target + i, __ldcs(source + i));
  }
}

__global__ void __launch_bounds__(THREADS) pack_rows(const __grid_constant__ PackArguments a) {
  for (int64_t i = blockIdx.x; i < a.count; i += gridDim.x) {
    int32_t row = a.ids[i * a.id_stride];
    if (row < 0 || row >= a.rows) {
      if (threadIdx.x == 0) {
        note(a.status, TRIMTAB_OPERATION_PACK, TRIMTAB_ARGUMENT_IDS, TRIMTAB_PROBLEM_OUTSIDE, i,
             row, {0, a.rows - 1});
      }
      continue;
    }
#pragma unroll
    for (int part = 0; part < 2; part++) {
      if (a.unit[part] == 16) {
        copy_row<uint4>(a.from[part], row, a.to[part], i);
      } else if (a.unit[part] == 4) {
        copy_row<uint32_t>(a.from[part], row, a.to[part], i);
      } else {
        copy_row<unsigned char>(a.from[part], row, a.to[part], i);
      }
    }
  }
}

ByteRows rows_of(const trimtab_tensor& tensor) {
  if (tensor.dtype == TRIMTAB_NONE) return {};
  int64_t element = tensor.dtype == TRIMTAB_F32                                   ? 4
                    : tensor.dtype == TRIMTAB_F16 || tensor.dtype == TRIMTAB_BF16 ? 2
                                                                                  : 1;
  return {static_cast<unsigned char*>(tensor.data), tensor.stride[0] * element,
          tensor.size[1] * element};
}

/** The largest of 16, 4 and 1 bytes that both sides' rows are aligned to. */
int unit_of(const ByteRows& from, const ByteRows& to) {
  auto all = reinterpret_cast<uintptr_t>(from.data) | reinterpret_cast<uintptr_t>(to.data) |
             static_cast<uintptr_t>(from.pitch | to.pitch | from.bytes);
  return all % 16 == 0 ? 16 : all % 4 == 0 ? 4 : 1;
}

}  // namespace

uint64_t workspace_pack(const trimtab_pack_params&) { return 0; }

cudaError_t launch_pack(const trimtab_pack_params& params, cudaStream_t stream) {
  Limits device{};
  cudaError_t error = limits(&device);
  int64_t count = params.ids.size[0];
  if (error != cudaSuccess || count == 0) return error;
  PackArguments a{};
  a.status = params.common.status;
  a.ids = static_cast<const int32_t*>(params.ids.data);
  a.id_stride = params.ids.stride[0];
  a.rows = static_cast<int>(params.from.codes.size[0]);
  a.count = count;
  a.from[0] = rows_of(params.from.codes);
  a.to[0] = rows_of(params.to.codes);
  a.from[1] = rows_of(params.from.scales);
  a.to[1] = rows_of(params.to.scales);
  for (int part = 0; part < 2; part++) a.unit[part] = unit_of(a.from[part], a.to[part]);
  auto blocks = static_cast<unsigned>(std::min<int64_t>(count, 8 * device.processors));
  return launch(pack_rows, Grid{dim3(blocks), dim3(THREADS)}, stream, a);
}

}  // namespace trimtab
