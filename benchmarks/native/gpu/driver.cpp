#include "driver.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace bench {

namespace {

Driver found;
Handle work;

template <typename Function>
void find(void* library, const char* name, Function*& function, bool needed = true) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  if (needed && function == nullptr) {
    fprintf(stderr, "gpu-benchmark: the CUDA driver has no %s\n", name);
    exit(3);
  }
}

}  // namespace

const Driver& driver() { return found; }

Handle stream() { return work; }

void check(int result, const char* what) {
  if (result == 0) return;
  const char* text = nullptr;
  found.cuGetErrorString(result, &text);
  fprintf(stderr, "gpu-benchmark: %s: CUDA error %d, %s\n", what, result,
          text == nullptr ? "unknown" : text);
  exit(1);
}

void synchronize() { check(found.cuStreamSynchronize(work), "waiting for the stream"); }

void load_driver(const char* name) {
  void* library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    fprintf(stderr, "gpu-benchmark: no CUDA driver: %s\n", dlerror());
    exit(3);
  }
#define FIND(name) find(library, #name, found.name)
#define FIND_IF_THERE(name) find(library, #name, found.name, false)
  FIND(cuInit);
  FIND(cuDriverGetVersion);
  FIND(cuGetErrorString);
  FIND(cuDevicePrimaryCtxRetain);
  FIND(cuCtxSetCurrent);
  FIND(cuMemAlloc_v2);
  FIND(cuMemFree_v2);
  FIND(cuMemcpyHtoDAsync_v2);
  FIND(cuMemcpyDtoHAsync_v2);
  FIND(cuMemcpyDtoDAsync_v2);
  FIND(cuMemsetD8Async);
  FIND(cuStreamCreate);
  FIND(cuStreamSynchronize);
  FIND(cuStreamBeginCapture_v2);
  FIND(cuStreamEndCapture);
  FIND(cuGraphInstantiateWithFlags);
  FIND(cuGraphLaunch);
  FIND(cuGraphDestroy);
  FIND(cuGraphExecDestroy);
  FIND(cuEventCreate);
  FIND(cuEventRecord);
  FIND_IF_THERE(cuEventElapsedTime);
  FIND_IF_THERE(cuModuleLoad);
  FIND_IF_THERE(cuModuleGetFunction);
  FIND_IF_THERE(cuLaunchKernel);
#undef FIND
#undef FIND_IF_THERE
  int result = found.cuInit(0);
  if (result != 0) {
    const char* text = nullptr;
    found.cuGetErrorString(result, &text);
    fprintf(stderr, "gpu-benchmark: no GPU can be used: %s\n", text == nullptr ? "unknown" : text);
    exit(3);
  }
  Handle context;
  check(found.cuDevicePrimaryCtxRetain(&context, 0), "the primary context of device 0");
  check(found.cuCtxSetCurrent(context), "making the context current");
  constexpr unsigned NON_BLOCKING = 1;
  check(found.cuStreamCreate(&work, NON_BLOCKING), "a stream");
}

}  // namespace bench
