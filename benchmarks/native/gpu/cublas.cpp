#include "cublas.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "driver.h"

namespace bench {

namespace {

// Of library_types.h and cublas_api.h.
constexpr int BF16 = 14, COMPUTE_F32 = 68, PLAIN = 0, TRANSPOSED = 1, DEFAULT_ALGORITHM = -1;
constexpr size_t WORKSPACE_BYTES = size_t{32} << 20;

void must(int status, const char* what) {
  if (status == 0) return;
  fprintf(stderr, "gpu-benchmark: %s returned %d\n", what, status);
  exit(1);
}

}  // namespace

Cublas::Cublas(Memory& memory, Results& results) {
  void* library = nullptr;
  if (!emulated()) {
    for (const char* name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so"}) {
      if (library == nullptr) library = dlopen(name, RTLD_NOW);
    }
  }
  if (library == nullptr) {
    results.absent("cuBLAS: libcublas.so was not found.");
    return;
  }
  auto create = reinterpret_cast<int (*)(void**)>(dlsym(library, "cublasCreate_v2"));
  auto set_stream = reinterpret_cast<int (*)(void*, void*)>(dlsym(library, "cublasSetStream_v2"));
  auto set_workspace =
      reinterpret_cast<int (*)(void*, void*, size_t)>(dlsym(library, "cublasSetWorkspace_v2"));
  gemm_ = reinterpret_cast<Gemm>(dlsym(library, "cublasGemmEx"));
  if (create == nullptr || set_stream == nullptr || set_workspace == nullptr || gemm_ == nullptr) {
    results.absent("cuBLAS: the library found has not the functions called.");
    return;
  }
  must(create(&handle_), "cublasCreate");
  must(set_stream(handle_, stream()), "cublasSetStream");
  // A workspace of ours: cuBLAS may not allocate one while a graph is captured.
  must(set_workspace(handle_, memory.zeroed(WORKSPACE_BYTES), WORKSPACE_BYTES),
       "cublasSetWorkspace");
}

Launch Cublas::product(const trimtab_tensor& hidden, const trimtab_tensor& rows,
                       const trimtab_tensor& logits) const {
  int vectors = static_cast<int>(hidden.size[0]), columns = static_cast<int>(hidden.size[1]);
  int kept = static_cast<int>(rows.size[0]);
  return [=, this] {
    static const float one = 1, zero = 0;
    // cuBLAS counts columns first: what are rows here are columns there.
    must(gemm_(handle_, TRANSPOSED, PLAIN, kept, vectors, columns, &one, rows.data, BF16, columns,
               hidden.data, BF16, columns, &zero, logits.data, BF16, kept, COMPUTE_F32,
               DEFAULT_ALGORITHM),
         "cublasGemmEx");
  };
}

}  // namespace bench
