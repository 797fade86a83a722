// What the stand-ins for the driver's functions share: results, and the checks before each of them.
#pragma once

#include <mutex>

#include "device.h"

namespace emulation {

enum Result {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  INVALID_DEVICE = 101,
  INVALID_CONTEXT = 201,
  INVALID_HANDLE = 400,
  NOT_READY = 600,
  STREAM_CAPTURE_UNSUPPORTED = 900,
  STREAM_CAPTURE_INVALIDATED = 901,
  STREAM_CAPTURE_UNMATCHED = 903,
};

// Runs an action in the calling thread's current context.
template <typename Action>
int in_context(Action action) {
  std::lock_guard hold(lock());
  if (current_contexts().empty()) {
    return INVALID_CONTEXT;
  }
  CUctx_st* current = current_contexts().back();
  return current->sticky != 0 ? current->sticky : action(*current);
}

// The same for what may not happen while work is being captured.
template <typename Action>
int outside_capture(Action action) {
  return in_context([&](CUctx_st& context) {
    int forbidden = capture_forbids();
    return forbidden != 0 ? forbidden : action(context);
  });
}

template <typename Action>
int on_stream(CUstream_st* handle, Action action) {
  return in_context([&](CUctx_st&) {
    CUstream_st* stream = find_stream(handle);
    return stream == nullptr ? int(INVALID_HANDLE) : action(*stream);
  });
}

// The same for what waits for a stream, which a captured one forbids.
template <typename Action>
int synchronising(CUstream_st* handle, Action action) {
  return on_stream(handle, [&](CUstream_st& stream) {
    if (stream.capture != nullptr) {
      invalidate(&stream);
      return int(STREAM_CAPTURE_UNSUPPORTED);
    }
    return action(stream);
  });
}

}  // namespace emulation
