#include "driver.h"

#include <cuda_runtime.h>

#include "refusal.h"

namespace trimtab {

namespace {

constexpr unsigned CUDA_12_0 = 12000;

template <typename Function>
void find(const char* name, Function*& function) {
  void* address = nullptr;
  cudaDriverEntryPointQueryResult found;
  cudaError_t error =
      cudaGetDriverEntryPointByVersion(name, &address, CUDA_12_0, cudaEnableDefault, &found);
  if (error != cudaSuccess || address == nullptr) {
    cudaGetLastError();
    refuse_cuda(TRIMTAB_NO_DEVICE, error, "the CUDA driver has no %s", name);
  }
  function = reinterpret_cast<Function*>(address);
}

Driver find_all() {
  Driver driver{};
  find("cuCtxGetCurrent", driver.get_current);
  find("cuCtxSetCurrent", driver.set_current);
  find("cuStreamGetCtx", driver.stream_context);
  return driver;
}

}  // namespace

const Driver& driver() {
  static const Driver found = find_all();
  return found;
}

}  // namespace trimtab
