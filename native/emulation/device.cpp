#include "device.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "runtime_api.h"

namespace emulation {
namespace {

constexpr size_t PAGE_BYTES = 4096;
constexpr size_t ALIGNMENT = 256;

std::map<char*, Allocation>& allocations() {
  static std::map<char*, Allocation> all;
  return all;
}

size_t round_up(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

// The launch that destroys its context when it runs, counted from 1; 0 for none.
long failing_launch() {
  static const char* text = getenv("TRIMTAB_EMULATION_FAILS");
  static const long launch = text == nullptr ? 0 : strtol(text, nullptr, 10);
  return launch;
}

}  // namespace

std::recursive_mutex& lock() {
  static std::recursive_mutex mutex;
  return mutex;
}

CUctx_st& context(int device) {
  static CUctx_st contexts[DEVICES] = {{0}, {1}};
  return contexts[device];
}

std::vector<CUctx_st*>& current_contexts() {
  static thread_local std::vector<CUctx_st*> stack;
  return stack;
}

CUctx_st& current_context() {
  return current_contexts().empty() ? context(0) : *current_contexts().back();
}

std::set<CUstream_st*>& streams() {
  static std::set<CUstream_st*> all;
  return all;
}

CUstream_st* default_stream(CUctx_st& context) {
  static CUstream_st defaults[DEVICES] = {{&emulation::context(0), true},
                                          {&emulation::context(1), true}};
  return &defaults[context.device];
}

CUstream_st* find_stream(CUstream_st* handle) {
  const uintptr_t legacy = 1;
  if (handle == nullptr || reinterpret_cast<uintptr_t>(handle) == legacy) {
    return default_stream(current_context());
  }
  return streams().count(handle) ? handle : nullptr;
}

int enqueue(CUstream_st* stream, Work work) {
  if (stream->context->sticky != 0) {
    return stream->context->sticky;
  }
  if (stream->capture != nullptr) {
    if (stream->capture->invalid) {
      return cudaErrorStreamCaptureInvalidated;
    }
    stream->capture->work.push_back(std::move(work));
    return cudaSuccess;
  }
  // The legacy default stream and blocking streams wait for each other.
  CUstream_st* legacy = default_stream(*stream->context);
  for (CUstream_st* other : streams()) {
    if (stream == legacy && other->context == stream->context && other->blocking &&
        other->capture == nullptr) {
      drain(other);
    }
  }
  if (stream != legacy && stream->blocking) {
    drain(legacy);
  }
  stream->queue.push_back(std::move(work));
  return cudaSuccess;
}

int run_next(CUstream_st* stream) {
  if (!stream->queue.empty()) {
    Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    work();
  }
  return stream->context->sticky;
}

int drain(CUstream_st* stream) {
  while (!stream->queue.empty()) {
    run_next(stream);
  }
  return stream->context->sticky;
}

int drain_all(CUctx_st& context) {
  drain(default_stream(context));
  for (CUstream_st* stream : streams()) {
    if (stream->context == &context) {
      drain(stream);
    }
  }
  return context.sticky;
}

void wait_for(const Mark& mark) {
  while (!mark.done) {
    run_next(mark.stream);
  }
}

int capture_forbids() {
  for (CUstream_st* stream : streams()) {
    if (stream->capture != nullptr && !stream->capture->relaxed) {
      return cudaErrorStreamCaptureUnsupported;
    }
  }
  return cudaSuccess;
}

void invalidate(CUstream_st* stream) {
  if (stream->capture != nullptr) {
    stream->capture->invalid = true;
  }
}

// The block ends at a page that nobody may touch, and begins behind another one up to its
// alignment.
int allocate(void** pointer, size_t bytes, Kind kind, CUctx_st& context) {
  if (pointer == nullptr || bytes == 0) {
    return cudaErrorInvalidValue;
  }
  size_t usable = round_up(bytes, ALIGNMENT);
  if (kind == Kind::DEVICE && (usable < bytes || usable > MEMORY_BYTES - context.allocated)) {
    return cudaErrorMemoryAllocation;
  }
  size_t mapped = round_up(usable, PAGE_BYTES) + 2 * PAGE_BYTES;
  void* mapping =
      mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) {
    return cudaErrorMemoryAllocation;
  }
  char* first = static_cast<char*>(mapping) + PAGE_BYTES;
  mprotect(first, mapped - 2 * PAGE_BYTES, PROT_READ | PROT_WRITE);
  char* start = first + (mapped - 2 * PAGE_BYTES - usable);
  memset(start, 0x7f, usable);
  allocations()[start] = {bytes, kind, context.device, mapping, mapped};
  context.allocated += kind == Kind::DEVICE ? usable : 0;
  *pointer = start;
  return cudaSuccess;
}

int release(void* pointer, Kind kind) {
  if (pointer == nullptr) {
    return cudaSuccess;
  }
  auto place = allocations().find(static_cast<char*>(pointer));
  if (place == allocations().end() || place->second.kind != kind) {
    return cudaErrorInvalidValue;
  }
  Allocation gone = place->second;
  CUctx_st& owner = context(gone.device);
  int status = drain_all(owner);
  munmap(gone.mapping, gone.mapping_bytes);
  owner.allocated -= kind == Kind::DEVICE ? round_up(gone.bytes, ALIGNMENT) : 0;
  allocations().erase(place);
  return status;
}

const Allocation* find_allocation(const void* pointer, char** start) {
  char* address = const_cast<char*>(static_cast<const char*>(pointer));
  auto next = allocations().upper_bound(address);
  if (next == allocations().begin()) {
    return nullptr;
  }
  auto place = std::prev(next);
  if (address >= place->first + place->second.bytes) {
    return nullptr;
  }
  *start = place->first;
  return &place->second;
}

// What a kernel's static shared memory may take of a block's, since nothing here tells how much.
constexpr unsigned STATIC_SHARED_BYTES = 512;

cudaError_t launch(const Grid& grid, cudaStream_t handle, std::function<void()> body) {
  std::lock_guard hold(lock());
  unsigned threads = grid.threads.x * grid.threads.y * grid.threads.z;
  bool runs =
      grid.blocks.x >= 1 && grid.blocks.y >= 1 && grid.blocks.z >= 1 &&
      grid.blocks.x <= 0x7fffffff && grid.blocks.y <= 65535 && grid.blocks.z <= 65535 &&
      grid.threads.x >= 1 && grid.threads.x <= 1024 && grid.threads.y >= 1 &&
      grid.threads.y <= 1024 && grid.threads.z >= 1 && grid.threads.z <= 64 &&
      threads <= MOST_THREADS &&
      grid.shared_bytes <= MODELS[current_context().device].most_shared_bytes - STATIC_SHARED_BYTES;
  if (!runs) {
    return cudaErrorInvalidConfiguration;
  }
  CUstream_st* stream = find_stream(handle);
  if (stream == nullptr) {
    return cudaErrorInvalidResourceHandle;
  }
  CUctx_st* context = stream->context;
  if (context != &current_context()) {
    return cudaErrorInvalidResourceHandle;
  }
  static long launches = 0;
  bool fails = ++launches == failing_launch();
  return static_cast<cudaError_t>(enqueue(stream, [grid, context, fails, body = std::move(body)] {
    if (context->sticky == 0 && (fails || !run_grid(grid, body))) {
      context->sticky = cudaErrorLaunchFailure;
      fprintf(stderr, "emulation: %s\n", fails ? "this launch was to fail" : failure().c_str());
    }
  }));
}

}  // namespace emulation
