// Device memory of one measurement: freed with it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "trimtab.h"

namespace bench {

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  /** Zeroed bytes. */
  void* zeroed(uint64_t bytes);

  trimtab_tensor zeros(int32_t dtype, std::initializer_list<int64_t> shape);

  /** Uniform numbers of [-1, 1): F32, F16 or BF16. */
  trimtab_tensor random(int32_t dtype, std::initializer_list<int64_t> shape);

  trimtab_tensor integers(const std::vector<int32_t>& values, std::initializer_list<int64_t> shape);

  /** Empty lists, one a row, over pages in an order like that of a pool that has been in use. */
  trimtab_pages empty_pages(int32_t dtype, int rows, int heads, int head_dim, int capacity);

  /** The same with random tokens in all places. */
  trimtab_pages pages(int32_t dtype, int rows, int heads, int head_dim, int tokens);

  trimtab_new_tokens tokens(int32_t dtype, int rows, int heads, int head_dim, int tokens);

  /** Random rows of any format. */
  trimtab_weights weights(int32_t format, int rows, int columns);

 private:
  trimtab_tensor tensor(int32_t dtype, std::initializer_list<int64_t> shape);

  std::vector<void*> allocations_;
};

/** What a contiguous tensor of F32 or BF16 holds. */
std::vector<float> values(const trimtab_tensor& tensor);

/** Ascending, `count` of 0 to `of` - 1, other ones for every seed. */
std::vector<int32_t> some_of(int count, int of, unsigned seed);

}  // namespace bench
