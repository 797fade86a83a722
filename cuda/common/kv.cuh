// Tokens of a row's key/value head wherever they lie: history in pages first, then the new tokens.
// What lengths and tables say is checked here before it is followed.
#pragma once

#include "common/page_layout.h"
#include "common/status.cuh"

namespace trimtab {

/** Notes the bad values that one operation meets. */
struct Notes {
  trimtab_status_word* status;
  uint32_t operation;

  __device__ __forceinline__ void bad(uint32_t argument, uint32_t problem, int64_t index,
                                      int64_t value) const {
    note(status, operation, argument, problem, index, value);
  }

  /** Whether a value is in [low, high]; notes it where it is not. */
  __device__ __forceinline__ bool inside(uint32_t argument, int64_t index, int64_t value,
                                         int64_t low, int64_t high) const {
    if (value >= low && value <= high) return true;
    note(status, operation, argument, TRIMTAB_PROBLEM_OUTSIDE, index, value, {low, high});
    return false;
  }
};

/** What points to global memory: the compiler then knows that no store to shared memory changes it.
 */
template <class Element>
__device__ __forceinline__ Element* in_global(Element* from) {
#ifdef __CUDA_ARCH__
  __builtin_assume(__isGlobal(from));
#endif
  return from;
}

/** Elements of I32 tensors. */
__device__ __forceinline__ int32_t& at(const trimtab_tensor& tensor, int64_t i) {
  return static_cast<int32_t*>(tensor.data)[i * tensor.stride[0]];
}
__device__ __forceinline__ int32_t& at(const trimtab_tensor& tensor, int64_t i, int64_t j) {
  return static_cast<int32_t*>(tensor.data)[i * tensor.stride[0] + j * tensor.stride[1]];
}

/** Row (i, j) of an I32 tensor of three dimensions. */
__device__ __forceinline__ int32_t* ids_of(const trimtab_tensor& tensor, int64_t i, int64_t j) {
  return static_cast<int32_t*>(tensor.data) + i * tensor.stride[0] + j * tensor.stride[1];
}

/** Row (i, j) of an F32 tensor of three dimensions, the last one contiguous. */
__device__ __forceinline__ float* row_of(const trimtab_tensor& tensor, int64_t i, int64_t j) {
  return static_cast<float*>(tensor.data) + i * tensor.stride[0] + j * tensor.stride[1];
}

/** Vector (i, j, k) of a tensor [rows, heads, tokens, head_dim]. */
__device__ __forceinline__ const char* vector_of(const trimtab_tensor& tensor, int64_t i, int64_t j,
                                                 int64_t k) {
  int64_t element = i * tensor.stride[0] + j * tensor.stride[1] + k * tensor.stride[2];
  return static_cast<const char*>(tensor.data) + element * (bits(tensor.dtype) / 8);
}

/** Whether all vectors of such a tensor may be read 16 bytes at a time. */
__host__ __device__ __forceinline__ bool wide(const trimtab_tensor& tensor) {
  int64_t strides = tensor.stride[0] | tensor.stride[1] | tensor.stride[2];
  int64_t bytes = strides * (bits(tensor.dtype) / 8);
  return ((reinterpret_cast<int64_t>(tensor.data) | bytes) & 15) == 0;
}

/** Key/value heads of the sources that are there. */
constexpr int64_t key_heads(const trimtab_pages& history, const trimtab_new_tokens& fresh) {
  return has(history) ? heads_of(history) : fresh.k.size[1];
}

/** The list that holds a key/value head of a row. */
__device__ __forceinline__ int32_t list_of(const trimtab_pages& pages, int32_t head) {
  return pages.table.size[1] == 1 ? 0 : head;
}

/** Most tokens of a list. */
__device__ __forceinline__ int64_t capacity_of(const trimtab_pages& pages) {
  return pages.table.size[2] * pages.tokens;
}

/** Pages of one row's key/value head, with what their layout says computed once. */
struct HeadPages {
  char* slab;
  const int32_t* table;  // of the list
  int64_t table_stride, table_index;
  int64_t page_bytes, to_value;
  int32_t pages, tokens, shift, token_bytes, scales;
  uint32_t argument;

