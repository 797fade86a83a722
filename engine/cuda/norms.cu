// A warp a row: layer norm with modulation, queries and keys of given length.
#include "enqueue.cuh"

namespace engine {

namespace {

__global__ void modulate(const float* residual, const float* scale, const float* shift, int stride,
                         int tokens, int width, float epsilon, float* out) {
  int64_t row = thread_number() / WARP;
  if (row >= 2 * static_cast<int64_t>(tokens)) return;
  const float* x = residual + row * width;
  float sum = 0;
  for (int i = lane_number(); i < width; i += WARP) {
    sum += x[i];
  }
  float mean = warp_sum(sum) / width;
  float squares = 0;
  for (int i = lane_number(); i < width; i += WARP) {
    squares += (x[i] - mean) * (x[i] - mean);
  }
  float inverse = 1 / sqrtf(warp_sum(squares) / width + epsilon);
  int vectors = row < tokens ? 0 : stride;
  for (int i = lane_number(); i < width; i += WARP) {
    float normal = (x[i] - mean) * inverse;
    out[row * width + i] = __fmaf_rn(normal, 1 + scale[vectors + i], shift[vectors + i]);
  }
}

// Adds the bias, then scales to a length unless that is 0; a vector of zeros stays zero.
__device__ void finish(float* x, const float* bias, int count, float length) {
  float squares = 0;
  for (int i = lane_number(); i < count; i += WARP) {
    x[i] += bias[i];
    squares += x[i] * x[i];
  }
  if (length == 0) return;
  // The floor is the one that the field's training code divides by.
  float factor = length / fmaxf(sqrtf(warp_sum(squares)), 1e-12f);
  for (int i = lane_number(); i < count; i += WARP) {
    x[i] *= factor;
  }
}

__global__ void unit_heads(float* qkv, const float* bias, const float* scales, int64_t count,
                           int heads, int head_dim) {
  int64_t number = thread_number() / WARP;
  if (number >= count) return;
  int head = static_cast<int>(number % heads);
  int width = heads * head_dim;
  float* x = qkv + number / heads * 3 * width + head * head_dim;
  const float* b = bias + head * head_dim;
  finish(x, b, head_dim, scales[head]);
  finish(x + width, b + width, head_dim, 1);
  finish(x + 2 * width, b + 2 * width, head_dim, 0);
}

}  // namespace

}  // namespace engine

using namespace engine;

extern "C" {

int engine_modulate(void* stream, const float* residual, const float* scale, const float* shift,
                    int32_t stride, int32_t tokens, int32_t width, float epsilon, float* out) {
  return enqueue(stream, modulate, warps(2 * int64_t{tokens}), residual, scale, shift, stride,
                 tokens, width, epsilon, out);
}

int engine_unit_heads(void* stream, float* qkv, const float* bias, const float* scales,
                      int32_t rows, int32_t heads, int32_t head_dim) {
  int64_t count = int64_t{rows} * heads;
  return enqueue(stream, unit_heads, warps(count), qkv, bias, scales, count, heads, head_dim);
}

}  // extern "C"
