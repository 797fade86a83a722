// A thread an element: embeddings, biases, activations, gates.
#include "enqueue.cuh"

namespace engine {

namespace {

__global__ void begin(const float* classes, int label, int none, const float* start,
                      const float* position, int width, float* gated, float* residual) {
  int64_t i = thread_number();
  if (i >= 2 * static_cast<int64_t>(width)) return;
  int column = static_cast<int>(i % width);
  float x = classes[static_cast<int64_t>(i < width ? label : none) * width + column];
  gated[i] = x / (1 + expf(-x));
  residual[i] = x + start[column] + position[column];
}

__global__ void embed(const float* words, const float* bias, const float* position, int64_t count,
                      int width, float* residual) {
  int64_t i = thread_number();
  if (i >= count) return;
  float x = words[i] + bias[i % width] + position[i];
  residual[i] = x;
  residual[count + i] = x;
}

__global__ void add(const float* x, const float* addend, int64_t count, int width, float* out) {
  int64_t i = thread_number();
  if (i < count) out[i] = x[i] + addend[i % width];
}

__global__ void gelu(float* x, const float* bias, int64_t count, int width) {
  int64_t i = thread_number();
  if (i >= count) return;
  constexpr float SLOPE = 1.5957691216057308f;  // 2 sqrt(2 / pi): x * sigmoid(2u) is the tanh form
  float value = x[i] + bias[i % width];
  float u = value * SLOPE * (1 + 0.044715f * value * value);
  x[i] = value / (1 + expf(-u));
}

__global__ void add_gated(float* residual, const float* delta, const float* bias, const float* gate,
                          int stride, int64_t row, int width) {
  int64_t i = thread_number();
  if (i >= 2 * row) return;
  int64_t column = i % width;
  float g = gate[(i < row ? 0 : stride) + column];
  residual[i] = __fmaf_rn(delta[i] + bias[column], g, residual[i]);
}

}  // namespace

}  // namespace engine

using namespace engine;

extern "C" {

int engine_begin(void* stream, const float* classes, int32_t label, int32_t none,
                 const float* start, const float* position, int32_t width, float* gated,
                 float* residual) {
  return enqueue(stream, begin, threads(2 * int64_t{width}), classes, label, none, start, position,
                 width, gated, residual);
}

int engine_embed(void* stream, const float* words, const float* bias, const float* position,
                 int32_t tokens, int32_t width, float* residual) {
  int64_t count = int64_t{tokens} * width;
  return enqueue(stream, embed, threads(count), words, bias, position, count, width, residual);
}

int engine_add(void* stream, const float* x, const float* addend, int32_t rows, int32_t width,
               float* out) {
  int64_t count = int64_t{rows} * width;
  return enqueue(stream, add, threads(count), x, addend, count, width, out);
}

int engine_gelu(void* stream, float* x, const float* bias, int32_t rows, int32_t width) {
  int64_t count = int64_t{rows} * width;
  return enqueue(stream, gelu, threads(count), x, bias, count, width);
}

int engine_add_gated(void* stream, float* residual, const float* delta, const float* bias,
                     const float* gate, int32_t stride, int32_t tokens, int32_t width) {
  int64_t row = int64_t{tokens} * width;
  return enqueue(stream, add_gated, threads(2 * row), residual, delta, bias, gate, stride, row,
                 width);
}

}  // extern "C"
