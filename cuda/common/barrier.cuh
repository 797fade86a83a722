// How groups of a block's threads wait for each other (sm_90a): threads that fill shared memory for
// those that read it, and threads that take turns.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace trimtab {

/**
 * Counts arrivals, and bytes of boxes (an mbarrier in shared memory). Its phases are numbered from
 * 0; one ends with the last of its arrivals and of the bytes that they expect, and the next begins.
 */
class Barrier {
 public:
  /** One thread calls, before a barrier of the whole block. */
  __device__ __forceinline__ void begin(uint32_t arrivals) {
#ifdef __CUDACC__
    asm volatile(
        "mbarrier.init.shared.b64 [%0], %1;\n"
        "fence.mbarrier_init.release.cluster;" ::"r"(address()),
        "r"(arrivals)
        : "memory");
#else
    parity_ = 0, bytes_ = 0, arrivals_ = left_ = arrivals;
#endif
  }

  /** What the caller did before is seen by those that wait for the phase. */
  __device__ __forceinline__ void arrive() {
#ifdef __CUDACC__
    asm volatile("mbarrier.arrive.shared.b64 _, [%0];" ::"r"(address()) : "memory");
#else
    left_--;
    end_phase();
#endif
  }

  /** The same, and that many bytes are still to come. */
  __device__ __forceinline__ void arrive_before(uint32_t bytes) {
#ifdef __CUDACC__
    asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(address()), "r"(bytes)
                 : "memory");
#else
    bytes_ += static_cast<int32_t>(bytes);
    arrive();
#endif
  }

  /** Waits for the end of the current phase, if that is of this parity; the phase before the first
   * has parity 1. */
  __device__ __forceinline__ void wait(uint32_t parity) {
#ifdef __CUDACC__
    uint32_t done;
    do {
      asm volatile(
          "{.reg .pred done;\n"
          "mbarrier.try_wait.parity.shared.b64 done, [%1], %2;\n"
          "selp.u32 %0, 1, 0, done;}\n"
          : "=r"(done)
          : "r"(address()), "r"(parity)
          : "memory");
    } while (done == 0);
#else
    emulation::wait_until("mbarrier", [&] { return parity_ != parity; });
#endif
  }

#ifdef __CUDACC__
  __device__ __forceinline__ uint32_t address() const {
    return static_cast<uint32_t>(__cvta_generic_to_shared(&word_));
  }

 private:
  uint64_t word_;
#else
  /** Bytes have come. */
  void complete(uint32_t bytes) {
    bytes_ -= static_cast<int32_t>(bytes);
    end_phase();
  }

 private:
  void end_phase() {
    if (left_ == 0 && bytes_ == 0) parity_ ^= 1, left_ = arrivals_;
  }

  uint32_t parity_, arrivals_, left_;
  int32_t bytes_; /* to come; negative where some came before they were expected */
#endif
};

/** Which of a ring's places is next, and in which phase its barriers are then. */
template <int PLACES>
struct Turn {
  int place = 0;
  uint32_t parity = 0;

  __device__ __forceinline__ void next() {
    if (++place == PLACES) place = 0, parity ^= 1;
  }
};

/** Waits until that many threads have come to one of the block's numbered barriers, 1 to 15. */
__device__ __forceinline__ void meet(int barrier, int threads) {
#ifdef __CUDACC__
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
#else
  emulation::meet_numbered("bar.sync", barrier, threads, true);
#endif
}

/** Is counted as one of them and goes on. */
__device__ __forceinline__ void pass(int barrier, int threads) {
#ifdef __CUDACC__
  asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
#else
  emulation::meet_numbered("bar.arrive", barrier, threads, false);
#endif
}

/** What this thread wrote to shared memory is seen by tensor cores that read it themselves, begun
 * by whoever waits for the thread. */
__device__ __forceinline__ void publish_to_tensor_cores() {
#ifdef __CUDACC__
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

/** Gives up registers beyond that many a thread; all threads of a warpgroup call. */
template <int REGISTERS>
__device__ __forceinline__ void fewer_registers() {
#ifdef __CUDACC__
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS));
#endif
}

/** Waits until there are that many for each. */
template <int REGISTERS>
__device__ __forceinline__ void more_registers() {
#ifdef __CUDACC__
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS));
#endif
}

}  // namespace trimtab
