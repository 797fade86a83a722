#include "memory.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "common/page_layout.h"
#include "driver.h"
#include "operation.h"

namespace bench {

namespace {

constexpr int PAGE_TOKENS = 64;
constexpr int GROUP = 128;  // elements that share a scale in rows of INT8 and INT4
constexpr size_t BLOCK = size_t{1} << 22;

uint16_t half_of(float x, int32_t dtype) {
  if (dtype == TRIMTAB_F16) {
    auto half = static_cast<_Float16>(x);
    uint16_t bits;
    memcpy(&bits, &half, sizeof bits);
    return bits;
  }
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return static_cast<uint16_t>(bits >> 16);
}

/** A block of numbers, which tensors repeat. */
const std::vector<unsigned char>& block(int32_t dtype) {
  static std::vector<unsigned char> blocks[TRIMTAB_I32 + 1];
  std::vector<unsigned char>& bytes = blocks[dtype];
  if (bytes.empty()) {
    std::mt19937 generator(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    size_t size = trimtab::bits(dtype) / 8;
    bytes.resize(BLOCK * size);
    for (size_t i = 0; i < BLOCK; i++) {
      float x = uniform(generator);
      uint16_t half = half_of(x, dtype);
      memcpy(&bytes[i * size], size == 4 ? static_cast<void*>(&x) : &half, size);
    }
  }
  return bytes;
}

void copy_in(void* to, const void* from, size_t bytes) {
  check(driver().cuMemcpyHtoDAsync_v2(reinterpret_cast<Address>(to), from, bytes, stream()),
        "copying to the device");
}

}  // namespace

Memory::~Memory() {
  synchronize();
  for (void* allocation : allocations_) {
    check(driver().cuMemFree_v2(reinterpret_cast<Address>(allocation)), "freeing device memory");
  }
}

void* Memory::zeroed(uint64_t bytes) {
  Address address;
  check(driver().cuMemAlloc_v2(&address, std::max<uint64_t>(bytes, 1)), "allocating device memory");
  allocations_.push_back(reinterpret_cast<void*>(address));
  check(driver().cuMemsetD8Async(address, 0, bytes, stream()), "zeroing device memory");
  return allocations_.back();
}

trimtab_tensor Memory::tensor(int32_t dtype, std::initializer_list<int64_t> shape) {
  trimtab_tensor tensor{};
  tensor.dtype = dtype;
  tensor.rank = static_cast<int32_t>(shape.size());
  int64_t stride = 1;
  for (int i = tensor.rank - 1; i >= 0; i--) {
    tensor.size[i] = shape.begin()[i];
    tensor.stride[i] = stride;
    stride *= tensor.size[i];
  }
  tensor.bytes = static_cast<uint64_t>(stride) * trimtab::bits(dtype) / 8;
  tensor.data = zeroed(tensor.bytes);
  return tensor;
}

trimtab_tensor Memory::zeros(int32_t dtype, std::initializer_list<int64_t> shape) {
  return tensor(dtype, shape);
}

trimtab_tensor Memory::random(int32_t dtype, std::initializer_list<int64_t> shape) {
  trimtab_tensor result = tensor(dtype, shape);
  const std::vector<unsigned char>& numbers = block(dtype);
  // Each tensor begins at another place of the block.
  uint64_t from = 128 * (allocations_.size() * 997 % 8192) % numbers.size();
  for (uint64_t at = 0; at < result.bytes; from = 0) {
    uint64_t bytes = std::min<uint64_t>(numbers.size() - from, result.bytes - at);
    copy_in(static_cast<char*>(result.data) + at, numbers.data() + from, bytes);
    at += bytes;
  }
  return result;
}

trimtab_tensor Memory::integers(const std::vector<int32_t>& values,
                                std::initializer_list<int64_t> shape) {
  trimtab_tensor result = tensor(TRIMTAB_I32, shape);
  copy_in(result.data, values.data(), result.bytes);
  synchronize();  // the values are the caller's again
  return result;
}

trimtab_pages Memory::empty_pages(int32_t dtype, int rows, int heads, int head_dim, int capacity) {
  int pages_a_row = (capacity + PAGE_TOKENS - 1) / PAGE_TOKENS;
  trimtab_pages pages{};
  pages.dtype = dtype;
  pages.tokens = PAGE_TOKENS;
  pages.heads = heads;
  pages.head_dim = head_dim;
  pages.pages = rows * pages_a_row;
  pages.slab_bytes = static_cast<uint64_t>(trimtab::page_bytes(pages)) * pages.pages;
  pages.slab = zeroed(pages.slab_bytes);
  std::vector<int32_t> order(pages.pages);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(2));
  pages.table = integers(order, {rows, 1, pages_a_row});
  pages.lengths = zeros(TRIMTAB_I32, {rows, 1});
  return pages;
}

trimtab_pages Memory::pages(int32_t dtype, int rows, int heads, int head_dim, int tokens) {
  trimtab_pages result = empty_pages(dtype, rows, heads, head_dim, tokens);
  Memory given;  // lives until the append has read it
  trimtab_append_params append{};
  append.fresh = given.tokens(TRIMTAB_BF16, rows, heads, head_dim, tokens);
  append.target = result;
  operation(given, append)();
  return result;
}

trimtab_new_tokens Memory::tokens(int32_t dtype, int rows, int heads, int head_dim, int tokens) {
  trimtab_new_tokens result{};
  result.k = random(dtype, {rows, heads, tokens, head_dim});
  result.v = random(dtype, {rows, heads, tokens, head_dim});
  return result;
}

trimtab_weights Memory::weights(int32_t format, int rows, int columns) {
  trimtab_weights result{};
  result.format = format;
  if (trimtab::is_float(format)) {
    result.codes = random(format, {rows, columns});
    return result;
  }
  bool nibbles = format == TRIMTAB_INT4;
  result.codes = zeros(nibbles ? TRIMTAB_INT8 : format, {rows, nibbles ? columns / 2 : columns});
  result.scales =
      zeros(TRIMTAB_BF16, {rows, format == TRIMTAB_FP8_E4M3 ? 1 : std::max(columns / GROUP, 1)});
  Memory given;
  trimtab_quantize_params quantize{};
  quantize.weight = given.random(TRIMTAB_BF16, {rows, columns});
  quantize.rows = result;
  operation(given, quantize)();
  return result;
}

std::vector<float> values(const trimtab_tensor& tensor) {
  std::vector<unsigned char> bytes(tensor.bytes);
  check(driver().cuMemcpyDtoHAsync_v2(bytes.data(), reinterpret_cast<Address>(tensor.data),
                                      tensor.bytes, stream()),
        "copying from the device");
  synchronize();
  size_t size = trimtab::bits(tensor.dtype) / 8;
  std::vector<float> result(tensor.bytes / size);
  for (size_t i = 0; i < result.size(); i++) {
    // BF16 is the upper half of F32.
    memcpy(reinterpret_cast<unsigned char*>(&result[i]) + sizeof(float) - size, &bytes[i * size],
           size);
  }
  return result;
}

std::vector<int32_t> some_of(int count, int of, unsigned seed) {
  std::vector<int32_t> all(of);
  std::iota(all.begin(), all.end(), 0);
  std::vector<int32_t> chosen;
  std::sample(all.begin(), all.end(), std::back_inserter(chosen), count, std::mt19937(seed));
  return chosen;
}

}  // namespace bench
