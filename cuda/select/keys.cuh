// What is chosen from: a row's scores as keys that order as selection ranks. Each thread of a block
// has those of neighbouring tokens, in registers where the row is short enough.
#pragma once

#include "common/canonical.cuh"
#include "common/kv.cuh"
#include "common/warp.cuh"

namespace trimtab {

/** Threads of a block that chooses: few where rows are short. */
constexpr int FEW_THREADS = 128;
constexpr int MANY_THREADS = 512;

/** Longest row that few threads choose from. */
constexpr int64_t SHORT_ROW = 512;

/** A key that orders as selection ranks: NaN lowest. Higher than every score's is STAYS. */
TRIMTAB_INLINE uint32_t choice_key(float score) {
  return static_cast<uint32_t>(rank(score)) ^ 0x80000000u;
}

/** The score of a key. */
TRIMTAB_INLINE float score_of_key(uint32_t key) {
  return of_rank(static_cast<int32_t>(key ^ 0x80000000u));
}

/** The key of a token that stays whatever its score. */
constexpr uint32_t STAYS = ~0u;

/** What a head chooses from. */
struct Candidates {
  const float* scores;
  trimtab_tensor window;  // [R,P] I32, or absent
  int32_t row;
  int32_t tokens;
};

/** Marks the tokens of a head's window, which stay. All threads of the block call; mark(token):
 * whether it was not marked before. Returns how many the thread marked. */
template <class Mark>
__device__ __forceinline__ int32_t mark_stays(const Candidates& from, const Notes& notes,
                                              Mark mark) {
  int64_t positions = has(from.window) ? from.window.size[1] : 0;
  int32_t marked = 0;
  for (int64_t p = threadIdx.x; p < positions; p += blockDim.x) {
    int32_t position = at(from.window, from.row, p);
    int64_t index = from.row * positions + p;
    bool good = notes.inside(TRIMTAB_ARGUMENT_WINDOW, index, position, -1, from.tokens - 1);
    if (!good || position < 0) continue;
    if (mark(position)) {
      marked++;
    } else {
      notes.bad(TRIMTAB_ARGUMENT_WINDOW, TRIMTAB_PROBLEM_REPEATED, index, position);
    }
  }
  return marked;
}

/** Keys in registers. */
template <int THREADS_>
class KeysInRegisters {
 public:
  static constexpr int THREADS = THREADS_;
  static constexpr int EACH = 8;
  static constexpr int64_t MOST = THREADS * EACH;  // tokens of a row

  struct Shared {
    uint32_t in_window[MOST / 32 + 1];  // a bit a token
    int32_t count;
  };

  /**
   * Reads a head's scores, once `await` has returned. All threads of the block call; all get the
   * number of tokens in the window.
   */
  template <class Await>
  __device__ __forceinline__ int32_t fill(const Candidates& from, Shared& shared, uint32_t*,
                                          const Notes& notes, Await await) {
    auto thread = static_cast<int32_t>(threadIdx.x);
    int32_t each = (from.tokens + THREADS - 1) / THREADS;
    first_ = min(thread * each, from.tokens);
    count_ = min(each, from.tokens - first_);
    for (int i = thread; i < MOST / 32 + 1; i += THREADS) shared.in_window[i] = 0;
    if (thread == 0) shared.count = 0;
    __syncthreads();
    int32_t marked = mark_stays(from, notes, [&](int32_t token) {
      uint32_t bit = 1u << token % 32;
      return (atomicOr(&shared.in_window[token / 32], bit) & bit) == 0;
    });
    if (marked > 0) atomicAdd(&shared.count, marked);
    await();
    float scores[EACH];
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      if (i < count_) scores[i] = from.scores[first_ + i];
    }
    __syncthreads();
    const uint32_t* words = shared.in_window + first_ / 32;
    uint64_t stays = (uint64_t{words[1]} << 32 | words[0]) >> first_ % 32;
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      if (i < count_) keys_[i] = (stays >> i & 1) != 0 ? STAYS : choice_key(scores[i]);
    }
    return shared.count;
  }

  /** Calls visit(token, key) for the thread's. */
  template <class Visit>
  __device__ __forceinline__ void each(Visit visit) const {
#pragma unroll
    for (int i = 0; i < EACH; i++) {
      if (i < count_) visit(first_ + i, keys_[i]);
    }
  }

 private:
  uint32_t keys_[EACH];
  int32_t first_, count_;
};

