// How a page lies in memory: [K|V][head]{tokens x head_dim codes, then tokens x BF16 scale where
// quantised}, each part on a multiple of TRIMTAB_ALIGNMENT bytes. All offsets in bytes. Plain
// constexpr functions, for host and device alike (nvcc: --expt-relaxed-constexpr).
#pragma once

#include <cstdint>

#include "trimtab.h"

namespace trimtab {

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

constexpr int64_t aligned(int64_t bytes) {
  return (bytes + TRIMTAB_ALIGNMENT - 1) / TRIMTAB_ALIGNMENT * TRIMTAB_ALIGNMENT;
}

/** Codes of one token of one head. */
constexpr int64_t token_bytes(const trimtab_pages& pages) {
  return int64_t{pages.head_dim} * (bits(pages.dtype) / 8);
}

/** From a head's codes to its scales; meaningful for quantised formats only. */
constexpr int64_t scales_after_codes(const trimtab_pages& pages) {
  return aligned(pages.tokens * token_bytes(pages));
}

/** Codes and scales of one head's keys, or of its values. */
constexpr int64_t head_bytes(const trimtab_pages& pages) {
  return scales_after_codes(pages) + (is_quantized(pages.dtype) ? aligned(2 * pages.tokens) : 0);
}

/** Offset in a page of the key codes of a head of that page. */
constexpr int64_t keys_offset(const trimtab_pages& pages, int head) {
  return head * head_bytes(pages);
}

/** From a key's codes or scale to its value's. */
constexpr int64_t key_to_value(const trimtab_pages& pages) {
  return pages.heads * head_bytes(pages);
}

constexpr int64_t page_bytes(const trimtab_pages& pages) {
  return 2 * pages.heads * head_bytes(pages);
}

}  // namespace trimtab
