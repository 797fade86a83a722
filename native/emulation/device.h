// The emulated machine: devices, their memory, and streams that run nothing until somebody waits.
//
// That work is put off as long as CUDA allows is on purpose: who reads a result, frees a buffer or
// reuses pinned memory without synchronising gets what no test expects. All functions take the one
// lock; results are CUDA's numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace emulation {

constexpr int DEVICES = 2;                        // MODELS
constexpr size_t MEMORY_BYTES = size_t(1) << 30;  // of each device

enum class Kind { DEVICE, PINNED };

struct Allocation {
  size_t bytes;
  Kind kind;
  int device;
  void* mapping;
  size_t mapping_bytes;
};

using Work = std::function<void()>;
// Recorded work in the order of its recording, which satisfies every dependency.
using Recording = std::vector<Work>;

}  // namespace emulation

struct CUctx_st {
  int device;
  unsigned retained = 0;
  size_t allocated = 0;
  int sticky = 0;  // the error that destroyed the context
};

// What was recorded while streams were captured.
struct CUgraph_st {
  emulation::Recording work;
  bool relaxed;
  bool invalid = false;
};

struct CUgraphExec_st {
  std::shared_ptr<emulation::Recording> work;
};

struct CUstream_st {
  CUctx_st* context;
  bool blocking;
  std::deque<emulation::Work> queue{};
  CUgraph_st* capture = nullptr;
  bool origin = false;  // the capture began here
};

namespace emulation {

// One recording of an event: done when the stream has come to it.
struct Mark {
  CUstream_st* stream;
  bool done = false;
};

}  // namespace emulation

struct CUevent_st {
  CUctx_st* context;
  std::shared_ptr<emulation::Mark> mark{};  // of the last recording
  CUgraph_st* capture = nullptr;            // in which that recording was captured
};

extern "C" {
int cuCtxGetCurrent(CUctx_st** context);
int cuCtxSetCurrent(CUctx_st* context);
int cuStreamGetCtx(CUstream_st* stream, CUctx_st** context);
}

namespace emulation {

std::recursive_mutex& lock();

CUctx_st& context(int device);
// The calling thread's current contexts, the top last; to the runtime device 0's is current where
// there is none.
std::vector<CUctx_st*>& current_contexts();
CUctx_st& current_context();

std::set<CUstream_st*>& streams();
CUstream_st* default_stream(CUctx_st& context);
// The stream behind a handle, the default stream for null; null for a handle of no stream.
CUstream_st* find_stream(CUstream_st* handle);

// Appends work to the stream or to what it is being captured into.
int enqueue(CUstream_st* stream, Work work);
int run_next(CUstream_st* stream);
int drain(CUstream_st* stream);
int drain_all(CUctx_st& context);
void wait_for(const Mark& mark);
// Why the calling thread may not synchronise or allocate now: a capture that is not relaxed; 0 if
// it may.
int capture_forbids();
void invalidate(CUstream_st* stream);

int allocate(void** pointer, size_t bytes, Kind kind, CUctx_st& context);
int release(void* pointer, Kind kind);
// The allocation that holds an address and where it begins; null for other memory.
const Allocation* find_allocation(const void* pointer, char** start);

}  // namespace emulation
