// Device memory of tests, between bytes that a kernel must leave as they are.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <vector>

#include "trimtab.h"

namespace trimtab::test {

/** Elements on the device; the first lies `offset` bytes behind an address aligned to 256. */
template <typename Element>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<Element>& values, size_t offset = 0)
      : count_(values.size()), offset_(GUARD + offset) {
    std::vector<unsigned char> bytes(offset_ + count_ * sizeof(Element) + GUARD, CANARY);
    if (count_ > 0) memcpy(bytes.data() + offset_, values.data(), count_ * sizeof(Element));
    EXPECT_EQ(cudaMalloc(&base_, bytes.size()), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(base_, bytes.data(), bytes.size(), cudaMemcpyHostToDevice), cudaSuccess);
  }
  OnDevice(size_t count, Element poison) : OnDevice(std::vector<Element>(count, poison)) {}
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() { cudaFree(base_); }

  Element* data() const { return reinterpret_cast<Element*>(base_ + offset_); }

  /** What is there now; fails the test where the bytes around it have changed. */
  std::vector<Element> values() const {
    std::vector<unsigned char> bytes(offset_ + count_ * sizeof(Element) + GUARD);
    EXPECT_EQ(cudaMemcpy(bytes.data(), base_, bytes.size(), cudaMemcpyDeviceToHost), cudaSuccess);
    size_t end = bytes.size() - GUARD;
    for (size_t i = 0; i < bytes.size(); i++) {
      if (i < offset_ || i >= end) {
        EXPECT_EQ(bytes[i], CANARY) << "byte " << i << " of the guard";
      }
    }
    std::vector<Element> values(count_);
    if (count_ > 0) memcpy(values.data(), bytes.data() + offset_, count_ * sizeof(Element));
    return values;
  }

  /** A contiguous tensor of all elements. */
  trimtab_tensor tensor(int32_t dtype, std::initializer_list<int64_t> shape) const {
    trimtab_tensor tensor{};
    tensor.data = data();
    tensor.bytes = count_ * sizeof(Element);
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

 private:
  static constexpr size_t GUARD = 256;
  static constexpr unsigned char CANARY = 0xa5;
  size_t count_;
  size_t offset_;
  unsigned char* base_ = nullptr;
};

/** Workspace of exactly the bytes that an operation asks for, counters zeroed, the rest poisoned.
 */
class Workspace {
 public:
  explicit Workspace(uint64_t bytes) : memory_(poisoned(bytes)), bytes_(bytes) {}

  void give(trimtab_common& common) const {
    common.workspace = bytes_ == 0 ? nullptr : memory_.data();
    common.workspace_bytes = bytes_;
  }

  /** Expects that the counters are zero again and nothing around the workspace was written. */
  void expect_clean() const {
    std::vector<unsigned char> now = memory_.values();
    for (uint64_t i = 0; i < bytes_ && i < TRIMTAB_COUNTER_BYTES; i++) {
      ASSERT_EQ(now[i], 0) << "byte " << i << " of the counters";
    }
  }

 private:
  static std::vector<unsigned char> poisoned(uint64_t bytes) {
    std::vector<unsigned char> memory(bytes, 0xff);
    for (uint64_t i = 0; i < bytes && i < TRIMTAB_COUNTER_BYTES; i++) memory[i] = 0;
    return memory;
  }

  OnDevice<unsigned char> memory_;
  uint64_t bytes_;
};

}  // namespace trimtab::test
