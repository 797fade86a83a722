// Models of Llama layout: embeddings, norms, turned heads, gates.
#include "enqueue.cuh"

namespace engine {

namespace {

__global__ void gather(const float* table, const int* ids, const int* positions, int64_t count,
                       int width, float* out) {
  int64_t i = thread_number();
  if (i >= count) return;
  int64_t row = i / width;
  out[i] = positions[row] < 0 ? 0.f : table[static_cast<int64_t>(ids[row]) * width + i % width];
}

// A warp a row.
__global__ void rms_norm(const float* x, const float* weight, int rows, int width, float epsilon,
                         int stride, float* out) {
  int64_t row = thread_number() / WARP;
  if (row >= rows) return;
  const float* in = x + row * width;
  float squares = 0;
  for (int i = lane_number(); i < width; i += WARP) {
    squares = __fmaf_rn(in[i], in[i], squares);
  }
  float inverse = 1 / sqrtf(warp_sum(squares) / width + epsilon);
  for (int i = lane_number(); i < width; i += WARP) {
    out[row * stride + i] = in[i] * inverse * weight[i];
  }
}

struct Heads {
  int queries;
  int keys;  // and as many values
  int dim;
};

__global__ void turn(const float* qkv, const int* positions, const float* cosines,
                     const float* sines, int64_t count, int places, Heads heads, int tokens,
                     int first, float* out) {
  int64_t i = thread_number();
  if (i >= count) return;
  int width = (heads.queries + 2 * heads.keys) * heads.dim;
  int64_t place = i / width;
  if (positions[place] < 0) return;
  int column = static_cast<int>(i % width);
  int element = column % heads.dim;
  float value = qkv[i];
  if (column < (heads.queries + heads.keys) * heads.dim) {
    int half = heads.dim / 2;
    int64_t angle = static_cast<int64_t>(positions[place]) * half + element % half;
    // Element e of the first half turns with element e + half.
    float other = element < half ? -qkv[i + half] : qkv[i - half];
    value = value * cosines[angle] + other * sines[angle];
  }
  int64_t row = place / places;
  out[(row * tokens + first + place % places) * width + column] = value;
}

__global__ void swiglu(const float* wide, int64_t count, int hidden, float* out) {
  int64_t i = thread_number();
  if (i >= count) return;
  const float* gate = wide + i / hidden * 2 * hidden + i % hidden;
  out[i] = *gate / (1 + expf(-*gate)) * gate[hidden];
}

}  // namespace

}  // namespace engine

using namespace engine;

extern "C" {

int engine_gather(void* stream, const float* table, const int32_t* ids, const int32_t* positions,
                  int32_t rows, int32_t width, float* out) {
  int64_t count = int64_t{rows} * width;
  return enqueue(stream, gather, threads(count), table, ids, positions, count, width, out);
}

int engine_rms_norm(void* stream, const float* x, const float* weight, int32_t rows, int32_t width,
                    float epsilon, int32_t stride, float* out) {
  return enqueue(stream, rms_norm, warps(rows), x, weight, rows, width, epsilon, stride, out);
}

int engine_turn(void* stream, const float* qkv, const int32_t* positions, const float* cosines,
                const float* sines, int32_t rows, int32_t places, int32_t heads, int32_t kv_heads,
                int32_t head_dim, int32_t tokens, int32_t first, float* out) {
  int64_t count = int64_t{rows} * places * (heads + 2 * kv_heads) * head_dim;
  return enqueue(stream, turn, threads(count), qkv, positions, cosines, sines, count, places,
                 Heads{heads, kv_heads, head_dim}, tokens, first, out);
}

int engine_swiglu(void* stream, const float* wide, int32_t rows, int32_t hidden, float* out) {
  int64_t count = int64_t{rows} * hidden;
  return enqueue(stream, swiglu, threads(count), wide, count, hidden, out);
}

}  // extern "C"
