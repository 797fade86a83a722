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
  /** Elements of neighbouring columns that are read and written at a time. */
  static constexpr int QUAD = 4;
  /** Of a thread, on their way at a time. */
  static constexpr int BATCH = VECTORS == 1 ? 2 : 8;

  static __host__ __device__ int bytes(int columns) { return columns * VECTORS * 4; }

  __device__ HiddenWindow(const HeadArguments& a, unsigned char* shared)
      : a_(a), elements_(reinterpret_cast<float4*>(shared)) {}

  /** The first vector's elements of the step that a column begins. */
  __device__ const float* at(int column) const {
    return reinterpret_cast<const float*>(elements_) + (column - first_) * VECTORS;
  }

  /** Brings the window that begins with a column; `used`: there was one before. All threads of a
      block call. */
  __device__ void move_to(int first, bool used) {
    if (used) __syncthreads();
    first_ = first;
    switch (a_.op.hidden.dtype) {
      case TRIMTAB_F32:
        fill<formats::F32, float4>();
        break;
      case TRIMTAB_F16:
        fill<formats::F16, uint2>();
        break;
      default:
        fill<formats::Bf16, uint2>();
    }
    __syncthreads();
  }

 private:
  /** Neighbours in a row. */
  template <class Format>
  struct alignas(QUAD* Format::BITS / 8) Quad {
    typename Format::Element elements[QUAD];
  };

  /** `Words` is a type of CUDA that is as large as a Quad. */
  template <class Format, class Words>
  __device__ void fill() {
    const trimtab_tensor& hidden = a_.op.hidden;
    constexpr int64_t BYTES = Format::BITS / 8;
    auto alignment = reinterpret_cast<uintptr_t>(hidden.data) |
                     static_cast<uintptr_t>(hidden.stride[0] * BYTES | a_.columns * BYTES);
    if (alignment % sizeof(Words) == 0) {
      fill<Format, Words, true>();
    } else {
      fill<Format, Words, false>();
    }
  }

  template <class Format, class Words, bool WHOLE>
  __device__ void fill() {
    int columns = min(a_.window, ceil_div(a_.columns - first_, COLUMNS) * COLUMNS);
    int quads = columns * VECTORS / QUAD;
    int threads = static_cast<int>(blockDim.x);
    for (int base = static_cast<int>(threadIdx.x); base < quads; base += BATCH * threads) {
      Quad<Format> brought[BATCH];
#pragma unroll
      for (int i = 0; i < BATCH; i++) {
        brought[i] = read<Format, Words, WHOLE>(base + i * threads, quads);
      }
#pragma unroll
      for (int i = 0; i < BATCH; i++) {
        auto& from = brought[i].elements;
        if (base + i * threads < quads) {
          elements_[base + i * threads] = {Format::widen(from[0]), Format::widen(from[1]),
                                           Format::widen(from[2]), Format::widen(from[3])};
        }
      }
    }
  }

  template <class Format, class Words, bool WHOLE>
  __device__ __forceinline__ Quad<Format> read(int quad, int quads) const {
    constexpr int QUADS = LANES / QUAD;
    int vector = quad / QUADS % VECTORS;
    int column = first_ + quad / QUADS / VECTORS * LANES + quad % QUADS * QUAD;
    Quad<Format> brought{};
    if (quad >= quads || vector >= a_.vectors || column >= a_.columns) return brought;
    auto* from = static_cast<const typename Format::Element*>(a_.op.hidden.data) +
                 vector * a_.op.hidden.stride[0] + column;
    if constexpr (WHOLE) {
      brought = __builtin_bit_cast(Quad<Format>, __ldg(reinterpret_cast<const Words*>(from)));
    } else {
#pragma unroll
      for (int i = 0; i < QUAD; i++) {
        if (column + i < a_.columns) brought.elements[i] = from[i];
      }
    }
    return brought;
  }

  const HeadArguments& a_;
  float4* const elements_;
  int first_ = 0;
};

}  // namespace trimtab
