// Hidden vectors on their way through shared memory, a stage of columns at a time, for all warps of
// a block.
#pragma once

#include "common/async.cuh"
#include "head/kernels.cuh"

namespace trimtab {

/** Stages of COLUMNS columns of VECTORS vectors in pieces, which follow each other in memory as the
    columns do, from a tile's last stage to the first again. */
template <int VECTORS, int COLUMNS>
class HiddenStages {
 public:
  static __host__ __device__ int stage_bytes(const HeadArguments& a) {
    return a.hidden_pieces * VECTORS * COLUMNS * 2;
  }
  static __host__ __device__ int bytes(const HeadArguments& a) { return a.stages * stage_bytes(a); }

  /** `total`: stages that will be needed. */
  __device__ HiddenStages(const HeadArguments& a, unsigned char* shared, int total)
      : a_(a), shared_(shared), stages_of_tile_(ceil_div(a.columns, COLUMNS)), left_(total) {}

  /** Begins the copy of a stage, into the slot that is behind the current one. */
  __device__ void issue() {
    if (left_-- <= 0) return;
    int bytes = stage_bytes(a_);
    const unsigned char* from =
        reinterpret_cast<const unsigned char*>(a_.pieces) + static_cast<int64_t>(stage_) * bytes;
    unsigned char* to = shared_ + issued_slot_ * bytes;
    for (int i = 16 * static_cast<int>(threadIdx.x); i < bytes;
         i += 16 * static_cast<int>(blockDim.x)) {
      copy_async<16>(to + i, from + i);
    }
    if (++issued_slot_ == a_.stages) issued_slot_ = 0;
    if (++stage_ == stages_of_tile_) stage_ = 0;
  }

  /** The next stage, once all threads have waited for their copies. */
  __device__ const unsigned char* next() {
    const unsigned char* stage = shared_ + slot_ * stage_bytes(a_);
    if (++slot_ == a_.stages) slot_ = 0;
    return stage;
  }

 private:
  const HeadArguments& a_;
  unsigned char* const shared_;
  const int stages_of_tile_;
  int left_;
  int stage_ = 0;
  int issued_slot_ = 0;
  int slot_ = 0;
};

}  // namespace trimtab
