// Tensor cores of sm_90a: products by a warpgroup (wgmma), 128 threads that begin at a multiple of
// 128. They run beside the threads that began them and read shared memory on their own.
//
// Matrices in shared memory are of 16-bit numbers and lie in panels of 64 columns: a panel's rows
// follow each other at 128 bytes, and of a row the eight units of 16 bytes lie in an order of its
// own, unit u at u ^ row % 8 (the "128-byte swizzle"), so that neither rows nor columns of units
// meet in the same banks. Panels begin at multiples of 1024 bytes and hold a multiple of 8 rows.
#pragma once

#include "common/mma.cuh"

namespace trimtab {

constexpr int WARPGROUP = 128;
constexpr int PANEL_COLUMNS = 64;
constexpr int PANEL_PITCH = 128;
constexpr int PANEL_ALIGNMENT = 1024;

/** The first place for panels in shared memory. */
__device__ __forceinline__ unsigned char* aligned_panels(unsigned char* shared) {
  return shared + (PANEL_ALIGNMENT - reinterpret_cast<uintptr_t>(shared)) % PANEL_ALIGNMENT;
}

/** Where a unit of eight columns lies in a matrix of panels of that many bytes. */
__device__ __forceinline__ int place_of_unit(int row, int unit, int panel_bytes) {
  return unit / 8 * panel_bytes + row * PANEL_PITCH + (unit % 8 ^ row % 8) * 16;
}

/** A matrix in shared memory as products take it: where its panels begin and their bytes. */
#ifdef __CUDACC__
class PanelMatrix {
 public:
  __device__ __forceinline__ PanelMatrix(const unsigned char* panels, int panel_bytes)
      : PanelMatrix(static_cast<uint64_t>(__cvta_generic_to_shared(panels)) >> 4 |
                    uint64_t(panel_bytes >> 4) << 16 | EIGHT_ROWS << 32 | SWIZZLE_OF_128_BYTES) {}

  /** The same some bytes further: a multiple of 32 in a row, of 1024 in a panel. */
  __device__ __forceinline__ PanelMatrix plus(int bytes) const {
    return PanelMatrix(descriptor_ + (bytes >> 4));
  }

  __device__ __forceinline__ uint64_t descriptor() const { return descriptor_; }

 private:
  static constexpr uint64_t EIGHT_ROWS = 8 * PANEL_PITCH >> 4;
  static constexpr uint64_t SWIZZLE_OF_128_BYTES = uint64_t{1} << 62;

  __device__ __forceinline__ explicit PanelMatrix(uint64_t descriptor) : descriptor_(descriptor) {}

  uint64_t descriptor_;
};
#else
class PanelMatrix {
 public:
  PanelMatrix(const unsigned char* panels, int panel_bytes)
      : start_(panels), panel_bytes_(panel_bytes) {}

  PanelMatrix plus(int bytes) const { return PanelMatrix(start_ + bytes, panel_bytes_); }

  /** Number (row, column), counted from the start. */
  template <bool HALF>
  float at(int row, int column) const {
    auto address = reinterpret_cast<uintptr_t>(start_) + column / PANEL_COLUMNS * panel_bytes_ +
                   row * PANEL_PITCH + column % PANEL_COLUMNS * 2;
    address ^= (address / PANEL_PITCH % 8) * 16;
    auto bits = *reinterpret_cast<const uint16_t*>(address);
    return HALF ? from_f16(bits) : from_bf16(bits);
  }