/** Keys in memory: shared if the row is short enough, otherwise the workspace. */
template <int THREADS_>
class KeysInMemory {
 public:
  static constexpr int THREADS = THREADS_;
  static constexpr int64_t MOST = INT32_MAX;

  struct Shared {
    int32_t count;
  };

  KeysInMemory() = default;

  /** Keys that are there. */
  __device__ __forceinline__ KeysInMemory(const uint32_t* keys, int32_t tokens) : keys_(keys) {
    range(tokens);
  }

  /** The same; the keys go to `keys`. */
  template <class Await>
  __device__ __forceinline__ int32_t fill(const Candidates& from, Shared& shared, uint32_t* keys,
                                          const Notes& notes, Await await) {
    auto thread = static_cast<int32_t>(threadIdx.x);
    keys_ = keys;
    range(from.tokens);
    if (thread == 0) shared.count = 0;
    await();
    constexpr int AT_ONCE = 8;
    for (int32_t begin = thread; begin < from.tokens; begin += AT_ONCE * THREADS) {
      float scores[AT_ONCE];
#pragma unroll
      for (int i = 0; i < AT_ONCE; i++) {
        int32_t t = begin + i * THREADS;
        if (t < from.tokens) scores[i] = from.scores[t];
      }
#pragma unroll
      for (int i = 0; i < AT_ONCE; i++) {
        int32_t t = begin + i * THREADS;
        if (t < from.tokens) keys[t] = choice_key(scores[i]);
      }
    }
    __syncthreads();
    int32_t marked = mark_stays(
        from, notes, [&](int32_t token) { return atomicExch(&keys[token], STAYS) != STAYS; });
    if (marked > 0) atomicAdd(&shared.count, marked);
    __syncthreads();
    return shared.count;
  }

  template <class Visit>
  __device__ __forceinline__ void each(Visit visit) const {
    for (int32_t t = first_; t < end_; t++) visit(t, keys_[t]);
  }

 private:
  /** An odd number of tokens: so a warp's lie in different banks, and the equal scores that pooling
   * makes of neighbours are rarely counted at once. */
  __device__ __forceinline__ void range(int32_t tokens) {
    int32_t each = (tokens + THREADS - 1) / THREADS | 1;
    auto thread = static_cast<int32_t>(threadIdx.x);
    first_ = static_cast<int32_t>(min(int64_t{thread} * each, int64_t{tokens}));
    end_ = min(first_ + each, tokens);
  }

  const uint32_t* keys_;
  int32_t first_, end_;
};

/** Keys of a row that are held in shared memory; those of longer rows lie in the workspace. */
constexpr int64_t MOST_SHARED_KEYS = 13 * 1024;

/** Whether a row's keys are held in registers. */
constexpr bool in_registers(int64_t tokens) {
  return tokens <= KeysInRegisters<MANY_THREADS>::MOST;
}

/** Bytes of dynamic shared memory for keys of rows of at most `tokens`. */
constexpr unsigned shared_key_bytes(int64_t tokens) {
  return in_registers(tokens) || tokens > MOST_SHARED_KEYS
             ? 0
             : static_cast<unsigned>(tokens * sizeof(uint32_t));
}

/** Bytes of workspace, the counters included, for rows whose keys are not held so. */
constexpr uint64_t workspace_keys(int64_t rows, int64_t tokens) {
  if (tokens <= MOST_SHARED_KEYS || rows == 0) return 0;
  return TRIMTAB_COUNTER_BYTES + aligned(rows * tokens * sizeof(uint32_t));
}

/** Calls run(keys) for the way that keys of rows of at most `tokens` are held. */
template <class Run>
cudaError_t with_keys(int64_t tokens, Run run) {
  if (tokens <= SHORT_ROW) return run(KeysInRegisters<FEW_THREADS>());
  if (in_registers(tokens)) return run(KeysInRegisters<MANY_THREADS>());
  return run(KeysInMemory<MANY_THREADS>());
}

}  // namespace trimtab
