// cuBLAS where the machine has it: a peer of heads.
#pragma once

#include "results.h"

namespace bench {

class Cublas {
 public:
  /** Looks for the library, and says in `results` if it is absent. */
  Cublas(Memory& memory, Results& results);

  explicit operator bool() const { return handle_ != nullptr; }

  /** logits [N,k] BF16 = hidden [N,d] BF16 times rows [k,d] BF16, transposed. */
  Launch product(const trimtab_tensor& hidden, const trimtab_tensor& rows,
                 const trimtab_tensor& logits) const;

 private:
  using Gemm = int (*)(void* handle, int transpose_a, int transpose_b, int m, int n, int k,
                       const void* alpha, const void* a, int type_a, int lda, const void* b,
                       int type_b, int ldb, const void* beta, void* c, int type_c, int ldc,
                       int compute, int algorithm);
  void* handle_ = nullptr;
  Gemm gemm_ = nullptr;
};

}  // namespace bench
