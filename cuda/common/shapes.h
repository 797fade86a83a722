// What tensors and pages of trimtab.h say of themselves. Plain constexpr functions, for host and
// device alike (nvcc: --expt-relaxed-constexpr).
#pragma once

#include <cstdint>

#include "trimtab.h"

namespace trimtab {

/** Most elements of a head's key. */
constexpr int MOST_HEAD_DIM = 256;

/** Whether an argument is there. */
constexpr bool has(const trimtab_tensor& tensor) { return tensor.dtype != TRIMTAB_NONE; }
constexpr bool has(const trimtab_pages& pages) { return pages.dtype != TRIMTAB_NONE; }
constexpr bool has(const trimtab_new_tokens& tokens) { return has(tokens.k); }

/** Bits of an element; 0 for no format. */
constexpr int bits(int32_t dtype) {
  switch (dtype) {
    case TRIMTAB_F32:
    case TRIMTAB_I32:
      return 32;
    case TRIMTAB_F16:
    case TRIMTAB_BF16:
      return 16;
    case TRIMTAB_FP8_E4M3:
    case TRIMTAB_INT8:
      return 8;
    case TRIMTAB_INT4:
      return 4;
    default:
      return 0;
  }
}

/** Whether a number stands for itself: F32, F16 or BF16. */
constexpr bool is_float(int32_t dtype) {
  return dtype == TRIMTAB_F32 || dtype == TRIMTAB_F16 || dtype == TRIMTAB_BF16;
}

/** Whether an element is a code that needs a scale. */
constexpr bool is_quantized(int32_t dtype) {
  return dtype == TRIMTAB_FP8_E4M3 || dtype == TRIMTAB_INT8 || dtype == TRIMTAB_INT4;
}

/** Bytes up to the next multiple of TRIMTAB_ALIGNMENT. */
constexpr int64_t aligned(int64_t bytes) {
  return (bytes + TRIMTAB_ALIGNMENT - 1) / TRIMTAB_ALIGNMENT * TRIMTAB_ALIGNMENT;
}

/** Key/value heads of pages. */
constexpr int64_t heads_of(const trimtab_pages& pages) { return pages.table.size[1] * pages.heads; }

}  // namespace trimtab
