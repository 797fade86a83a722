// How a page lies in memory: [K|V][head]{tokens x head_dim codes, then tokens x BF16 scale where
// quantised}, each part on a multiple of TRIMTAB_ALIGNMENT bytes. All offsets in bytes. Plain
// constexpr functions, for host and device alike (nvcc: --expt-relaxed-constexpr).
#pragma once

#include "common/shapes.h"

namespace trimtab {

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
