// Pages, new tokens and queries of tests, with a plain reading of them to compare with.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <vector>

#include "common/formats.cuh"
#include "device_memory.h"
#include "random.h"

namespace trimtab::test {

inline size_t bytes_of(int32_t dtype) {
  return dtype == TRIMTAB_F32 ? 4 : dtype == TRIMTAB_FP8_E4M3 || dtype == TRIMTAB_INT8 ? 1 : 2;
}

inline bool has_scales(int32_t dtype) { return bytes_of(dtype) == 1; }

/** A number of any format from its bytes, before scaling. */
inline float number(int32_t dtype, const unsigned char* from) {
  uint16_t half = 0;
  float plain = 0;
  if (bytes_of(dtype) == 2) memcpy(&half, from, 2);
  if (bytes_of(dtype) == 4) memcpy(&plain, from, 4);
  return dtype == TRIMTAB_F32        ? plain
         : dtype == TRIMTAB_F16      ? from_f16(half)
         : dtype == TRIMTAB_BF16     ? from_bf16(half)
         : dtype == TRIMTAB_FP8_E4M3 ? from_fp8(*from)
                                     : static_cast<float>(static_cast<int8_t>(*from));
}

inline void put_number(int32_t dtype, float x, unsigned char* to) {
  if (dtype == TRIMTAB_F32) memcpy(to, &x, 4);
  uint16_t half = dtype == TRIMTAB_F16 ? to_f16(x) : to_bf16(x);
  if (dtype != TRIMTAB_F32) memcpy(to, &half, 2);
}

/** A tensor [rows, heads, tokens, head_dim] of plain numbers, `gap` elements between vectors. */
class Vectors {
 public:
  Vectors(int32_t dtype, int rows, int heads, int tokens, int head_dim, uint64_t seed, int gap = 0)
      : dtype_(dtype), size_{rows, heads, tokens, head_dim}, pitch_(head_dim + gap) {
    Random random(seed);
    host_.resize(static_cast<size_t>(rows) * heads * tokens * pitch_ * bytes_of(dtype));
    for (size_t i = 0; i < host_.size(); i += bytes_of(dtype)) {
      put_number(dtype, 4 * random.uniform() - 2, &host_[i]);
    }
  }

  float at(int row, int head, int token, int d) const {
    return number(dtype_, &host_[place(row, head, token, d)]);
  }
  void set(int row, int head, int token, int d, float x) {
    put_number(dtype_, x, &host_[place(row, head, token, d)]);
  }
  std::vector<float> vector(int row, int head, int token) const {
    std::vector<float> x(size_[3]);
    for (int d = 0; d < size_[3]; d++) x[d] = at(row, head, token, d);
    return x;
  }

  /** Copies the numbers to the device; a gap also moves the first one off every alignment. */
  trimtab_tensor on_device() {
    size_t off = pitch_ == size_[3] ? 0 : bytes_of(dtype_);
    device_ = std::make_unique<OnDevice<unsigned char>>(host_, off);
    trimtab_tensor tensor{};
    tensor.data = device_->data();
    tensor.bytes = host_.size();
    tensor.dtype = dtype_;
    tensor.rank = 4;
    int64_t stride = 1;
    for (int i = 3; i >= 0; i--) {
      tensor.size[i] = size_[i];
      tensor.stride[i] = stride;
      stride *= i == 3 ? pitch_ : size_[i];
    }
    return tensor;
  }

 private:
  size_t place(int row, int head, int token, int d) const {
    size_t vector = (static_cast<size_t>(row) * size_[1] + head) * size_[2] + token;
    return (vector * pitch_ + d) * bytes_of(dtype_);
  }

  int32_t dtype_;
  int size_[4];
  int pitch_;
  std::vector<unsigned char> host_;
  std::unique_ptr<OnDevice<unsigned char>> device_;
};

/** What a cache looks like. */
struct Layout {
  int32_t dtype = TRIMTAB_BF16;
  int page_tokens = 16;
  int rows = 2;
  int lists = 1;  // a row; 1, or one a head
  int heads = 3;
  int head_dim = 32;
  int pages_of_list = 4;

