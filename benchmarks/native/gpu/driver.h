// The CUDA driver's functions that the benchmark calls, found in a library at run time, so that the
// program starts and says what is missing on any machine, and runs on the emulation too.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bench {

using Address = unsigned long long;
using Handle = void*;

struct Driver {
  int (*cuInit)(unsigned flags);
  int (*cuDriverGetVersion)(int* version);
  int (*cuGetErrorString)(int result, const char** text);
  int (*cuDevicePrimaryCtxRetain)(Handle* context, int device);
  int (*cuCtxSetCurrent)(Handle context);
  int (*cuMemAlloc_v2)(Address* pointer, size_t bytes);
  int (*cuMemFree_v2)(Address pointer);
  int (*cuMemcpyHtoDAsync_v2)(Address to, const void* from, size_t bytes, Handle stream);
  int (*cuMemcpyDtoHAsync_v2)(void* to, Address from, size_t bytes, Handle stream);
  int (*cuMemcpyDtoDAsync_v2)(Address to, Address from, size_t bytes, Handle stream);
  int (*cuMemsetD8Async)(Address to, unsigned char value, size_t count, Handle stream);
  int (*cuStreamCreate)(Handle* stream, unsigned flags);
  int (*cuStreamSynchronize)(Handle stream);
  int (*cuStreamBeginCapture_v2)(Handle stream, unsigned mode);
  int (*cuStreamEndCapture)(Handle stream, Handle* graph);
  int (*cuGraphInstantiateWithFlags)(Handle* executable, Handle graph, unsigned long long flags);
  int (*cuGraphLaunch)(Handle executable, Handle stream);
  int (*cuGraphDestroy)(Handle graph);
  int (*cuGraphExecDestroy)(Handle executable);
  int (*cuEventCreate)(Handle* event, unsigned flags);
  int (*cuEventRecord)(Handle event, Handle stream);
  // Null in the emulation, which has neither a clock nor modules.
  int (*cuEventElapsedTime)(float* milliseconds, Handle start, Handle end);
  int (*cuModuleLoad)(Handle* module, const char* file);
  int (*cuModuleGetFunction)(Handle* function, Handle module, const char* name);
  int (*cuLaunchKernel)(Handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        Handle stream, void** parameters, void** extra);
};

/** Loads the library; ends the program with exit code 3 and a sentence where that fails. */
void load_driver(const char* library);

const Driver& driver();

/** Whether kernels run on the CPU: times mean nothing then. */
inline bool emulated() { return driver().cuEventElapsedTime == nullptr; }

/** Ends the program with exit code 1 unless a driver's result is success. */
void check(int result, const char* what);

/** The one stream of the benchmark, of device 0's primary context, which is current. */
Handle stream();

void synchronize();

}  // namespace bench
