// cuDNN's attention where the machine has it: a peer of attend.
#pragma once

#include "results.h"

namespace bench {

class Cudnn {
 public:
  /** Looks for the library, and says in `results` if it is absent. */
  explicit Cudnn(Results& results);

  /** All BF16: out [R,H,Q,D] of queries [R,H,Q,D] over tokens [R,G,M,D]; H is a multiple of G. */
  struct Attention {
    trimtab_tensor q;
    trimtab_new_tokens tokens;
    trimtab_tensor out;
  };

  /**
   * Softmax attention without a mask on data of one shape, by the kernel that cuDNN's heuristic
   * puts first; none, and a sentence in the results, where there is no such kernel.
   */
  std::vector<Launch> attention(Memory& memory, const std::vector<Attention>& sets,
                                float scale) const;

  /** As the tables call it. */
  const std::string& name() const { return name_; }

 private:
  std::vector<Launch> planned(Memory& memory, const std::vector<Attention>& sets,
                              float scale) const;

  Results& results_;
  std::string name_;
  void* handle_ = nullptr;
};

}  // namespace bench
