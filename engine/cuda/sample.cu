// A block a token: guidance, top-k, top-p and one draw.
#include <algorithm>
#include <climits>
#include <cmath>

#include "enqueue.cuh"

namespace engine {

namespace {

__device__ int block_threads() { return static_cast<int>(blockDim.x); }

template <typename T>
struct Sums {
  T before;  // of the threads before this one
  T total;
};

// Sums over the block's threads; the same from run to run.
template <typename T>
__device__ Sums<T> sums(T value) {
  __shared__ T warps[THREADS / WARP];
  int lane = lane_number();
  int warp = static_cast<int>(threadIdx.x) / WARP;
  T through = value;
  for (int offset = 1; offset < WARP; offset *= 2) {
    T earlier = __shfl_up_sync(0xffffffffu, through, offset);
    if (lane >= offset) through += earlier;
  }
  T earlier = __shfl_up_sync(0xffffffffu, through, 1);
  __syncthreads();  // the last sums were read
  if (lane == WARP - 1) warps[warp] = through;
  __syncthreads();
  Sums<T> result{0, 0};
  for (int i = 0; i < block_threads() / WARP; i++) {
    if (i == warp) result.before = result.total;
    result.total += warps[i];
  }
  if (lane > 0) result.before += earlier;
  return result;
}

// Bitonic, rising; count is a power of two.
__device__ void sort(float* values, int count) {
  for (int run = 2; run <= count; run *= 2) {
    for (int apart = run / 2; apart > 0; apart /= 2) {
      __syncthreads();
      for (int i = static_cast<int>(threadIdx.x); i < count / 2; i += block_threads()) {
        int low = 2 * i - i % apart;
        int high = low + apart;
        bool rising = (low & run) == 0;
        float a = values[low];
        float b = values[high];
        if ((a > b) == rising) {
          values[low] = b;
          values[high] = a;
        }
      }
    }
  }
  __syncthreads();
}

// A token's logits under guidance. Both products are rounded before they meet, as on the host: a
// fused multiply-add with 0 is a product that the compiler fuses with nothing else.
struct Guided {
  const float* with;
  const float* without;
  float guidance;

  __device__ float operator[](int code) const {
    return __fmaf_rn(1 + guidance, with[code], 0) - __fmaf_rn(guidance, without[code], 0);
  }
};

__device__ double mass(float logit, float largest) {
  return exp(static_cast<double>(logit) - largest);
}

// What may be drawn: logits above `smallest`, and those equal to it but for the first `ties`.
struct Kept {
  float smallest;
  int ties;
  double mass;
};

__device__ Kept keep(const float* sorted, int first, int end, double top_p) {
  float largest = sorted[end - 1];
  int share = (end - first + block_threads() - 1) / block_threads();
  int from = min(first + static_cast<int>(threadIdx.x) * share, end);
  int to = min(from + share, end);
  double own = 0;
  for (int i = from; i < to; i++) {
    own += mass(sorted[i], largest);
  }
  Sums<double> masses = sums(own);
  int dropped = 0;
  double dropped_mass = 0;
  for (int i = from; i < min(to, end - 1); i++) {
    double next = dropped_mass + mass(sorted[i], largest);
    if (masses.before + next > (1 - top_p) * masses.total) break;
    dropped_mass = next;
    dropped++;
  }
  int at = first + sums(dropped).total;
  double left = masses.total - sums(dropped_mass).total;
  int ties = 0;
  while (at - ties > first && sorted[at - ties - 1] == sorted[at]) {
    ties++;
  }
  return {sorted[at], ties, left};
}

__device__ int pick(const Guided& logits, int codes, const Kept& kept, float largest,
                    double target) {
  __shared__ int found;
  __shared__ int last;
  if (threadIdx.x == 0) {
    found = INT_MAX;
    last = 0;
  }
  int share = (codes + block_threads() - 1) / block_threads();
  int from = min(static_cast<int>(threadIdx.x) * share, codes);
  int to = min(from + share, codes);
  int equal = 0;
  for (int code = from; code < to; code++) {
    equal += logits[code] == kept.smallest;
  }
  int before = sums(equal).before;
  double reached = 0;
  // First what this thread's codes add up to, then where among them the target is exceeded.
  for (bool search : {false, true}) {
    int ties = before;
    double sum = reached;
    for (int code = from; code < to; code++) {
      float logit = logits[code];
      bool drawable = logit == kept.smallest ? ties++ >= kept.ties : logit > kept.smallest;
      if (!drawable) continue;
      sum += mass(logit, largest);
      if (search) {
        atomicMax(&last, code);
        if (sum > target) {
          atomicMin(&found, code);
          break;
        }
      }
    }
    if (!search) reached = sums(sum).before;
  }
  __syncthreads();
  return found == INT_MAX ? last : found;  // the last where rounding leaves a remainder
}

__global__ void sample(const float* logits, int tokens, int codes, int padded, float guidance,
                       int top_k, double top_p, const double* uniform, int* chosen) {
  TRIMTAB_DYNAMIC_SHARED(shared);
  auto* sorted = reinterpret_cast<float*>(shared);
  auto token = static_cast<int>(blockIdx.x);
  const float* with = logits + static_cast<int64_t>(token) * codes;
  Guided guided{with, with + static_cast<int64_t>(tokens) * codes, guidance};
  for (int i = static_cast<int>(threadIdx.x); i < padded; i += block_threads()) {
    sorted[i] = i < codes ? guided[i] : -INFINITY;
  }
  sort(sorted, padded);
  int start = padded - codes;  // the padding comes first
  int first = start + max(0, codes - top_k);
  while (first > start && sorted[first - 1] == sorted[first]) {
    first--;
  }
  Kept kept = keep(sorted, first, padded, top_p);
  int code = pick(guided, codes, kept, sorted[padded - 1], uniform[token] * kept.mass);
  if (threadIdx.x == 0) chosen[token] = code;
}

}  // namespace

}  // namespace engine

using namespace engine;

extern "C" int engine_sample(void* stream, const float* logits, int32_t tokens, int32_t codes,
                             float guidance, int32_t top_k, double top_p, const double* uniform,
                             int32_t* chosen) {
  int padded = 2;
  while (padded < codes) {
    padded *= 2;
  }
  // A thread a pair that is sorted.
  int threads = std::min(THREADS, std::max(WARP, padded / 2));
  trimtab::Grid grid{trimtab::blocks_of(tokens), dim3(static_cast<unsigned>(threads)),
                     static_cast<unsigned>(padded * sizeof(float))};
  return enqueue(stream, sample, grid, logits, tokens, codes, padded, guidance, top_k, top_p,
                 uniform, chosen);
}
