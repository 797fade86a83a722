// The driver's functions for devices, contexts and memory, under their versioned names: those of
// the filter list in bindings/.
#include "driver.h"

#include <cstdio>
#include <cstring>

#include "runtime_api.h"

using namespace emulation;

namespace {

int copy(void* to, const void* from, size_t bytes, CUstream_st* handle) {
  return on_stream(handle, [=](CUstream_st& stream) {
    return enqueue(&stream, [=] { memcpy(to, from, bytes); });
  });
}

void* address(unsigned long long pointer) { return reinterpret_cast<void*>(pointer); }

struct Text {
  int result;
  const char *name, *text;
};

constexpr Text TEXTS[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {600, "CUDA_ERROR_NOT_READY", "device not ready"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not initiated in this stream"},
};

int text_of(int result, const char** out, const char* Text::*part) {
  for (const Text& text : TEXTS) {
    if (text.result == result) {
      *out = text.*part;
      return SUCCESS;
    }
  }
  *out = nullptr;
  return INVALID_VALUE;
}

}  // namespace

extern "C" {

int cuInit(unsigned flags) { return flags == 0 ? SUCCESS : INVALID_VALUE; }

int cuDriverGetVersion(int* version) { return cudaDriverGetVersion(version); }

int cuGetErrorName(int result, const char** name) { return text_of(result, name, &Text::name); }

int cuGetErrorString(int result, const char** text) { return text_of(result, text, &Text::text); }

int cuDeviceGetCount(int* count) { return cudaGetDeviceCount(count); }

int cuDeviceGet(int* device, int ordinal) {
  *device = ordinal;
  return ordinal >= 0 && ordinal < DEVICES ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetName(char* name, int bytes, int device) {
  cudaDeviceProp properties;
  int result = cudaGetDeviceProperties(&properties, device);
  if (result == SUCCESS) {
    snprintf(name, bytes, "%s", properties.name);
  }
  return result;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  return cudaDeviceGetAttribute(value, static_cast<cudaDeviceAttr>(attribute), device);
}

int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  *bytes = MEMORY_BYTES;
  return device >= 0 && device < DEVICES ? SUCCESS : INVALID_DEVICE;
}

int cuDevicePrimaryCtxRetain(CUctx_st** out, int device) {
  std::lock_guard hold(lock());
  if (device < 0 || device >= DEVICES) {
    return INVALID_DEVICE;
  }
  *out = &context(device);
  (*out)->retained++;
  return SUCCESS;
}

// The last release forgets a sticky error, as the context's destruction does.
int cuDevicePrimaryCtxRelease_v2(int device) {
  std::lock_guard hold(lock());
  if (device < 0 || device >= DEVICES || context(device).retained == 0) {
    return INVALID_CONTEXT;
  }
  if (--context(device).retained == 0) {
    drain_all(context(device));
    context(device).sticky = 0;
  }
  return SUCCESS;
}

int cuCtxPushCurrent_v2(CUctx_st* context) {
  if (context == nullptr) {
    return INVALID_CONTEXT;
  }
  current_contexts().push_back(context);
  return SUCCESS;
}

int cuCtxPopCurrent_v2(CUctx_st** context) {
  if (current_contexts().empty()) {
    return INVALID_CONTEXT;
  }
  if (context != nullptr) {
    *context = current_contexts().back();
  }
  current_contexts().pop_back();
  return SUCCESS;
}

int cuCtxGetCurrent(CUctx_st** context) {
  *context = current_contexts().empty() ? nullptr : current_contexts().back();
  return SUCCESS;
}

// Replaces the top of the calling thread's contexts; null takes it away.
int cuCtxSetCurrent(CUctx_st* context) {
  if (!current_contexts().empty()) {
    current_contexts().pop_back();
  }
  if (context != nullptr) {
    current_contexts().push_back(context);
  }
  return SUCCESS;
}

int cuCtxSynchronize() {
  return outside_capture([](CUctx_st& context) { return drain_all(context); });
}

int cuMemGetInfo_v2(size_t* free, size_t* total) {
  return in_context([=](CUctx_st& context) {
    *free = MEMORY_BYTES - context.allocated;
    *total = MEMORY_BYTES;
    return int(SUCCESS);
  });
}

int cuMemAlloc_v2(unsigned long long* pointer, size_t bytes) {
  return outside_capture([=](CUctx_st& context) {
    void* memory = nullptr;
    int result = allocate(&memory, bytes, Kind::DEVICE, context);
    *pointer = reinterpret_cast<unsigned long long>(memory);
    return result;
  });
}

int cuMemFree_v2(unsigned long long pointer) {
  return outside_capture([=](CUctx_st&) { return release(address(pointer), Kind::DEVICE); });
}

int cuMemHostAlloc(void** pointer, size_t bytes, unsigned) {
  return outside_capture(
      [=](CUctx_st& context) { return allocate(pointer, bytes, Kind::PINNED, context); });
}

int cuMemFreeHost(void* pointer) {
  return outside_capture([=](CUctx_st&) { return release(pointer, Kind::PINNED); });
}

int cuPointerGetAttribute(void* value, int attribute, unsigned long long pointer) {
  constexpr int MEMORY_TYPE = 2, DEVICE_ORDINAL = 9, HOST_TYPE = 1, DEVICE_TYPE = 2;
  return in_context([=](CUctx_st&) {
    char* start;
    const Allocation* found = find_allocation(address(pointer), &start);
    if (found == nullptr || (attribute != MEMORY_TYPE && attribute != DEVICE_ORDINAL)) {
      return int(INVALID_VALUE);
    }
    int type = found->kind == Kind::DEVICE ? DEVICE_TYPE : HOST_TYPE;
    *static_cast<int*>(value) = attribute == MEMORY_TYPE ? type : found->device;
    return int(SUCCESS);
  });
}

int cuMemcpyHtoDAsync_v2(unsigned long long to, const void* from, size_t bytes,
                         CUstream_st* stream) {
  return copy(address(to), from, bytes, stream);
}

int cuMemcpyDtoHAsync_v2(void* to, unsigned long long from, size_t bytes, CUstream_st* stream) {
  return copy(to, address(from), bytes, stream);
}

int cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t bytes,
                         CUstream_st* stream) {
  return copy(address(to), address(from), bytes, stream);
}

int cuMemsetD8Async(unsigned long long to, unsigned char value, size_t count, CUstream_st* handle) {
  return on_stream(handle, [=](CUstream_st& stream) {
    return enqueue(&stream, [=] { memset(address(to), value, count); });
  });
}

}  // extern "C"