  int heads_of_page() const { return lists == 1 ? heads : 1; }
  int pages() const { return rows * lists * pages_of_list + 3; }
  size_t codes_bytes() const { return round(size_t(page_tokens) * head_dim * bytes_of(dtype)); }
  size_t head_bytes() const {
    return codes_bytes() + (has_scales(dtype) ? round(size_t(page_tokens) * 2) : 0);
  }
  size_t page_bytes() const { return 2 * heads_of_page() * head_bytes(); }

 private:
  static size_t round(size_t bytes) { return (bytes + 127) / 128 * 128; }
};

/** Pages in shuffled order; all table entries behind the used ones are far out of range. */
class Cache {
 public:
  Cache(const Layout& layout, std::vector<int32_t> lengths, uint64_t seed, int reserve = 0)
      : layout(layout), lengths(std::move(lengths)) {
    Random random(seed);
    std::vector<int32_t> ids(layout.pages());
    std::iota(ids.begin(), ids.end(), 0);
    for (size_t i = ids.size() - 1; i > 0; i--) std::swap(ids[i], ids[random.below(i + 1)]);
    table.assign(size_t(layout.rows) * layout.lists * layout.pages_of_list, 1 << 30);
    for (size_t list = 0; list < this->lengths.size(); list++) {
      int used = std::max(this->lengths[list], reserve);
      for (int p = 0; p * layout.page_tokens < used; p++) {
        size_t place = list * layout.pages_of_list + p;
        table[place] = ids[place];
      }
    }
    slab.resize(layout.pages() * layout.page_bytes());
    for (unsigned char& byte : slab) byte = static_cast<unsigned char>(random.bits());
    for (int page = 0; page < layout.pages(); page++) {
      for (int head = 0; head < 2 * layout.heads_of_page(); head++) fill(page, head, random);
    }
  }

  int length(int row, int head) const {
    return lengths[row * layout.lists + (layout.lists == 1 ? 0 : head)];
  }

  /** Offset in the slab of a token's key, or of its value. */
  size_t codes(int row, int head, int token, bool value) const {
    return head_part(row, head, token, value) +
           token % layout.page_tokens * layout.head_dim * bytes_of(layout.dtype);
  }
  size_t scale(int row, int head, int token, bool value) const {
    return head_part(row, head, token, value) + layout.codes_bytes() +
           token % layout.page_tokens * 2;
  }

  std::vector<float> vector(int row, int head, int token, bool value) const {
    std::vector<float> x(layout.head_dim);
    float factor = 1;
    if (has_scales(layout.dtype)) {
      factor = number(TRIMTAB_BF16, &slab[scale(row, head, token, value)]);
    }
    size_t from = codes(row, head, token, value);
    for (int d = 0; d < layout.head_dim; d++) {
      x[d] = number(layout.dtype, &slab[from + d * bytes_of(layout.dtype)]) * factor;
    }
    return x;
  }

  trimtab_pages on_device() {
    slab_ = std::make_unique<OnDevice<unsigned char>>(slab);
    table_ = std::make_unique<OnDevice<int32_t>>(table);
    lengths_ = std::make_unique<OnDevice<int32_t>>(lengths);
    trimtab_pages pages{};
    pages.slab = slab_->data();
    pages.slab_bytes = slab.size();
    pages.dtype = layout.dtype;
    pages.tokens = layout.page_tokens;
    pages.heads = layout.heads_of_page();
    pages.head_dim = layout.head_dim;
    pages.pages = layout.pages();
    pages.table = table_->tensor(TRIMTAB_I32, {layout.rows, layout.lists, layout.pages_of_list});
    pages.lengths = lengths_->tensor(TRIMTAB_I32, {layout.rows, layout.lists});
    return pages;
  }

  /** Takes over what the device holds now. */
  void read_back() {
    slab = slab_->values();
    lengths = lengths_->values();
  }

  Layout layout;
  std::vector<int32_t> table;
  std::vector<int32_t> lengths;
  std::vector<unsigned char> slab;

