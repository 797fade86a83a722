#include "device.h"

#include <atomic>
#include <cstdio>

#include "common/limits.cuh"
#include "common/noop.cuh"
#include "driver.h"
#include "trimtab.h"

namespace trimtab {

namespace {

/** What is known of a device; kept for the life of the process, as an error that destroys a context
 * is. */
struct Known {
  std::atomic<bool> usable{false};
  std::atomic<int> lost{cudaSuccess};
};

Known known[MOST_DEVICES];

/** Errors after which every call of the process on that device fails, until the process ends. */
bool destroys_context(cudaError_t error) {
  switch (static_cast<int>(error)) {
    case 214:  // cudaErrorECCUncorrectable
    case 220:  // cudaErrorNvlinkUncorrectable
    case 226:  // cudaErrorContained
    case 700:  // cudaErrorIllegalAddress
    case 702:  // cudaErrorLaunchTimeout
    case 709:  // cudaErrorContextIsDestroyed
    case 710:  // cudaErrorAssert
    case 714:  // cudaErrorHardwareStackError
    case 715:  // cudaErrorIllegalInstruction
    case 716:  // cudaErrorMisalignedAddress
    case 717:  // cudaErrorInvalidAddressSpace
    case 718:  // cudaErrorInvalidPc
    case 719:  // cudaErrorLaunchFailure
    case 721:  // cudaErrorTensorMemoryLeak
      return true;
    default:
      return false;
  }
}

[[noreturn]] void refuse_without_devices(cudaError_t error) {
  int driver = 0;
  int runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  cudaGetLastError();
  if (driver == 0) {
    refuse_cuda(TRIMTAB_NO_DEVICE, error,
                "no CUDA driver: libcuda.so.1 is not found; install an NVIDIA driver for CUDA "
                "%d.%d or newer",
                runtime / 1000, runtime % 1000 / 10);
  }
  if (driver < runtime) {
    refuse_cuda(TRIMTAB_NO_DEVICE, error,
                "the NVIDIA driver is of CUDA %d.%d, expected %d.%d or newer", driver / 1000,
                driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
  }
  refuse_cuda(TRIMTAB_NO_DEVICE, error, "%s: %s; look at nvidia-smi and CUDA_VISIBLE_DEVICES",
              cudaGetErrorName(error), cudaGetErrorString(error));
}

int32_t count_devices() {
  int count = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    refuse_without_devices(error != cudaSuccess ? error : cudaErrorNoDevice);
  }
  return count;
}

void require_ordinal(int32_t device) {
  int32_t count = count_devices();
  if (device < 0 || device >= count || device >= MOST_DEVICES) {
    refuse(TRIMTAB_NO_DEVICE, "device: %d, expected 0 to %d", device, count - 1);
  }
}

int attribute(cudaDeviceAttr name, int32_t device) {
  int value = 0;
  cudaError_t error = cudaDeviceGetAttribute(&value, name, device);
  if (error != cudaSuccess) {
    cudaGetLastError();
    refuse_cuda(TRIMTAB_CUDA_ERROR, error, "attributes of device %d: %s", device,
                cudaGetErrorName(error));
  }
  return value;
}

void require_code(int32_t device) {
  Current current(device);
  cudaError_t error = find_code();
  if (error == cudaSuccess) {
    known[device].usable = true;
    return;
  }
  cudaGetLastError();
  if (error == cudaErrorNoKernelImageForDevice || error == cudaErrorInvalidDeviceFunction) {
    refuse_cuda(TRIMTAB_NO_CODE, error,
                "device %d has compute capability %d.%d, expected one of this library: %s", device,
                attribute(cudaDevAttrComputeCapabilityMajor, device),
                attribute(cudaDevAttrComputeCapabilityMinor, device), trimtab_build());
  }
  require_launched(device, error);
}

const char* place_name(cudaMemoryType type) {
  return type == cudaMemoryTypeHost ? "pinned host memory" : "host memory";
}

}  // namespace

Current::Current(int32_t device) {
  const Driver& functions = driver();
  functions.get_current(&before_);
  cudaError_t error = cudaSetDevice(device);
  if (error != cudaSuccess) {
    functions.set_current(before_);
    require_launched(device, error);
  }
}

Current::~Current() { driver().set_current(before_); }

void require_device(int32_t device) {
  if (device < 0 || device >= MOST_DEVICES ||
      !known[device].usable.load(std::memory_order_relaxed)) {
    require_ordinal(device);
  }
  int lost = known[device].lost.load(std::memory_order_relaxed);
  if (lost != cudaSuccess) {
    refuse_cuda(TRIMTAB_CONTEXT_LOST, lost,
                "the CUDA context of device %d is lost since %s: end this process", device,
                cudaGetErrorName(static_cast<cudaError_t>(lost)));
  }
  if (!known[device].usable.load(std::memory_order_relaxed)) {
    require_code(device);
  }
}

void require_place(const Buffer& buffer, int32_t device) {
  if (buffer.bytes == 0) {
    return;
  }
  for (uintptr_t end : {buffer.begin, buffer.begin + buffer.bytes - 1}) {
    cudaPointerAttributes attributes{};
    cudaError_t error = cudaPointerGetAttributes(&attributes, reinterpret_cast<void*>(end));
    if (error != cudaSuccess) {
      require_launched(device, error);
    }
    bool usable = attributes.type == cudaMemoryTypeManaged ||
                  (attributes.type == cudaMemoryTypeDevice && attributes.device == device);
    if (!usable) {
      FullName name(buffer.name);
      if (attributes.type == cudaMemoryTypeDevice) {
        refuse(TRIMTAB_WRONG_PLACE, "%s: memory of device %d, expected memory of device %d",
               name.chars, attributes.device, device);
      }
      refuse(TRIMTAB_WRONG_PLACE, "%s: %s, expected memory of device %d", name.chars,
             place_name(attributes.type), device);
    }
  }
}

void require_stream(void* stream, int32_t device) {
  void* current = nullptr;
  void* context = nullptr;
  driver().get_current(&current);
  int error = driver().stream_context(stream, &context);
  if (error != 0) {
    refuse_cuda(TRIMTAB_WRONG_PLACE, error, "stream: no stream of CUDA, expected one of device %d",
                device);
  }
  if (context != current) {
    refuse(TRIMTAB_WRONG_PLACE,
           "stream: of another context, expected one of the primary context of device %d", device);
  }
}

void require_launched(int32_t device, cudaError_t result) {
  if (result == cudaSuccess) {
    return;
  }
  cudaGetLastError();
  const char* name = cudaGetErrorName(result);
  const char* text = cudaGetErrorString(result);
  if (destroys_context(result)) {
    known[device].lost = result;
    refuse_cuda(TRIMTAB_CONTEXT_LOST, result, "%s: %s; the CUDA context of device %d is lost", name,
                text, device);
  }
  trimtab_status status =
      result == cudaErrorMemoryAllocation ? TRIMTAB_OUT_OF_MEMORY : TRIMTAB_CUDA_ERROR;
  refuse_cuda(status, result, "%s: %s", name, text);
}

}  // namespace trimtab

