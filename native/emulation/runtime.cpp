// The runtime's functions.
#include "runtime_api.h"

#include <cstdio>
#include <cstring>
#include <map>
#include <string>

#include "boxes.h"
#include "device.h"

using namespace emulation;

namespace {

thread_local cudaError_t last = cudaSuccess;

cudaError_t note(int status) {
  auto error = static_cast<cudaError_t>(status);
  if (error != cudaSuccess && error != cudaErrorNotReady) {
    last = error;
  }
  return error;
}

// Nothing may be allocated or waited for while work is being captured.
template <typename Action>
cudaError_t outside_capture(Action action) {
  std::lock_guard hold(lock());
  int forbidden = capture_forbids();
  return note(forbidden != 0 ? forbidden : action());
}

struct Text {
  cudaError_t error;
  const char *name, *text;
};

constexpr Text TEXTS[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "capture was invalidated by an earlier call"},
};

const Text* find(cudaError_t error) {
  for (const Text& text : TEXTS) {
    if (text.error == error) {
      return &text;
    }
  }
  return nullptr;
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = DEVICES;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_context().device;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= DEVICES) {
    return note(cudaErrorInvalidDevice);
  }
  if (current_contexts().empty()) {
    current_contexts().push_back(nullptr);
  }
  current_contexts().back() = &context(device);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (device < 0 || device >= DEVICES) {
    return note(cudaErrorInvalidDevice);
  }
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = MOST_THREADS;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = 48 * 1024;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(MODELS[device].most_shared_bytes);
      return cudaSuccess;
    case cudaDevAttrWarpSize:
      *value = 32;
      return cudaSuccess;
    case cudaDevAttrMultiProcessorCount:
      *value = PROCESSORS;
      return cudaSuccess;
    case cudaDevAttrL2CacheSize:
      *value = 1 << 20;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = MODELS[device].major;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = MODELS[device].minor;
      return cudaSuccess;
  }
  return note(cudaErrorInvalidValue);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device < 0 || device >= DEVICES) {
    return note(cudaErrorInvalidDevice);
  }
  *properties = {};
  snprintf(properties->name, sizeof properties->name, "emulation %d (no GPU)", device);
  properties->totalGlobalMem = MEMORY_BYTES;
  cudaDeviceGetAttribute(&properties->major, cudaDevAttrComputeCapabilityMajor, device);
  cudaDeviceGetAttribute(&properties->minor, cudaDevAttrComputeCapabilityMinor, device);
  cudaDeviceGetAttribute(&properties->multiProcessorCount, cudaDevAttrMultiProcessorCount, device);
  return cudaDeviceGetAttribute(&properties->l2CacheSize, cudaDevAttrL2CacheSize, device);
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }

cudaError_t cudaGetDriverEntryPointByVersion(const char* name, void** function, unsigned,
                                             unsigned long long,
                                             cudaDriverEntryPointQueryResult* found) {
  const std::map<std::string, void*> functions = {
      {"cuCtxGetCurrent", reinterpret_cast<void*>(cuCtxGetCurrent)},
      {"cuCtxSetCurrent", reinterpret_cast<void*>(cuCtxSetCurrent)},
      {"cuStreamGetCtx", reinterpret_cast<void*>(cuStreamGetCtx)},
      {"cuTensorMapEncodeTiled", reinterpret_cast<void*>(cuTensorMapEncodeTiled)},
  };
  auto place = functions.find(name);
  *function = place == functions.end() ? nullptr : place->second;
  *found = *function == nullptr ? cudaDriverEntryPointSymbolNotFound : cudaDriverEntryPointSuccess;
  return *function == nullptr ? cudaErrorSymbolNotFound : cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  return outside_capture([] { return drain_all(current_context()); });
}

cudaError_t cudaGetLastError() {
  cudaError_t error = cudaPeekAtLastError();
  last = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  int sticky = current_context().sticky;
  return sticky != 0 ? static_cast<cudaError_t>(sticky) : last;
}

const char* cudaGetErrorName(cudaError_t error) {
  const Text* text = find(error);
  return text == nullptr ? "cudaErrorUnknown" : text->name;
}

const char* cudaGetErrorString(cudaError_t error) {
  const Text* text = find(error);
  return text == nullptr ? "unrecognized error code" : text->text;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  std::lock_guard hold(lock());
  char* start;
  const Allocation* found = find_allocation(pointer, &start);
  void* address = const_cast<void*>(pointer);
  if (found == nullptr) {
    *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, address};
  } else if (found->kind == Kind::PINNED) {
    *attributes = {cudaMemoryTypeHost, found->device, address, address};
  } else {
    *attributes = {cudaMemoryTypeDevice, found->device, address, nullptr};
  }
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return outside_capture([=] { return allocate(pointer, bytes, Kind::DEVICE, current_context()); });
}

cudaError_t cudaFree(void* pointer) {
  return outside_capture([=] { return release(pointer, Kind::DEVICE); });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return outside_capture([=] { return allocate(pointer, bytes, Kind::PINNED, current_context()); });
}

cudaError_t cudaFreeHost(void* pointer) {
  return outside_capture([=] { return release(pointer, Kind::PINNED); });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t handle) {
  std::lock_guard hold(lock());
  CUstream_st* stream = find_stream(handle);
  return note(stream == nullptr ? int(cudaErrorInvalidResourceHandle)
                                : enqueue(stream, [=] { memcpy(to, from, bytes); }));
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return error != cudaSuccess ? error : cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t handle) {
  std::lock_guard hold(lock());
  CUstream_st* stream = find_stream(handle);
  return note(stream == nullptr ? int(cudaErrorInvalidResourceHandle)
                                : enqueue(stream, [=] { memset(to, value, bytes); }));
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  cudaError_t error = cudaMemsetAsync(to, value, bytes, nullptr);
  return error != cudaSuccess ? error : cudaStreamSynchronize(nullptr);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  std::lock_guard hold(lock());
  *stream = new CUstream_st{&current_context(), true};
  streams().insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  std::lock_guard hold(lock());
  if (streams().count(stream) == 0) {
    return note(cudaErrorInvalidResourceHandle);
  }
  int status = drain(stream);
  streams().erase(stream);
  delete stream;
  return note(status);
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  std::lock_guard hold(lock());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) {
    return note(cudaErrorInvalidResourceHandle);
  }
  if (stream->capture != nullptr) {
    invalidate(stream);
    return note(cudaErrorStreamCaptureUnsupported);
  }
  return note(drain(stream));
}

cudaError_t cudaStreamGetDevice(cudaStream_t handle, int* device) {
  std::lock_guard hold(lock());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) {
    return note(cudaErrorInvalidResourceHandle);
  }
  *device = stream->context->device;
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  std::lock_guard hold(lock());
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) {
    return note(cudaErrorInvalidResourceHandle);
  }
  *status = stream->capture == nullptr ? cudaStreamCaptureStatusNone
            : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

}  // extern "C"
