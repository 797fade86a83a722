// Verification of sampled drafts: chains and siblings. A block takes a batch row.
#pragma once

#include "verify/arguments.cuh"
#include "verify/draw.cuh"

namespace trimtab {

/** A block's own memory: rows of masses, their chunks, and the tokens' places. */
struct SampledSpace {
  float* masses; /* [V] */
  float* rest;   /* [V], siblings only */
  float* draft;  /* [k], siblings only */
  float* chunks;
  int32_t* places; /* where among the kept ids each drafted token is, -1 for none */
  int64_t bytes;

  __host__ __device__ SampledSpace(const VerifyArguments& a, unsigned char* memory) {
    bool siblings = a.op.method == TRIMTAB_VERIFY_MULTI_ROUND;
    int longest = a.kept > a.vocabulary ? a.kept : a.vocabulary;
    auto next = reinterpret_cast<float*>(memory);
    auto take = [&](int64_t count) {
      float* taken = next;
      next += (count + 31) / 32 * 32;
      return taken;
    };
    masses = take(a.vocabulary);
    rest = take(siblings ? a.vocabulary : 0);
    draft = take(siblings ? a.kept : 0);
    chunks = take(2 * static_cast<int64_t>(BlockMasses::chunks_of(longest)));
    places = reinterpret_cast<int32_t*>(take(a.drafted));
    bytes = reinterpret_cast<unsigned char*>(next) - memory;
  }
};

class Sampled {
 public:
  static constexpr int THREADS = BlockMasses::THREADS;

  struct Shared {
    BlockMasses::Shared masses;
    int refused;
  };

  __device__ Sampled(const VerifyArguments& a, Shared& shared)
      : a_(a),
        shared_(shared),
        space_(a, a.blocks + blockIdx.x * a.block_bytes),
        masses_(shared.masses, space_.chunks) {}

  __device__ void chain(int row) {
    find_places(row);
    if (thread() == 0) shared_.refused = a_.drafted;
    __syncthreads();
    for (int i = thread(); i < a_.drafted; i += THREADS) {
      int32_t token = element<const int32_t>(a_.op.tokens, row, i);
      bool is_drafted = space_.places[i] >= 0;
      float p = is_drafted ? element<const float>(a_.op.target, row, i, token) : 0.f;
      float q = is_drafted ? element<const float>(a_.op.draft, row, i, space_.places[i]) : 0.f;
      if (!accepts(row, i, p, q)) atomicMin(&shared_.refused, i);
    }
    __syncthreads();
    int accepted = shared_.refused;
    int vocabulary = a_.vocabulary;
    float total = copy_target(row, accepted, space_.masses);
    auto mass = [&](int i) { return space_.masses[i]; };
    if (accepted < a_.drafted) {
      const float* draft = &element<const float>(a_.op.draft, row, accepted);
      int64_t first = (static_cast<int64_t>(row) * a_.drafted + accepted) * a_.kept;
      check_draft(draft, first);
      subtract(space_.masses, draft);
      total = masses_.sum(vocabulary, mass);
      if (total == 0.f) total = copy_target(row, accepted, space_.masses);
    }
    float u = uniform_of(a_, a_.op.sample_u, TRIMTAB_ARGUMENT_SAMPLE_U, row);
    int drawn = masses_.draw(vocabulary, mass, u, total);
    for (int i = thread(); i < accepted; i += THREADS) {
      emit(a_, row, i, element<const int32_t>(a_.op.tokens, row, i));
    }
    if (thread() == 0) {
      emit(a_, row, accepted, drawn);
      end(a_, row, accepted + 1, accepted);
    }
  }

  __device__ void siblings(int row) {
    find_places(row);
    __syncthreads();
    note_repeated(row);
    const float* q = &element<const float>(a_.op.draft, row);
    check_draft(q, static_cast<int64_t>(row) * a_.kept);
    for (int i = thread(); i < a_.kept; i += THREADS) space_.draft[i] = q[i];
    float* target = space_.masses;
    float* rest = space_.rest;
    float total = copy_target(row, 0, target);
    for (int i = 0; i < a_.drafted; i++) {
      int32_t token = element<const int32_t>(a_.op.tokens, row, i);
      int place = space_.places[i];
      if (thread() == 0) {
        float drafted = place >= 0 ? space_.draft[place] : 0.f;
        shared_.refused = !accepts(row, i, place >= 0 ? target[token] : 0.f, drafted);
      }
      __syncthreads();
      if (!shared_.refused) {
        if (thread() == 0) {
          emit(a_, row, 0, token);
          end(a_, row, 1, i);
        }
        return;
      }
      for (int id = thread(); id < a_.vocabulary; id += THREADS) rest[id] = target[id];
      __syncthreads();
      subtract(rest, space_.draft);
      float left = masses_.sum(a_.vocabulary, [&](int id) { return rest[id]; });
      if (left > 0.f) {
        divide(rest, a_.vocabulary, left);
        float* swapped = target;
        target = rest;
        rest = swapped;
      }
      if (thread() == 0 && place >= 0) space_.draft[place] = 0.f;
      __syncthreads();
      left = masses_.sum(a_.kept, [&](int j) { return space_.draft[j]; });
      if (left == 0.f) break;
      divide(space_.draft, a_.kept, left);
    }
    auto mass = [&](int id) { return target[id]; };
    total = masses_.sum(a_.vocabulary, mass);
    float u = uniform_of(a_, a_.op.sample_u, TRIMTAB_ARGUMENT_SAMPLE_U, row);
    int drawn = masses_.draw(a_.vocabulary, mass, u, total);
    if (thread() == 0) {
      emit(a_, row, 0, drawn);
      end(a_, row, 1, -1);
    }
  }