 private:
  size_t head_part(int row, int head, int token, bool value) const {
    int list = row * layout.lists + (layout.lists == 1 ? 0 : head);
    int page = table[list * layout.pages_of_list + token / layout.page_tokens];
    int part = (value ? layout.heads_of_page() : 0) + (layout.lists == 1 ? head : 0);
    return page * layout.page_bytes() + part * layout.head_bytes();
  }

  /** Numbers of moderate size; codes of every kind but NaN, scales around 2^-5. */
  void fill(int page, int part, Random& random) {
    size_t at = page * layout.page_bytes() + part * layout.head_bytes();
    for (int i = 0; i < layout.page_tokens * layout.head_dim; i++) {
      unsigned char* to = &slab[at + i * bytes_of(layout.dtype)];
      if (!has_scales(layout.dtype)) put_number(layout.dtype, 4 * random.uniform() - 2, to);
      if (layout.dtype == TRIMTAB_FP8_E4M3 && (*to & 0x7f) == 0x7f) *to = 0x30;
    }
    for (int t = 0; has_scales(layout.dtype) && t < layout.page_tokens; t++) {
      put_number(TRIMTAB_BF16, (1 + random.uniform()) / 64,
                 &slab[at + layout.codes_bytes() + 2 * t]);
    }
  }

  std::unique_ptr<OnDevice<unsigned char>> slab_;
  std::unique_ptr<OnDevice<int32_t>> table_;
  std::unique_ptr<OnDevice<int32_t>> lengths_;
};

/** History, new tokens, or both as one sequence; either may be null. */
struct Sources {
  Cache* history = nullptr;
  Vectors* k = nullptr;
  Vectors* v = nullptr;
  std::vector<int32_t> fresh_lengths;  // of each row

  int history_tokens(int row, int head) const { return history ? history->length(row, head) : 0; }
  int tokens(int row, int head) const {
    return history_tokens(row, head) + (k ? fresh_lengths[row] : 0);
  }
  std::vector<float> vector(int row, int head, int token, bool value) const {
    int before = history_tokens(row, head);
    if (token < before) return history->vector(row, head, token, value);
    return (value ? v : k)->vector(row, head, token - before);
  }
  std::vector<std::vector<float>> keys(int row, int head) const {
    std::vector<std::vector<float>> keys(tokens(row, head));
    for (size_t t = 0; t < keys.size(); t++) keys[t] = vector(row, head, t, false);
    return keys;
  }
};

/** New tokens on the device. */
class FreshOnDevice {
 public:
  explicit FreshOnDevice(const Sources& sources) : lengths_(sources.fresh_lengths) {
    if (sources.k == nullptr) return;
    params.k = sources.k->on_device();
    if (sources.v != nullptr) params.v = sources.v->on_device();
    params.lengths =
        lengths_.tensor(TRIMTAB_I32, {static_cast<int64_t>(sources.fresh_lengths.size())});
  }

  trimtab_new_tokens params{};

 private:
  OnDevice<int32_t> lengths_;
};

/** A status word on the device. */
class Status {
 public:
  Status() : word_(1, trimtab_status_word{}) {}
  trimtab_status_word* data() const { return word_.data(); }
  trimtab_status_word value() const { return word_.values()[0]; }

 private:
  OnDevice<trimtab_status_word> word_;
};

/** Asks for the workspace, launches, waits, and expects the counters to be zero again. */
template <typename Params>
void run(Params& params, uint64_t (*workspace)(const Params&),
         cudaError_t (*launch)(const Params&, cudaStream_t), Status& status) {
  params.common.status = status.data();
  Workspace memory(workspace(params));
  memory.give(params.common);
  ASSERT_EQ(launch(params, nullptr), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  memory.expect_clean();
}

/** The same, where no value is bad. */
template <typename Params>
void run(Params& params, uint64_t (*workspace)(const Params&),
         cudaError_t (*launch)(const Params&, cudaStream_t)) {
  Status status;
  run(params, workspace, launch, status);
  trimtab_status_word word = status.value();
  ASSERT_EQ(word.operation, 0u) << "argument " << word.argument << " problem " << word.problem
                                << " index " << word.index << " value " << word.value;
}

}  // namespace trimtab::test
