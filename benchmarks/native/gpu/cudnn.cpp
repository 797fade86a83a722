#include "cudnn.h"

#include <dlfcn.h>

#include <array>
#include <stdexcept>

#include "driver.h"

namespace bench {

namespace {

// Of cudnn_graph.h.
enum Kind { CONFIG = 3, HEURISTIC = 4, PLAN = 5, GRAPH = 15, PACK = 16, TENSOR = 17, SDPA = 41 };
enum Type { HANDLE, DATA_TYPE, BOOLEAN, INT64, POINTER = 6, MODE = 8, DESCRIPTOR = 15 };
enum Attribute {
  HEURISTIC_MODE = 200,
  HEURISTIC_GRAPH,
  HEURISTIC_RESULTS,
  PLAN_HANDLE = 400,
  PLAN_CONFIG,
  PLAN_WORKSPACE,
  GRAPH_HANDLE = 800,
  GRAPH_OPERATIONS,
  TENSOR_ALIGNMENT = 900,
  TENSOR_TYPE,
  TENSOR_SIZES,
  TENSOR_STRIDES,
  TENSOR_ID = 906,
  TENSOR_BY_VALUE = 908,
  PACK_IDS = 1000,
  PACK_POINTERS,
  PACK_WORKSPACE = 1003,
  SDPA_Q = 2800,
  SDPA_K,
  SDPA_V,
  SDPA_OUT,
  SDPA_SCALE = 2805,
};
constexpr int F32 = 0, BF16 = 9, MODE_A = 3;
constexpr size_t FIRST_VERSION = 91301;  // that knows attention as one operation

struct Functions {
  size_t (*cudnnGetVersion)();
  int (*cudnnCreate)(void** handle);
  int (*cudnnSetStream)(void* handle, void* stream);
  int (*cudnnBackendCreateDescriptor)(int kind, void** descriptor);
  int (*cudnnBackendSetAttribute)(void* descriptor, int attribute, int type, int64_t count,
                                  const void* values);
  int (*cudnnBackendGetAttribute)(const void* descriptor, int attribute, int type, int64_t count,
                                  int64_t* found, void* values);
  int (*cudnnBackendFinalize)(void* descriptor);
  int (*cudnnBackendExecute)(void* handle, void* plan, void* pack);
} cudnn;

bool load(void* library) {
  bool all = true;
  auto find = [&](auto*& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    all = all && function != nullptr;
  };
#define FIND(name) find(cudnn.name, #name)
  FIND(cudnnGetVersion);
  FIND(cudnnCreate);
  FIND(cudnnSetStream);
  FIND(cudnnBackendCreateDescriptor);
  FIND(cudnnBackendSetAttribute);
  FIND(cudnnBackendGetAttribute);
  FIND(cudnnBackendFinalize);
  FIND(cudnnBackendExecute);
#undef FIND
  return all;
}

/** Throws unless a status is success. */
void must(int status, const std::string& what) {
  if (status != 0) throw std::runtime_error(what + " returned " + std::to_string(status));
}

using Descriptor = void*;

/** Not destroyed before the program ends: a plan may use the descriptors that it was made of. */
Descriptor make(Kind kind) {
  Descriptor descriptor;
  must(cudnn.cudnnBackendCreateDescriptor(kind, &descriptor), "cudnnBackendCreateDescriptor");
  return descriptor;
}

void set(Descriptor descriptor, Attribute attribute, Type type, const void* values,
         int64_t count = 1) {
  must(cudnn.cudnnBackendSetAttribute(descriptor, attribute, type, count, values),
       "cudnnBackendSetAttribute");
}

void set(Descriptor descriptor, Attribute attribute, Descriptor value) {
  set(descriptor, attribute, DESCRIPTOR, &value);
}

void finalize(Descriptor descriptor, const char* what) {
  must(cudnn.cudnnBackendFinalize(descriptor), std::string("finalizing ") + what);
}

/** A tensor is known to a graph by its attribute's number. */
Descriptor tensor(int64_t id, int type, const int64_t* sizes, const int64_t* strides,
                  bool by_value = false) {
  Descriptor result = make(TENSOR);
  int64_t alignment = 16;
  set(result, TENSOR_ID, INT64, &id);
  set(result, TENSOR_TYPE, DATA_TYPE, &type);
  set(result, TENSOR_ALIGNMENT, INT64, &alignment);
  set(result, TENSOR_SIZES, INT64, sizes, 4);
  set(result, TENSOR_STRIDES, INT64, strides, 4);
  set(result, TENSOR_BY_VALUE, BOOLEAN, &by_value);
  finalize(result, "a tensor");
  return result;
}

/** The plan of the heuristic's first choice that works. */
Descriptor plan(void* handle, Descriptor operation) {
  Descriptor graph = make(GRAPH);
  set(graph, GRAPH_HANDLE, HANDLE, &handle);
  set(graph, GRAPH_OPERATIONS, operation);
  finalize(graph, "a graph");
  Descriptor heuristic = make(HEURISTIC);
  int mode = MODE_A;
  set(heuristic, HEURISTIC_GRAPH, graph);
  set(heuristic, HEURISTIC_MODE, MODE, &mode);
  finalize(heuristic, "a heuristic");
  std::array<Descriptor, 8> configs;
  for (Descriptor& config : configs) config = make(CONFIG);
  int64_t found = 0;
  must(cudnn.cudnnBackendGetAttribute(heuristic, HEURISTIC_RESULTS, DESCRIPTOR, configs.size(),
                                      &found, configs.data()),
       "cudnnBackendGetAttribute of a heuristic");
  for (int64_t i = 0; i < found; i++) {
    Descriptor plan = make(PLAN);
    set(plan, PLAN_HANDLE, HANDLE, &handle);
    set(plan, PLAN_CONFIG, configs[i]);
    if (cudnn.cudnnBackendFinalize(plan) == 0) return plan;
  }
  throw std::runtime_error("no kernel");
}

Descriptor attention_operation(const Cudnn::Attention& data) {
  const int64_t one[] = {1, 1, 1, 1};
  Descriptor operation = make(SDPA);
  auto add = [&](Attribute attribute, const trimtab_tensor& of) {
    set(operation, attribute, tensor(attribute, BF16, of.size, of.stride));
  };
  add(SDPA_Q, data.q);
  add(SDPA_K, data.tokens.k);
  add(SDPA_V, data.tokens.v);
  add(SDPA_OUT, data.out);
  set(operation, SDPA_SCALE, tensor(SDPA_SCALE, F32, one, one, true));
  finalize(operation, "attention");
  return operation;
}

}  // namespace

Cudnn::Cudnn(Results& results) : results_(results) {
  void* library = emulated() ? nullptr : dlopen("libcudnn.so.9", RTLD_NOW);
  if (library == nullptr) {
    results.absent("cuDNN: libcudnn.so.9 was not found.");
    return;
  }
  if (!load(library) || cudnn.cudnnGetVersion() < FIRST_VERSION) {
    results.absent("cuDNN: the library found is older than 9.13.1.");
    return;
  }
  size_t version = cudnn.cudnnGetVersion();
  name_ = "cuDNN " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) +
          "." + std::to_string(version % 100) + ", contiguous";
  void* handle;
  if (cudnn.cudnnCreate(&handle) != 0 || cudnn.cudnnSetStream(handle, stream()) != 0) {
    results.absent("cuDNN: it cannot be started here.");
    return;
  }
  handle_ = handle;
}

