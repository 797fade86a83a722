// The driver's functions: those of the filter list in bindings/, under their versioned names.
#include <cstdio>
#include <cstring>

#include "device.h"
#include "runtime_api.h"

using namespace emulation;

namespace {

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

constexpr unsigned STREAM_NON_BLOCKING = 1;
constexpr unsigned CAPTURE_RELAXED = 2;

std::set<CUevent_st*>& events() {
    static std::set<CUevent_st*> all;
    return all;
}

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

template <typename Action>
int on_event(CUevent_st* event, Action action) {
    return in_context([&](CUctx_st&) { return events().count(event) == 0 ? int(INVALID_HANDLE) : action(); });
}

int copy(void* to, const void* from, size_t bytes, CUstream_st* handle) {
    return on_stream(handle, [=](CUstream_st& stream) { return enqueue(&stream, [=] { memcpy(to, from, bytes); }); });
}

void* address(unsigned long long pointer) {
    return reinterpret_cast<void*>(pointer);
}

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
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"},
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

int cuInit(unsigned flags) {
    return flags == 0 ? SUCCESS : INVALID_VALUE;
}

int cuDriverGetVersion(int* version) {
    return cudaDriverGetVersion(version);
}

int cuGetErrorName(int result, const char** name) {
    return text_of(result, name, &Text::name);
}

int cuGetErrorString(int result, const char** text) {
    return text_of(result, text, &Text::text);
}

int cuDeviceGetCount(int* count) {
    return cudaGetDeviceCount(count);
}

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
    return outside_capture([=](CUctx_st& context) { return allocate(pointer, bytes, Kind::PINNED, context); });
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

int cuMemcpyHtoDAsync_v2(unsigned long long to, const void* from, size_t bytes, CUstream_st* stream) {
    return copy(address(to), from, bytes, stream);
}

int cuMemcpyDtoHAsync_v2(void* to, unsigned long long from, size_t bytes, CUstream_st* stream) {
    return copy(to, address(from), bytes, stream);
}

int cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t bytes, CUstream_st* stream) {
    return copy(address(to), address(from), bytes, stream);
}

int cuMemsetD8Async(unsigned long long to, unsigned char value, size_t count, CUstream_st* handle) {
    return on_stream(handle, [=](CUstream_st& stream) { return enqueue(&stream, [=] { memset(address(to), value, count); }); });
}

int cuStreamCreate(CUstream_st** stream, unsigned flags) {
    return in_context([=](CUctx_st& context) {
        *stream = new CUstream_st{&context, (flags & STREAM_NON_BLOCKING) == 0};
        streams().insert(*stream);
        return int(SUCCESS);
    });
}

int cuStreamDestroy_v2(CUstream_st* stream) {
    return cudaStreamDestroy(stream);
}

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

int cuGraphInstantiateWithFlags(CUgraphExec_st** executable, CUgraph_st* graph, unsigned long long) {
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