using namespace trimtab;

trimtab_status trimtab_device_count(int32_t* count, trimtab_error* error) {
  return answer(TRIMTAB_OPERATION_NONE, error, [&] {
    TRIMTAB_REQUIRE(count != nullptr, "count", "null, expected where to write the number");
    *count = 0;
    *count = count_devices();
  });
}

trimtab_status trimtab_device_info(int32_t device, trimtab_device* info, trimtab_error* error) {
  return answer(TRIMTAB_OPERATION_NONE, error, [&] {
    require_struct(info, &trimtab_device::struct_size, "info");
    require_ordinal(device);
    cudaDeviceProp properties{};
    require_launched(device, cudaGetDeviceProperties(&properties, device));
    info->device = device;
    info->major = attribute(cudaDevAttrComputeCapabilityMajor, device);
    info->minor = attribute(cudaDevAttrComputeCapabilityMinor, device);
    info->processors = attribute(cudaDevAttrMultiProcessorCount, device);
    info->clusters = info->major >= 9;
    cudaDriverGetVersion(&info->driver_version);
    cudaRuntimeGetVersion(&info->runtime_version);
    info->memory_bytes = properties.totalGlobalMem;
    info->l2_bytes = static_cast<uint64_t>(attribute(cudaDevAttrL2CacheSize, device));
    snprintf(info->name, sizeof info->name, "%s", properties.name);
    require_device(device);
  });
}
