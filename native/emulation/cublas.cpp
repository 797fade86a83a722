// cuBLAS's functions that the engine calls, with its names and results.
#include "device.h"

using namespace emulation;

namespace {

constexpr int SUCCESS = 0;
constexpr int NOT_INITIALIZED = 1;
constexpr int INVALID_VALUE = 7;
constexpr int EXECUTION_FAILED = 13;

struct Handle {
  CUstream_st* stream = nullptr;
};

// Element (row, column) of an operand as it is or, where `transposed`, of its transpose.
float element(const float* matrix, int leading, bool transposed, int row, int column) {
  return transposed ? matrix[size_t(row) * leading + column]
                    : matrix[size_t(column) * leading + row];
}

}  // namespace

extern "C" {

int cublasCreate_v2(Handle** handle) {
  *handle = new Handle;
  return SUCCESS;
}

int cublasDestroy_v2(Handle* handle) {
  delete handle;
  return SUCCESS;
}

int cublasSetStream_v2(Handle* handle, CUstream_st* stream) {
  handle->stream = stream;
  return SUCCESS;
}

int cublasSetWorkspace_v2(Handle*, void*, size_t) { return SUCCESS; }

// C = alpha op(A) op(B) + beta C, column by column.
int cublasSgemm_v2(Handle* handle, int a_operation, int b_operation, int m, int n, int k,
                   const float* alpha, const float* a, int lda, const float* b, int ldb,
                   const float* beta, float* c, int ldc) {
  if (handle == nullptr) {
    return NOT_INITIALIZED;
  }
  bool at = a_operation != 0;
  bool bt = b_operation != 0;
  if (m < 0 || n < 0 || k < 0 || lda < (at ? k : m) || ldb < (bt ? n : k) || ldc < m) {
    return INVALID_VALUE;
  }
  std::lock_guard hold(lock());
  CUstream_st* stream = find_stream(handle->stream);
  if (stream == nullptr) {
    return EXECUTION_FAILED;
  }
  auto work = [=, alpha = *alpha, beta = *beta] {
    for (int column = 0; column < n; column++) {
      for (int row = 0; row < m; row++) {
        float sum = 0;
        for (int i = 0; i < k; i++) {
          sum += element(a, lda, at, row, i) * element(b, ldb, bt, i, column);
        }
        float& out = c[size_t(column) * ldc + row];
        out = beta == 0 ? alpha * sum : alpha * sum + beta * out;
      }
    }
  };
  return enqueue(stream, work) == 0 ? SUCCESS : EXECUTION_FAILED;
}

}  // extern "C"