 private:
  const unsigned char* start_;
  int panel_bytes_;
};
#endif

/** What threads wrote to registers and shared memory before, products begun behind this see. */
__device__ __forceinline__ void before_products() {
#ifdef __CUDACC__
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}

/** Makes one group of the products begun since the last call. */
__device__ __forceinline__ void commit_products() {
#ifdef __CUDACC__
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}

/** Waits until at most the newest PENDING groups are under way; `d` is the sum of one that ended,
 * which the compiler could read before otherwise. */
template <int PENDING, int TILES>
__device__ __forceinline__ void wait_products([[maybe_unused]] float (&d)[TILES][4]) {
#ifdef __CUDACC__
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
#pragma unroll
  for (int t = 0; t < TILES; t++) {
#pragma unroll
    for (int i = 0; i < 4; i++) asm volatile("" : "+f"(d[t][i])::"memory");
  }
#else
  __syncwarp();  // Products are those of all lanes.
#endif
}

#ifdef __CUDACC__
#define TRIMTAB_SUM4(d, t) "+f"(d[t][0]), "+f"(d[t][1]), "+f"(d[t][2]), "+f"(d[t][3])
#define TRIMTAB_SUM16(d, t) \
  TRIMTAB_SUM4(d, t), TRIMTAB_SUM4(d, t + 1), TRIMTAB_SUM4(d, t + 2), TRIMTAB_SUM4(d, t + 3)
#define TRIMTAB_SUMS32(d, t) TRIMTAB_SUM16(d, t), TRIMTAB_SUM16(d, t + 4)
#define TRIMTAB_SUMS64(d, t) TRIMTAB_SUMS32(d, t), TRIMTAB_SUMS32(d, t + 8)
#define TRIMTAB_SUMS96(d, t) TRIMTAB_SUMS64(d, t), TRIMTAB_SUMS32(d, t + 16)
#define TRIMTAB_NAMES32                                                                        \
  "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24," \
  "%25,%26,%27,%28,%29,%30,%31"
#define TRIMTAB_NAMES64                                                                       \
  TRIMTAB_NAMES32                                                                             \
  ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53," \
  "%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define TRIMTAB_NAMES96                                                                        \
  TRIMTAB_NAMES64                                                                              \
  ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84,%85,%" \
  "86,%87,%88,%89,%90,%91,%92,%93,%94,%95"
// A product of 2 SUMS columns: "operands" are a, b, whether the predicate `add` says so of d, signs
// and orders, named from %SUMS on as the inputs that follow; "adds": where that predicate is from.
#define TRIMTAB_PRODUCT_OF(type, SUMS, shape, adds, operands, ...)               \
  asm volatile("{.reg .pred add;\nsetp.ne.b32 add, " adds                        \
               ", 0;\nwgmma.mma_async.sync.aligned." shape ".f32." type "." type \
               " {" TRIMTAB_NAMES##SUMS "}, " operands ";}\n"                    \
               : TRIMTAB_SUMS##SUMS(d, 0)                                        \
               : __VA_ARGS__                                                     \
               : "memory")
#define TRIMTAB_PRODUCT(...)                 \
  if constexpr (HALF) {                      \
    TRIMTAB_PRODUCT_OF("f16", __VA_ARGS__);  \
  } else {                                   \
    TRIMTAB_PRODUCT_OF("bf16", __VA_ARGS__); \
  }
#endif

/**
 * Begins d = a b^T, or d += a b^T, for a [64, 16] and b [8 TILES, 16] in shared memory. Warp w of
 * the warpgroup holds rows 16 w to 16 w + 15 of d, and of their tiles of 8 columns what
 * multiply_add(float (&)[4], ...) says.
 */
template <bool HALF, int TILES>
__device__ __forceinline__ void begin_product(float (&d)[TILES][4], const PanelMatrix& a,
                                              const PanelMatrix& b, bool add) {
  static_assert(TILES == 16 || TILES == 24);
#ifdef __CUDACC__
  if constexpr (TILES == 16) {
    TRIMTAB_PRODUCT(64, "m64n128k16", "%66", "%64, %65, add, 1, 1, 0, 0", "l"(a.descriptor()),
                    "l"(b.descriptor()), "r"(int{add}))
  } else {
    TRIMTAB_PRODUCT(96, "m64n192k16", "%98", "%96, %97, add, 1, 1, 0, 0", "l"(a.descriptor()),
                    "l"(b.descriptor()), "r"(int{add}))
  }
#else
  int thread = static_cast<int>(threadIdx.x) % WARPGROUP;
  int row = thread / LANES * 16 + thread % LANES / 4;
  for (int t = 0; t < TILES; t++) {
    for (int i = 0; i < 4; i++) {
      double sum = add ? d[t][i] : 0.f;
      for (int k = 0; k < 16; k++) {
        sum +=
            double{a.at<HALF>(row + i / 2 * 8, k)} * b.at<HALF>(8 * t + thread % 4 * 2 + i % 2, k);
      }
      d[t][i] = static_cast<float>(sum);
    }
  }
#endif
}

/**
 * Begins d = a b, or d += a b, for a [64, 16] in registers and b [16, 8 TILES] in shared memory. A
 * warp holds its 16 rows of a as multiply_add(float (&)[4], ...) says.
 */
template <bool HALF, int TILES>
__device__ __forceinline__ void begin_product(float (&d)[TILES][4], const uint32_t (&a)[4],
                                              const PanelMatrix& b, bool add = true) {
  static_assert(TILES == 8 || TILES == 16);
#ifdef __CUDACC__
  if constexpr (TILES == 16) {
    TRIMTAB_PRODUCT(64, "m64n128k16", "%69", "{%64, %65, %66, %67}, %68, add, 1, 1, 1", "r"(a[0]),
                    "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b.descriptor()), "r"(int{add}))
  } else {
    TRIMTAB_PRODUCT(32, "m64n64k16", "%37", "{%32, %33, %34, %35}, %36, add, 1, 1, 1", "r"(a[0]),
                    "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b.descriptor()), "r"(int{add}))
  }
#else
  int lane = static_cast<int>(threadIdx.x) % LANES;
  float rows[2][16];
  for (int k = 0; k < 16; k++) {
    for (int h = 0; h < 2; h++) {
      uint32_t pair = __shfl_sync(ALL_LANES, a[k / 8 * 2 + h], lane / 4 * 4 + k % 8 / 2);
      rows[h][k] = number_in<HALF>(pair, k % 2);
    }
  }
  for (int t = 0; t < TILES; t++) {
    for (int i = 0; i < 4; i++) {
      double sum = add ? d[t][i] : 0.f;
      for (int k = 0; k < 16; k++) {
        sum += double{rows[i / 2][k]} * b.at<HALF>(k, 8 * t + lane % 4 * 2 + i % 2);
      }
      d[t][i] = static_cast<float>(sum);
    }
  }
#endif
}

}  // namespace trimtab
