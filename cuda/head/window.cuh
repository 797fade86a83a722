// Hidden vectors in shared memory, widened to F32: all columns where they fit, otherwise a window
// of them that goes along.
#pragma once

#include "head/arguments.cuh"

namespace trimtab {

/**
 * In steps of 32 columns, a step's vectors one after the other, so that an element's place is a
 * constant beyond its step's and a block writes neighbours; absent vectors and columns, up to whole
 * stages of COLUMNS, are 0.
 */
template <int VECTORS, int COLUMNS>
class HiddenWindow {
 public:
  static __host__ __device__ int bytes(int columns) { return columns * VECTORS * 4; }

  __device__ HiddenWindow(const HeadArguments& a, unsigned char* shared)
      : a_(a), elements_(reinterpret_cast<float*>(shared)) {}

  /** The first vector's elements of the step that a column begins. */
  __device__ const float* at(int column) const { return elements_ + (column - first_) * VECTORS; }

  /** Brings the first window. All threads of a block call. */
  __device__ __forceinline__ void begin() { bring<BATCH>(); }

  /** Goes on to the window that begins with a column. All threads of a block call. */
  __device__ __forceinline__ void move_to(int first) {
    __syncthreads();
    first_ = first;
    bring<LATER>();
  }

 private:
  /** Pieces of a thread on their way at a time, and where sums take registers: before sm_90 the
      compiler has none left for more. */
  static constexpr int BATCH = VECTORS == 1 ? 2 : 16;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
  static constexpr int LATER = 2;
#else
  static constexpr int LATER = BATCH;
#endif

  /** Brings a window, by so many pieces of a thread at a time. */
  template <int COUNT>
  __device__ __forceinline__ void bring() {
    const trimtab_tensor& hidden = a_.op.hidden;
    int64_t bytes = hidden.dtype == TRIMTAB_F32 ? 4 : 2;
    auto alignment = reinterpret_cast<uintptr_t>(hidden.data) |
                     static_cast<uintptr_t>(hidden.stride[0] * bytes | a_.columns * bytes);
    int elements = min(a_.window, ceil_div(a_.columns - first_, COLUMNS) * COLUMNS) * VECTORS;
    // Whole steps at a time, by pieces of 16 bytes.
    bool whole =
        alignment % sizeof(uint4) == 0 &&
        static_cast<int>(blockDim.x) % (LANES * VECTORS * static_cast<int>(bytes) / 16) == 0;
    if (!whole) {
      fill_each(elements);
    } else if (hidden.dtype == TRIMTAB_F32) {
      fill<formats::F32, COUNT>(elements);
    } else if (hidden.dtype == TRIMTAB_F16) {
      fill<formats::F16, COUNT>(elements);
    } else {
      fill<formats::Bf16, COUNT>(elements);
    }
    __syncthreads();
  }

  /** Where an element of the window comes from. */
  __device__ __forceinline__ int vector_of(int element) const { return element / LANES % VECTORS; }
  __device__ __forceinline__ int column_of(int element) const {
    return first_ + element / (LANES * VECTORS) * LANES + element % LANES;
  }
  __device__ __forceinline__ bool present(int element) const {
    return vector_of(element) < a_.vectors && column_of(element) < a_.columns;
  }

  /** Brings 16 bytes at a time: a thread's are of one vector. */
  template <class Format, int COUNT>
  __device__ __forceinline__ void fill(int elements) {
    constexpr int EACH = 128 / Format::BITS;
    int element = static_cast<int>(threadIdx.x) * EACH;
    int step = static_cast<int>(blockDim.x) * EACH; /* from a piece to the thread's next */
    int column = column_of(element);
    int columns = step / VECTORS;
    bool there = vector_of(element) < a_.vectors;
    auto* from = static_cast<const typename Format::Element*>(a_.op.hidden.data) +
                 (there ? vector_of(element) : 0) * a_.op.hidden.stride[0] + column;
    uint4 pieces[COUNT];
    while (true) {
#pragma unroll
      for (int i = 0; i < COUNT; i++) {
        pieces[i] = uint4{0, 0, 0, 0};
        if (there && column + i * columns < a_.columns) {
          pieces[i] = __ldg(reinterpret_cast<const uint4*>(from + i * columns));
        }
      }
#pragma unroll
      for (int i = 0; i < COUNT; i++) {
        if (element >= elements) return;
        auto* to = reinterpret_cast<float4*>(elements_ + element);
        const uint4& bits = pieces[i];
        if constexpr (EACH == 4) {
          to[0] = {float_of(bits.x), float_of(bits.y), float_of(bits.z), float_of(bits.w)};
        } else {
          to[0] = {low<Format>(bits.x), high<Format>(bits.x), low<Format>(bits.y),
                   high<Format>(bits.y)};
          to[1] = {low<Format>(bits.z), high<Format>(bits.z), low<Format>(bits.w),
                   high<Format>(bits.w)};
        }
        element += step;
      }
      column += COUNT * columns;
      from += COUNT * columns;
    }
  }

  template <class Format>
  static __device__ __forceinline__ float low(uint32_t pair) {
    return Format::widen(static_cast<uint16_t>(pair));
  }
  template <class Format>
  static __device__ __forceinline__ float high(uint32_t pair) {
    return Format::widen(static_cast<uint16_t>(pair >> 16));
  }

  /** Brings one element at a time. */
  __device__ __forceinline__ void fill_each(int elements) {
    const trimtab_tensor& hidden = a_.op.hidden;
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < elements; i += static_cast<int>(blockDim.x)) {
      float x = 0.f;
      if (present(i)) {
        int64_t from = vector_of(i) * hidden.stride[0] + column_of(i);
        if (hidden.dtype == TRIMTAB_F32) {
          x = static_cast<const float*>(hidden.data)[from];
        } else {
          uint16_t bits = static_cast<const uint16_t*>(hidden.data)[from];
          x = hidden.dtype == TRIMTAB_F16 ? from_f16(bits) : from_bf16(bits);
        }
      }
      elements_[i] = x;
    }
  }

  const HeadArguments& a_;
  float* const elements_;
  int first_ = 0;
};

}  // namespace trimtab