 private:
  static __device__ int thread() { return static_cast<int>(threadIdx.x); }

  __device__ int64_t token_index(int row, int i) const {
    return static_cast<int64_t>(row) * a_.drafted + i;
  }

  /** Finds where among the kept ids the row's tokens are. */
  __device__ void find_places(int row) {
    for (int i = thread(); i < a_.drafted; i += THREADS) space_.places[i] = -1;
    __syncthreads();
    for (int j = thread(); j < a_.kept; j += THREADS) {
      int32_t id = element<const int32_t>(a_.op.ids, j);
      if (!is_id(a_, TRIMTAB_ARGUMENT_IDS, j, id)) continue;
      for (int i = 0; i < a_.drafted; i++) {
        if (element<const int32_t>(a_.op.tokens, row, i) == id) space_.places[i] = j;
      }
    }
    __syncthreads();
    for (int i = thread(); i < a_.drafted; i += THREADS) {
      int32_t token = element<const int32_t>(a_.op.tokens, row, i);
      if (is_id(a_, TRIMTAB_ARGUMENT_TOKENS, token_index(row, i), token) && space_.places[i] < 0) {
        note_bad(a_, TRIMTAB_ARGUMENT_TOKENS, TRIMTAB_PROBLEM_NOT_KEPT, token_index(row, i), token);
      }
    }
  }

  __device__ void note_repeated(int row) {
    for (int i = thread(); i < a_.drafted; i += THREADS) {
      for (int j = 0; j < i; j++) {
        if (space_.places[i] >= 0 && space_.places[i] == space_.places[j]) {
          note_bad(a_, TRIMTAB_ARGUMENT_TOKENS, TRIMTAB_PROBLEM_REPEATED, token_index(row, i),
                   element<const int32_t>(a_.op.tokens, row, i));
        }
      }
    }
  }

  /** Whether u q < p; the product of two floats is exact in binary64. */
  __device__ bool accepts(int row, int i, float p, float q) {
    if (space_.places[i] >= 0 && !(q > 0.f)) {
      note_bad(a_, TRIMTAB_ARGUMENT_TOKENS, TRIMTAB_PROBLEM_UNDRAWN, token_index(row, i),
               element<const int32_t>(a_.op.tokens, row, i));
    }
    float u = uniform_of(a_, a_.op.accept_u, TRIMTAB_ARGUMENT_ACCEPT_U, row, i);
    return static_cast<double>(u) * q < p;
  }

  /** Copies a row of target, checks it and returns its sum. */
  __device__ float copy_target(int row, int outcome, float* to) {
    const float* from =
        &element<const float>(a_.op.target, row, a_.op.target.rank > 2 ? outcome : 0);
    int64_t first = (static_cast<int64_t>(row) * a_.outcomes + outcome) * a_.vocabulary;
    float total = masses_.sum(a_.vocabulary, [&](int i) {
      return to[i] = probability_of(a_, from, TRIMTAB_ARGUMENT_TARGET, first, i);
    });
    check_sum(a_, TRIMTAB_ARGUMENT_TARGET, first, total);
    return total;
  }

  __device__ void check_draft(const float* draft, int64_t first) {
    float total = masses_.sum(a_.kept, [&](int i) {
      return probability_of(a_, draft, TRIMTAB_ARGUMENT_DRAFT, first, i);
    });
    check_sum(a_, TRIMTAB_ARGUMENT_DRAFT, first, total);
  }

  /** `masses = max(masses - draft, 0)` at the kept ids. */
  __device__ void subtract(float* masses, const float* draft) {
    for (int j = thread(); j < a_.kept; j += THREADS) {
      int32_t id = element<const int32_t>(a_.op.ids, j);
      if (id < 0 || id >= a_.vocabulary) continue;
      float left = masses[id] - draft[j];
      masses[id] = left > 0.f ? left : 0.f;
    }
    __syncthreads();
  }

  __device__ void divide(float* masses, int n, float by) {
    for (int i = thread(); i < n; i += THREADS) masses[i] /= by;
    __syncthreads();
  }

  const VerifyArguments& a_;
  Shared& shared_;
  SampledSpace space_;
  BlockMasses masses_;
};

}  // namespace trimtab
