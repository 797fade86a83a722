// Places, streams and contexts: what a call leaves behind and what it refuses. Needs a device, of
// the emulation or real.
#include "device.h"

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "driver.h"
#include "params.h"
#include "trimtab.h"

namespace trimtab::test {
namespace {

class Devices : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(trimtab_device_count(&count, nullptr), TRIMTAB_SUCCESS);
    error.struct_size = sizeof error;
  }

  /** A selection of one among four, whose buffers lie in one block of device memory. */
  trimtab_select_params selection(char* memory) {
    auto params = with_common<trimtab_select_params>();
    params.common.status = reinterpret_cast<trimtab_status_word*>(memory);
    params.common.workspace = memory + 8192;
    params.scores = tensor(0, TRIMTAB_F32, {1, 1, 4});
    params.capacity = tensor(0, TRIMTAB_I32, {1, 1});
    params.indices = tensor(0, TRIMTAB_I32, {1, 1, 4});
    params.scores.data = memory + 1024;
    params.capacity.data = memory + 2048;
    params.indices.data = memory + 4096;
    params.scores.bytes = params.capacity.bytes = params.indices.bytes = 16;
    uint64_t bytes = 0;
    EXPECT_EQ(trimtab_select_workspace(&params, &bytes, nullptr), TRIMTAB_SUCCESS);
    EXPECT_LE(bytes, BYTES - 8192);
    params.common.workspace_bytes = bytes;
    return params;
  }

  static constexpr size_t BYTES = 1 << 20;
  int32_t count = 0;
  trimtab_error error{};
  trimtab_launch launch{sizeof(trimtab_launch), 0, nullptr};
};

TEST_F(Devices, RunANoop) {
  EXPECT_EQ(trimtab_noop(&launch, &error), TRIMTAB_SUCCESS) << error.text;
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  launch.device = count;
  EXPECT_EQ(trimtab_noop(&launch, &error), TRIMTAB_NO_DEVICE);
  EXPECT_NE(std::strstr(error.text, "expected 0 to "), nullptr) << error.text;
  launch.device = -1;
  EXPECT_EQ(trimtab_noop(&launch, &error), TRIMTAB_NO_DEVICE);
}

TEST_F(Devices, LeaveTheThreadsContextAsItWas) {
  std::thread([&] {
    void* context = &context;
    EXPECT_EQ(trimtab_noop(&launch, nullptr), TRIMTAB_SUCCESS);
    EXPECT_EQ(driver().get_current(&context), 0);
    EXPECT_EQ(context, nullptr) << "a thread without a context has none afterwards";
    ASSERT_EQ(cudaSetDevice(count - 1), cudaSuccess);
    void* before = nullptr;
    driver().get_current(&before);
    EXPECT_EQ(trimtab_noop(&launch, nullptr), TRIMTAB_SUCCESS);
    driver().get_current(&context);
    EXPECT_EQ(context, before);
  }).join();
}

TEST_F(Devices, RefuseHostMemory) {
  char* device = nullptr;
  char* host = nullptr;
  ASSERT_EQ(cudaMalloc(&device, BYTES), cudaSuccess);
  ASSERT_EQ(cudaMallocHost(&host, BYTES), cudaSuccess);
  auto params = selection(device);
  EXPECT_EQ(trimtab_select_check(&params, &launch, &error), TRIMTAB_SUCCESS) << error.text;
  params.capacity.data = host;
  EXPECT_EQ(trimtab_select_check(&params, &launch, &error), TRIMTAB_WRONG_PLACE);
  EXPECT_NE(std::strstr(error.text, "capacity: pinned host memory, expected"), nullptr)
      << error.text;
  alignas(128) static char plain[BYTES];
  params = selection(device);
  params.common.workspace = plain;
  if (params.common.workspace_bytes > 0) {
    EXPECT_EQ(trimtab_select_check(&params, &launch, &error), TRIMTAB_WRONG_PLACE);
    EXPECT_NE(std::strstr(error.text, "workspace: host memory, expected"), nullptr) << error.text;
  }
  params = selection(device);
  params.common.status = reinterpret_cast<trimtab_status_word*>(plain);
  EXPECT_EQ(trimtab_select_check(&params, &launch, &error), TRIMTAB_WRONG_PLACE);
  cudaFreeHost(host);
  cudaFree(device);
}

TEST_F(Devices, RefuseMemoryAndStreamsOfAnother) {
  if (count < 2) {
    GTEST_SKIP() << "one device only";
  }
  char* memory[2] = {};
  cudaStream_t streams[2] = {};
  for (int device : {0, 1}) {
    ASSERT_EQ(cudaSetDevice(device), cudaSuccess);
    ASSERT_EQ(cudaMalloc(&memory[device], BYTES), cudaSuccess);
    ASSERT_EQ(cudaStreamCreate(&streams[device]), cudaSuccess);
  }
  auto params = selection(memory[0]);
  launch.stream = streams[1];
  EXPECT_EQ(trimtab_select_check(&params, &launch, &error), TRIMTAB_WRONG_PLACE);
  EXPECT_NE(std::strstr(error.text, "stream: of another context"), nullptr) << error.text;
  launch.stream = streams[0];
  EXPECT_EQ(trimtab_select_check(&params, &launch, &error), TRIMTAB_SUCCESS) << error.text;
  params.scores.data = memory[1];
  EXPECT_EQ(trimtab_select_check(&params, &launch, &error), TRIMTAB_WRONG_PLACE);
  EXPECT_NE(std::strstr(error.text, "scores: memory of device 1, expected memory of device 0"),
            nullptr)
      << error.text;
  for (int device : {0, 1}) {
    cudaSetDevice(device);
    cudaStreamDestroy(streams[device]);
    cudaFree(memory[device]);
  }
  cudaSetDevice(0);
}

/** Last: the device is lost to this process afterwards. */
TEST_F(Devices, ZzzAreLostOnceAnErrorDestroyedTheContext) {
  int32_t device = count - 1;
  launch.device = device;
  ASSERT_EQ(trimtab_noop(&launch, &error), TRIMTAB_SUCCESS) << error.text;
  EXPECT_THROW(require_launched(device, cudaErrorInvalidConfiguration), Refusal);
  EXPECT_EQ(trimtab_noop(&launch, &error), TRIMTAB_SUCCESS) << "one launch failed, no more";
  EXPECT_THROW(require_launched(device, cudaErrorIllegalAddress), Refusal);
  EXPECT_EQ(trimtab_noop(&launch, &error), TRIMTAB_CONTEXT_LOST);
  EXPECT_EQ(error.cuda, cudaErrorIllegalAddress);
  EXPECT_NE(std::strstr(error.text, "is lost since"), nullptr) << error.text;
  auto params = selection(reinterpret_cast<char*>(uintptr_t{1} << 40));
  EXPECT_EQ(trimtab_select(&params, &launch, &error), TRIMTAB_CONTEXT_LOST);
  if (device > 0) {
    launch.device = 0;
    EXPECT_EQ(trimtab_noop(&launch, &error), TRIMTAB_SUCCESS) << "other devices still work";
  }
}

}  // namespace
}  // namespace trimtab::test