std::vector<Launch> Cudnn::attention(Memory& memory, const std::vector<Attention>& sets,
                                     float scale) const {
  if (handle_ == nullptr) return {};
  try {
    std::vector<Launch> launches = planned(memory, sets, scale);
    for (const Launch& launch : launches) launch();
    return launches;
  } catch (const std::runtime_error& error) {
    const trimtab_tensor &q = sets[0].q, &k = sets[0].tokens.k;
    results_.absent("cuDNN, " + std::to_string(q.size[2]) + " queries x " +
                    std::to_string(k.size[2]) + " keys, " + std::to_string(q.size[1]) +
                    " heads over " + std::to_string(k.size[1]) + ": " + error.what() + ".");
    return {};
  }
}

std::vector<Launch> Cudnn::planned(Memory& memory, const std::vector<Attention>& sets,
                                   float scale) const {
  Descriptor operation = attention_operation(sets[0]);
  Descriptor chosen = plan(handle_, operation);
  int64_t bytes = 0, found;
  must(cudnn.cudnnBackendGetAttribute(chosen, PLAN_WORKSPACE, INT64, 1, &found, &bytes),
       "cudnnBackendGetAttribute of a plan");
  void* workspace = memory.zeroed(bytes);
  std::vector<Launch> launches;
  for (const Attention& data : sets) {
    auto factor = std::make_shared<float>(scale);  // read at each launch
    const int64_t ids[] = {SDPA_Q, SDPA_K, SDPA_V, SDPA_OUT, SDPA_SCALE};
    void* pointers[] = {data.q.data, data.tokens.k.data, data.tokens.v.data, data.out.data,
                        factor.get()};
    Descriptor pack = make(PACK);
    set(pack, PACK_IDS, INT64, ids, 5);
    set(pack, PACK_POINTERS, POINTER, pointers, 5);
    set(pack, PACK_WORKSPACE, POINTER, &workspace);
    finalize(pack, "a variant pack");
    launches.push_back([handle = handle_, chosen, pack, factor] {
      must(cudnn.cudnnBackendExecute(handle, chosen, pack), "cudnnBackendExecute");
    });
  }
  return launches;
}

}  // namespace bench
