// A thread an element of a map: the multi-scale sum of codes.
#include "enqueue.cuh"

namespace engine {

namespace {

constexpr double CUBIC = -0.75;

// The cubic between 0 and 1 from the sample.
__device__ double near(double x) { return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1; }

// The cubic between 1 and 2 from the sample.
__device__ double far(double x) {
  return ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC;
}

// The four samples that a target's value is made of, edges repeated, and their weights.
struct Taps {
  int at[4];
  float weights[4];
};

__device__ Taps taps(int i, int side, int target) {
  double centre = (i + 0.5) * side / target - 0.5;
  double whole = floor(centre);
  double t = centre - whole;
  Taps taps{{}, {float(far(1 + t)), float(near(t)), float(near(1 - t)), float(far(2 - t))}};
  for (int k = 0; k < 4; k++) {
    taps.at[k] = min(max(static_cast<int>(whole) - 1 + k, 0), side - 1);
  }
  return taps;
}

__global__ void enlarge(const int* codes, const float* codebook, int side, int dim, int grid,
                        float* out) {
  int64_t i = thread_number();
  if (i >= static_cast<int64_t>(grid) * grid * dim) return;
  int channel = static_cast<int>(i % dim);
  int pixel = static_cast<int>(i / dim);
  Taps across = taps(pixel % grid, side, grid);
  Taps down = taps(pixel / grid, side, grid);
  float value = 0;
  for (int y = 0; y < 4; y++) {
    float line = 0;
    for (int x = 0; x < 4; x++) {
      int64_t code = codes[down.at[y] * side + across.at[x]];
      line = __fmaf_rn(codebook[code * dim + channel], across.weights[x], line);
    }
    value = __fmaf_rn(line, down.weights[y], value);
  }
  out[i] = value;
}

__global__ void smooth(const float* map, const float* weights, const float* bias, int grid, int dim,
                       float ratio, float* sum) {
  int64_t i = thread_number();
  if (i >= static_cast<int64_t>(grid) * grid * dim) return;
  int channel = static_cast<int>(i % dim);
  int pixel = static_cast<int>(i / dim);
  float value = bias[channel];
  for (int dy = -1; dy <= 1; dy++) {
    for (int dx = -1; dx <= 1; dx++) {
      int y = pixel / grid + dy;
      int x = pixel % grid + dx;
      if (y < 0 || y >= grid || x < 0 || x >= grid) continue;
      const float* in = map + static_cast<int64_t>(y * grid + x) * dim;
      const float* tap = weights + static_cast<int64_t>(channel) * dim * 9 + 3 * (dy + 1) + dx + 1;
      for (int c = 0; c < dim; c++) {
        value = __fmaf_rn(in[c], tap[9 * c], value);
      }
    }
  }
  sum[i] += (1 - ratio) * map[i] + ratio * value;
}

__global__ void shrink(const float* map, int grid, int dim, int side, float* out) {
  int64_t i = thread_number();
  if (i >= static_cast<int64_t>(side) * side * dim) return;
  int channel = static_cast<int>(i % dim);
  int pixel = static_cast<int>(i / dim);
  int left = pixel % side * grid / side;
  int right = ((pixel % side + 1) * grid + side - 1) / side;
  int top = pixel / side * grid / side;
  int bottom = ((pixel / side + 1) * grid + side - 1) / side;
  float value = 0;
  for (int y = top; y < bottom; y++) {
    float line = 0;
    for (int x = left; x < right; x++) {
      line = __fmaf_rn(map[static_cast<int64_t>(y * grid + x) * dim + channel],
                       1.f / (right - left), line);
    }
    value = __fmaf_rn(line, 1.f / (bottom - top), value);
  }
  out[i] = value;
}

}  // namespace

}  // namespace engine

using namespace engine;

extern "C" {

int engine_enlarge(void* stream, const int32_t* codes, const float* codebook, int32_t side,
                   int32_t dim, int32_t grid, float* out) {
  return enqueue(stream, enlarge, threads(int64_t{grid} * grid * dim), codes, codebook, side, dim,
                 grid, out);
}

int engine_smooth(void* stream, const float* map, const float* weights, const float* bias,
                  int32_t grid, int32_t dim, float ratio, float* sum) {
  return enqueue(stream, smooth, threads(int64_t{grid} * grid * dim), map, weights, bias, grid, dim,
                 ratio, sum);
}

int engine_shrink(void* stream, const float* map, int32_t grid, int32_t dim, int32_t side,
                  float* out) {
  return enqueue(stream, shrink, threads(int64_t{side} * side * dim), map, grid, dim, side, out);
}

}  // extern "C"
