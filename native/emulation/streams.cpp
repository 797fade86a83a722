// The driver's functions for streams, events and graphs.
#include "driver.h"
#include "runtime_api.h"

using namespace emulation;

namespace {

constexpr unsigned STREAM_NON_BLOCKING = 1;
constexpr unsigned CAPTURE_RELAXED = 2;

std::set<CUevent_st*>& events() {
  static std::set<CUevent_st*> all;
  return all;
}

template <typename Action>
int on_event(CUevent_st* event, Action action) {
  return in_context(
      [&](CUctx_st&) { return events().count(event) == 0 ? int(INVALID_HANDLE) : action(); });
}

}  // namespace

extern "C" {

int cuStreamCreate(CUstream_st** stream, unsigned flags) {
  return in_context([=](CUctx_st& context) {
    *stream = new CUstream_st{&context, (flags & STREAM_NON_BLOCKING) == 0};
    streams().insert(*stream);
    return int(SUCCESS);
  });
}

int cuStreamDestroy_v2(CUstream_st* stream) { return cudaStreamDestroy(stream); }

int cuStreamGetCtx(CUstream_st* handle, CUctx_st** context) {
  return on_stream(handle, [=](CUstream_st& stream) {
    *context = stream.context;
    return int(SUCCESS);
  });
}

int cuStreamSynchronize(CUstream_st* handle) {
  return synchronising(handle, [](CUstream_st& stream) { return drain(&stream); });
}

// Takes one step, so that who asks again and again is answered in the end.
int cuStreamQuery(CUstream_st* handle) {
  return synchronising(handle, [](CUstream_st& stream) {
    int result = run_next(&stream);
    return result == SUCCESS && !stream.queue.empty() ? int(NOT_READY) : result;
  });
}

int cuEventCreate(CUevent_st** event, unsigned) {
  return in_context([=](CUctx_st& context) {
    *event = new CUevent_st{&context};
    events().insert(*event);
    return int(SUCCESS);
  });
}

int cuEventDestroy_v2(CUevent_st* event) {
  return on_event(event, [=] {
    events().erase(event);
    delete event;
    return int(SUCCESS);
  });
}

int cuEventRecord(CUevent_st* event, CUstream_st* handle) {
  return on_event(event, [=] {
    CUstream_st* stream = find_stream(handle);
    if (stream == nullptr || stream->context != event->context) {
      return int(INVALID_HANDLE);
    }
    event->capture = stream->capture;
    if (stream->capture != nullptr) {
      return int(SUCCESS);
    }
    auto mark = std::make_shared<Mark>(Mark{stream});
    event->mark = mark;
    return enqueue(stream, [mark] { mark->done = true; });
  });
}

// A stream that waits for an event of a captured stream is captured along with it.
int cuStreamWaitEvent(CUstream_st* handle, CUevent_st* event, unsigned) {
  return on_event(event, [=] {
    CUstream_st* stream = find_stream(handle);
    if (stream == nullptr) {
      return int(INVALID_HANDLE);
    }
    if (event->capture != nullptr) {
      stream->capture = event->capture;
      return int(SUCCESS);
    }
    auto mark = event->mark;
    return mark == nullptr ? int(SUCCESS) : enqueue(stream, [mark] { wait_for(*mark); });
  });
}

int cuEventQuery(CUevent_st* event) {
  return on_event(event, [=] {
    if (event->capture != nullptr) {
      return int(STREAM_CAPTURE_UNSUPPORTED);
    }
    if (event->mark == nullptr || event->mark->done) {
      return event->context->sticky;
    }
    run_next(event->mark->stream);
    return event->mark->done ? event->context->sticky : int(NOT_READY);
  });
}

int cuEventSynchronize(CUevent_st* event) {
  return on_event(event, [=] {
    if (event->capture != nullptr) {
      return int(STREAM_CAPTURE_UNSUPPORTED);
    }
    if (event->mark != nullptr) {
      wait_for(*event->mark);
    }
    return event->context->sticky;
  });
}

int cuStreamBeginCapture_v2(CUstream_st* handle, unsigned mode) {
  return on_stream(handle, [=](CUstream_st& stream) {
    if (handle == nullptr || stream.capture != nullptr) {
      return int(STREAM_CAPTURE_UNSUPPORTED);
    }
    stream.capture = new CUgraph_st{{}, mode == CAPTURE_RELAXED};
    stream.origin = true;
    return int(SUCCESS);
  });
}

int cuStreamEndCapture(CUstream_st* handle, CUgraph_st** graph) {
  return on_stream(handle, [=](CUstream_st& stream) {
    if (!stream.origin) {
      return int(STREAM_CAPTURE_UNMATCHED);
    }
    CUgraph_st* captured = stream.capture;
    for (CUstream_st* other : streams()) {
      other->capture = other->capture == captured ? nullptr : other->capture;
    }
    for (CUevent_st* event : events()) {
      event->capture = event->capture == captured ? nullptr : event->capture;
    }
    stream.origin = false;
    *graph = captured->invalid ? nullptr : captured;
    if (captured->invalid) {
      delete captured;
      return int(STREAM_CAPTURE_INVALIDATED);
    }
    return int(SUCCESS);
  });
}

int cuStreamIsCapturing(CUstream_st* stream, int* status) {
  cudaStreamCaptureStatus state;
  int result = cudaStreamIsCapturing(stream, &state);
  *status = state;
  return result;
}

int cuGraphInstantiateWithFlags(CUgraphExec_st** executable, CUgraph_st* graph,
                                unsigned long long) {
  return in_context([=](CUctx_st&) {
    *executable = new CUgraphExec_st{std::make_shared<Recording>(graph->work)};
    return int(SUCCESS);
  });
}

int cuGraphLaunch(CUgraphExec_st* executable, CUstream_st* handle) {
  return on_stream(handle, [=](CUstream_st& stream) {
    auto recording = executable->work;
    return enqueue(&stream, [recording] {
      for (const Work& work : *recording) {
        work();
      }
    });
  });
}

int cuGraphDestroy(CUgraph_st* graph) {
  delete graph;
  return SUCCESS;
}

int cuGraphExecDestroy(CUgraphExec_st* executable) {
  delete executable;
  return SUCCESS;
}

}  // extern "C"
