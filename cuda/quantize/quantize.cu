// A group's largest magnitude is the largest of its members' bits without their signs, so the order
// of comparisons is free: a warp takes a group, or a block where groups are long.
//
//   bytes  V d times the elements' and the codes' size, and the scales
//   bound  memory; a division an element
#include "quantize/quantize.cuh"

#include <algorithm>

#include "common/formats.cuh"
#include "common/launch.cuh"
#include "common/limits.cuh"
#include "common/warp.cuh"

namespace trimtab {

namespace {

constexpr int WARPS = 8;

struct QuantizeArguments {
  const void* weight;
  int64_t weight_stride;
  unsigned char* codes;
  int64_t codes_stride;
  uint16_t* scales;
  int64_t scales_stride;
  int64_t groups; /* of all rows */
  int groups_of_row;
  int group;
};

/** Writes codes of members [first, first + count) of a row; two of INT4 to a byte. */
template <class Source, class Format>
__device__ void write_codes(const typename Source::Element* row, unsigned char* codes, int first,
                            int count, float scale, int thread, int threads) {
  auto code = [&](int column) { return Format::code(Source::widen(row[column]), scale); };
  if constexpr (Format::BITS == 8) {
    for (int i = thread; i < count; i += threads) codes[first + i] = code(first + i);
  } else {
    for (int i = first / 2 + thread; i < (first + count) / 2; i += threads) {
      codes[i] = static_cast<unsigned char>(code(2 * i) | code(2 * i + 1) << 4);
    }
  }
}

/** Each warp (or the block, where TOGETHER) quantises groups of an even number of INT4 members. */
template <class Source, class Format, bool TOGETHER>
__global__ void __launch_bounds__(WARPS* LANES)
    quantize_groups(const __grid_constant__ QuantizeArguments a) {
  __shared__ uint32_t largest[WARPS];
  constexpr int THREADS = TOGETHER ? WARPS * LANES : LANES;
  int warp = static_cast<int>(threadIdx.x) / LANES;
  int thread = static_cast<int>(threadIdx.x) % THREADS;
  int64_t first = TOGETHER ? blockIdx.x : static_cast<int64_t>(blockIdx.x) * WARPS + warp;
  int64_t step = TOGETHER ? gridDim.x : static_cast<int64_t>(gridDim.x) * WARPS;
  for (int64_t i = first; i < a.groups; i += step) {
    int64_t row = i / a.groups_of_row;
    int column = static_cast<int>(i % a.groups_of_row) * a.group;
    auto weights = static_cast<const typename Source::Element*>(a.weight) + row * a.weight_stride;
    uint32_t max = 0;
    for (int j = thread; j < a.group; j += THREADS) {
      uint32_t bits = magnitude_bits(Source::widen(weights[column + j]));
      max = bits > max ? bits : max;
    }
    max = warp_max(max);
    if constexpr (TOGETHER) {
      __syncthreads();
      if (thread % LANES == 0) largest[warp] = max;
      __syncthreads();
      for (uint32_t other : largest) max = other > max ? other : max;
    }
    uint16_t scale = scale_bits<Format>(max);
    if (thread == 0) a.scales[row * a.scales_stride + column / a.group] = scale;
    write_codes<Source, Format>(weights, a.codes + row * a.codes_stride, column, a.group,
                                from_bf16(scale), thread, THREADS);
  }
}

/** Groups of an odd number of INT4 members share bytes: a thread takes a row. */
template <class Source>
__global__ void __launch_bounds__(WARPS* LANES)
    quantize_odd_groups(const __grid_constant__ QuantizeArguments a) {
  using Format = formats::Int4;
  int64_t rows = a.groups / a.groups_of_row;
  int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t row = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; row < rows;
       row += threads) {
    auto weights = static_cast<const typename Source::Element*>(a.weight) + row * a.weight_stride;
    unsigned char* codes = a.codes + row * a.codes_stride;
    for (int group = 0; group < a.groups_of_row; group++) {
      int end = (group + 1) * a.group;
      uint32_t max = 0;
      for (int column = end - a.group; column < end; column++) {
        uint32_t bits = magnitude_bits(Source::widen(weights[column]));
        max = bits > max ? bits : max;
      }
      uint16_t scale = scale_bits<Format>(max);
      a.scales[row * a.scales_stride + group] = scale;
      for (int column = end - a.group; column < end; column++) {
        uint8_t code = Format::code(Source::widen(weights[column]), from_bf16(scale));
        unsigned char& pair = codes[column / 2];
        pair = static_cast<unsigned char>(column % 2 == 0 ? code : pair | code << 4);
      }
    }
  }
}

template <class Source, class Format>
cudaError_t launch_format(const QuantizeArguments& a, int processors, cudaStream_t stream) {
  auto grid = [&](int64_t wanted) {
    int64_t blocks = std::min<int64_t>(wanted, 8 * processors);
    return Grid{dim3(static_cast<unsigned>(blocks)), dim3(WARPS * LANES)};
  };
  if (Format::BITS == 4 && a.group % 2 != 0) {
    return launch(quantize_odd_groups<Source>, grid(a.groups / a.groups_of_row), stream, a);
  }
  if (a.group >= WARPS * LANES) {
    return launch(quantize_groups<Source, Format, true>, grid(a.groups), stream, a);
  }
  return launch(quantize_groups<Source, Format, false>, grid((a.groups + WARPS - 1) / WARPS),
                stream, a);
}

template <class Source>
cudaError_t launch_source(const QuantizeArguments& a, int32_t format, int processors,
                          cudaStream_t stream) {
  switch (format) {
    case TRIMTAB_FP8_E4M3:
      return launch_format<Source, formats::Fp8>(a, processors, stream);
    case TRIMTAB_INT8:
      return launch_format<Source, formats::Int8>(a, processors, stream);
    default:
      return launch_format<Source, formats::Int4>(a, processors, stream);
  }
}

}  // namespace

uint64_t workspace_quantize(const trimtab_quantize_params&) { return 0; }

cudaError_t launch_quantize(const trimtab_quantize_params& params, cudaStream_t stream) {
  Limits device{};
  cudaError_t error = limits(&device);
  const trimtab_weights& rows = params.rows;
  int64_t count = params.weight.size[0];
  if (error != cudaSuccess || count == 0) return error;
  QuantizeArguments a{};
  a.weight = params.weight.data;
  a.weight_stride = params.weight.stride[0];
  a.codes = static_cast<unsigned char*>(rows.codes.data);
  a.codes_stride = rows.codes.stride[0];
  a.scales = static_cast<uint16_t*>(rows.scales.data);
  a.scales_stride = rows.scales.stride[0];
  a.groups_of_row = static_cast<int>(rows.scales.size[1]);
  a.groups = count * a.groups_of_row;
  a.group = static_cast<int>(params.weight.size[1]) / a.groups_of_row;
  switch (params.weight.dtype) {
    case TRIMTAB_F32:
      return launch_source<formats::F32>(a, rows.format, device.processors, stream);
    case TRIMTAB_F16:
      return launch_source<formats::F16>(a, rows.format, device.processors, stream);
    default:
      return launch_source<formats::Bf16>(a, rows.format, device.processors, stream);
  }
}

}  // namespace trimtab
