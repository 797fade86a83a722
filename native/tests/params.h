// A valid params struct of every operation, over addresses that nothing may touch: what argument
// tests begin from and change in one place.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "trimtab.h"

namespace trimtab::test {

/** Bytes that one fake buffer may span; each gets an address space of its own. */
constexpr uint64_t ROOM = uint64_t{1} << 32;

inline void* address(int buffer) {
  return reinterpret_cast<void*>((uint64_t{1} << 40) + static_cast<uint64_t>(buffer) * ROOM);
}

/** A contiguous tensor at the address of its number. */
inline trimtab_tensor tensor(int buffer, int32_t dtype, std::initializer_list<int64_t> shape) {
  trimtab_tensor tensor{};
  tensor.data = address(buffer);
  tensor.bytes = ROOM;
  tensor.dtype = dtype;
  tensor.rank = static_cast<int32_t>(shape.size());
  int64_t stride = 1;
  for (int i = tensor.rank - 1; i >= 0; i--) {
    tensor.size[i] = shape.begin()[i];
    tensor.stride[i] = stride;
    stride *= tensor.size[i];
  }
  return tensor;
}

constexpr int64_t ROWS = 2, HEADS = 3, GROUP = 2, HEAD_DIM = 16, NEW = 5, PLACES = 40;

/** One list a row, all heads in a page, at most 40 tokens; three numbers from `buffer` on. */
inline trimtab_pages pages(int buffer) {
  trimtab_pages pages{};
  pages.slab = address(buffer);
  pages.slab_bytes = ROOM;
  pages.dtype = TRIMTAB_BF16;
  pages.tokens = 16;
  pages.heads = HEADS;
  pages.head_dim = HEAD_DIM;
  pages.pages = 20;
  pages.table = tensor(buffer + 1, TRIMTAB_I32, {ROWS, 1, 3});
  pages.lengths = tensor(buffer + 2, TRIMTAB_I32, {ROWS, 1});
  return pages;
}

/** Three numbers from `buffer` on. */
inline trimtab_new_tokens new_tokens(int buffer) {
  return {tensor(buffer, TRIMTAB_F32, {ROWS, HEADS, NEW, HEAD_DIM}),
          tensor(buffer + 1, TRIMTAB_F32, {ROWS, HEADS, NEW, HEAD_DIM}),
          tensor(buffer + 2, TRIMTAB_I32, {ROWS})};
}

/** Two numbers from `buffer` on. */
inline trimtab_weights weights(int buffer, int32_t format, int64_t rows) {
  trimtab_weights weights{};
  weights.format = format;
  bool nibbles = format == TRIMTAB_INT4;
  weights.codes = tensor(buffer, nibbles ? TRIMTAB_INT8 : format, {rows, nibbles ? 32 : 64});
  if (format == TRIMTAB_FP8_E4M3 || format == TRIMTAB_INT8 || nibbles) {
    weights.scales = tensor(buffer + 1, TRIMTAB_BF16, {rows, format == TRIMTAB_FP8_E4M3 ? 1 : 2});
  }
  return weights;
}

template <typename Params>
Params with_common() {
  Params params{};
  params.common.struct_size = sizeof(Params);
  params.common.status = static_cast<trimtab_status_word*>(address(0));
  params.common.workspace = address(1);
  params.common.workspace_bytes = ROOM;
  return params;
}

inline trimtab_scoring scoring() {
  trimtab_scoring scoring{};
  scoring.q = tensor(2, TRIMTAB_F16, {ROWS, HEADS * GROUP, NEW, HEAD_DIM});
  scoring.query_rows = tensor(3, TRIMTAB_I32, {ROWS, 4});
  scoring.history = pages(4);
  scoring.fresh = new_tokens(7);
  scoring.window = tensor(10, TRIMTAB_I32, {ROWS, 4});
  scoring.scores = tensor(11, TRIMTAB_F32, {ROWS, HEADS, 64});
  scoring.mode = TRIMTAB_MODE_SOFTMAX;
  scoring.pooling = TRIMTAB_POOLING_MAX;
  scoring.pool_width = 5;
  scoring.scale = 0.25f;
  return scoring;
}

template <typename Params>
Params valid();

template <>
inline trimtab_append_params valid() {
  auto params = with_common<trimtab_append_params>();
  params.fresh = new_tokens(2);
  params.target = pages(5);
  return params;
}

template <>
inline trimtab_score_params valid() {
  auto params = with_common<trimtab_score_params>();
  params.scoring = scoring();
  return params;
}

template <>
inline trimtab_select_params valid() {
  auto params = with_common<trimtab_select_params>();
  params.scores = tensor(2, TRIMTAB_F32, {ROWS, HEADS, 64});
  params.lengths = tensor(3, TRIMTAB_I32, {ROWS, HEADS});
  params.window = tensor(4, TRIMTAB_I32, {ROWS, 4});
  params.capacity = tensor(5, TRIMTAB_I32, {ROWS, 1});
  params.indices = tensor(6, TRIMTAB_I32, {ROWS, HEADS, PLACES});
  return params;
}

template <>
inline trimtab_compact_params valid() {
  auto params = with_common<trimtab_compact_params>();
  params.history = pages(2);
  params.fresh = new_tokens(5);
  params.indices = tensor(8, TRIMTAB_I32, {ROWS, HEADS, PLACES});
  params.target = pages(9);
  return params;
}

template <>
inline trimtab_evict_params valid() {
  auto params = with_common<trimtab_evict_params>();
  params.scoring = scoring();
  params.capacity = tensor(12, TRIMTAB_I32, {ROWS, 1});
  params.indices = tensor(13, TRIMTAB_I32, {ROWS, HEADS, PLACES});
  params.target = pages(14);
  return params;
}

template <>
inline trimtab_attend_params valid() {
  auto params = with_common<trimtab_attend_params>();
  params.q = tensor(2, TRIMTAB_F16, {ROWS, HEADS * GROUP, NEW, HEAD_DIM});
  params.query_lengths = tensor(3, TRIMTAB_I32, {ROWS});
  params.history = pages(4);
  params.fresh = new_tokens(7);
  params.parents = tensor(10, TRIMTAB_I32, {ROWS, NEW});
  params.out = tensor(11, TRIMTAB_F32, {ROWS, HEADS * GROUP, NEW, HEAD_DIM});
  params.lse = tensor(12, TRIMTAB_F32, {ROWS, HEADS * GROUP, NEW});
  params.mask = TRIMTAB_MASK_TREE;
  params.scale = 0.25f;
  return params;
}

template <>
inline trimtab_columnsums_params valid() {
  auto params = with_common<trimtab_columnsums_params>();
  params.q = tensor(2, TRIMTAB_BF16, {ROWS, HEADS * GROUP, NEW, HEAD_DIM});
  params.query_lengths = tensor(3, TRIMTAB_I32, {ROWS});
  params.history = pages(4);
  params.fresh = new_tokens(7);
  params.sums = tensor(10, TRIMTAB_F32, {ROWS, HEADS, 64});
  params.mask = TRIMTAB_MASK_CAUSAL;
  params.scale = 0.25f;
  return params;
}

template <>
inline trimtab_selectivity_params valid() {
  auto params = with_common<trimtab_selectivity_params>();
  params.q = tensor(2, TRIMTAB_F32, {ROWS, HEADS * GROUP, NEW, HEAD_DIM});
  params.query_lengths = tensor(3, TRIMTAB_I32, {ROWS});
  params.history = pages(4);
  params.fresh = new_tokens(7);
  params.index = tensor(10, TRIMTAB_F32, {3});
  params.top = 4;
  params.scale = 0.25f;
  return params;
}

template <>
inline trimtab_head_params valid() {
  auto params = with_common<trimtab_head_params>();
  params.hidden = tensor(2, TRIMTAB_F32, {8, 64});
  params.rows.weight = weights(3, TRIMTAB_INT4, 100);
  params.rows.ids = tensor(5, TRIMTAB_I32, {30});
  params.rows.count = tensor(6, TRIMTAB_I32, {1});
  params.rows.vocabulary = 100;
  params.logits = tensor(7, TRIMTAB_F32, {8, 30});
  params.ids = tensor(8, TRIMTAB_I32, {8, 10});
  params.values = tensor(9, TRIMTAB_F32, {8, 10});
  params.log_sum_exp = tensor(10, TRIMTAB_F32, {8});
  return params;
}

template <>
inline trimtab_quantize_params valid() {
  auto params = with_common<trimtab_quantize_params>();
  params.weight = tensor(2, TRIMTAB_BF16, {100, 64});
  params.rows = weights(3, TRIMTAB_INT8, 100);
  return params;
}

template <>
inline trimtab_pack_params valid() {
  auto params = with_common<trimtab_pack_params>();
  params.from = weights(2, TRIMTAB_INT8, 100);
  params.ids = tensor(4, TRIMTAB_I32, {30});
  params.to = weights(5, TRIMTAB_INT8, 30);
  return params;
}

/** A chain. */
template <>
inline trimtab_verify_params valid() {
  auto params = with_common<trimtab_verify_params>();
  params.target = tensor(2, TRIMTAB_F32, {ROWS, 5, 100});
  params.draft = tensor(3, TRIMTAB_F32, {ROWS, 4, 30});
  params.ids = tensor(4, TRIMTAB_I32, {30});
  params.tokens = tensor(5, TRIMTAB_I32, {ROWS, 4});
  params.accept_u = tensor(6, TRIMTAB_F32, {ROWS, 4});
  params.sample_u = tensor(7, TRIMTAB_F32, {ROWS});
  params.emitted = tensor(8, TRIMTAB_I32, {ROWS, 5});
  params.accepted = tensor(9, TRIMTAB_I32, {ROWS});
  params.method = TRIMTAB_VERIFY_CHAIN;
  return params;
}

}  // namespace trimtab::test