  __device__ HeadPages(const trimtab_pages& from, uint32_t argument, int32_t row, int32_t head)
      : argument(argument) {
    int32_t list = list_of(from, head);
    int32_t head_in_page = from.table.size[1] == 1 ? head : 0;
    slab = static_cast<char*>(from.slab) + keys_offset(from, head_in_page);
    table = ids_of(from.table, row, list);
    table_stride = from.table.stride[2];
    table_index = (row * from.table.size[1] + list) * from.table.size[2];
    page_bytes = trimtab::page_bytes(from);
    to_value = key_to_value(from);
    pages = from.pages;
    tokens = from.tokens;
    shift = __ffs(tokens) - 1;
    token_bytes = static_cast<int32_t>(trimtab::token_bytes(from));
    scales = static_cast<int32_t>(scales_after_codes(from));
  }

  /** The id of a token's page, not checked. */
  __device__ __forceinline__ int32_t id(int32_t token) const { return *id_at(token); }
  __device__ __forceinline__ const int32_t* id_at(int32_t token) const {
    return table + static_cast<uint32_t>(token >> shift) * table_stride;
  }

  __device__ __forceinline__ bool is_page(int32_t id) const {
    return static_cast<uint32_t>(id) < static_cast<uint32_t>(pages);
  }

  /** A page at this head's keys. */
  __device__ __forceinline__ char* page_of(int32_t id) const {
    return slab + static_cast<uint32_t>(id) * page_bytes;
  }

  /** The page of a token; null, and noted, where its id is bad. */
  __device__ __forceinline__ char* page(int32_t token, const Notes& notes) const {
    int32_t page_id = id(token);
    if (is_page(page_id)) return page_of(page_id);
    notes.inside(argument, table_index + (token >> shift), page_id, 0, pages - 1);
    return nullptr;
  }

  /** In a page as page() gives it: from there to the codes of a token's key. */
  __device__ __forceinline__ int32_t codes(int32_t token) const {
    return (token & (tokens - 1)) * token_bytes;
  }

  /** And to the scale of a token's key, for quantised pages. */
  __device__ __forceinline__ int32_t scale(int32_t token) const {
    return scales + 2 * (token & (tokens - 1));
  }
};

/** How many tokens a row's key/value head has. */
struct TokenCounts {
  int32_t history = 0;
  int32_t fresh = 0;

  __device__ int32_t all() const { return history + fresh; }
};

/** Valid new tokens of a row; 0 where the length is bad. */
__device__ __forceinline__ int32_t new_tokens_of(const trimtab_new_tokens& fresh, int32_t row,
                                                 const Notes& notes) {
  if (!has(fresh)) return 0;
  auto most = static_cast<int32_t>(fresh.k.size[2]);
  if (!has(fresh.lengths)) return most;
  int32_t count = at(fresh.lengths, row);
  return notes.inside(TRIMTAB_ARGUMENT_FRESH_LENGTHS, row, count, 0, most) ? count : 0;
}

/** Tokens of a row's key/value head: at most `most`, none where a length is bad. */
__device__ __forceinline__ TokenCounts tokens_of(const trimtab_pages& history,
                                                 const trimtab_new_tokens& fresh, int32_t row,
                                                 int32_t head, int64_t most, const Notes& notes) {
  TokenCounts counts;
  counts.fresh = new_tokens_of(fresh, row, notes);
  int64_t index = row;
  if (has(history)) {
    int32_t list = list_of(history, head);
    index = row * history.table.size[1] + list;
    int32_t length = at(history.lengths, row, list);
    bool good =
        notes.inside(TRIMTAB_ARGUMENT_HISTORY_LENGTHS, index, length, 0, capacity_of(history));
    counts.history = good ? length : 0;
  }
  int64_t all = static_cast<int64_t>(counts.history) + counts.fresh;
  uint32_t argument =
      has(history) ? TRIMTAB_ARGUMENT_HISTORY_LENGTHS : TRIMTAB_ARGUMENT_FRESH_LENGTHS;
  return notes.inside(argument, index, all, 0, most) ? counts : TokenCounts();
}

}  // namespace trimtab
