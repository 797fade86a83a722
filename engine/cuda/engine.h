/*
 * What models need on a CUDA device besides matrix products and attention: norms, activations,
 * embeddings, a VAR's multi-scale sum of codes, and the draw of codes. All tensors are dense F32 in
 * device memory unless said otherwise. Every function enqueues on a CUstream of device 0's primary
 * context, allocates nothing, waits for nothing and returns a cudaError_t.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define ENGINE_FUNCTION __attribute__((visibility("default"))) int
#else
#define ENGINE_FUNCTION int
#endif

/*
 * The first scale's two rows: with the class `label`, then with `none`. gated [2, width] is SiLU of
 * the class embedding, residual [2, width] the embedding plus start plus position.
 */
ENGINE_FUNCTION engine_begin(void* stream, const float* classes, int32_t label, int32_t none,
                             const float* start, const float* position, int32_t width, float* gated,
                             float* residual);

/* Both rows of a later scale [2, tokens, width]: words [tokens, width] plus bias plus position
 * [tokens, width]. */
ENGINE_FUNCTION engine_embed(void* stream, const float* words, const float* bias,
                             const float* position, int32_t tokens, int32_t width, float* residual);

/* out = x [rows, width] + addend [width]; out may be x. */
ENGINE_FUNCTION engine_add(void* stream, const float* x, const float* addend, int32_t rows,
                           int32_t width, float* out);

/* x [rows, width] = gelu(x + bias), gelu in its tanh form. */
ENGINE_FUNCTION engine_gelu(void* stream, float* x, const float* bias, int32_t rows, int32_t width);

/*
 * residual [2, tokens, width] += gate * (delta + bias). The gate of the second row lies `stride`
 * floats behind that of the first.
 */
ENGINE_FUNCTION engine_add_gated(void* stream, float* residual, const float* delta,
                                 const float* bias, const float* gate, int32_t stride,
                                 int32_t tokens, int32_t width);

/*
 * out [2, tokens, width] = layer norm of residual without weights, times 1 + scale, plus shift. The
 * vectors of the second row lie `stride` floats behind those of the first.
 */
ENGINE_FUNCTION engine_modulate(void* stream, const float* residual, const float* scale,
                                const float* shift, int32_t stride, int32_t tokens, int32_t width,
                                float epsilon, float* out);

/*
 * qkv [rows, 3, heads, head_dim] += bias [3, heads, head_dim]; then each head's query gets the
 * length scales[head], and its key the length 1.
 */
ENGINE_FUNCTION engine_unit_heads(void* stream, float* qkv, const float* bias, const float* scales,
                                  int32_t rows, int32_t heads, int32_t head_dim);

/*
 * Draws a code for each token from logits [2, tokens, codes]: guided logits (1 + guidance) * first
 * - guidance * second, then top-k (ties with the k-th stay), then top-p (dropped from the smallest
 * on, equal ones in rising order), then the code where the masses, added in rising order of codes,
 * exceed uniform [tokens] (F64, in [0, 1)) of their sum.
 */
ENGINE_FUNCTION engine_sample(void* stream, const float* logits, int32_t tokens, int32_t codes,
                              float guidance, int32_t top_k, double top_p, const double* uniform,
                              int32_t* chosen);

/* out [grid, grid, dim]: the codebook's rows of a map of codes [side, side], enlarged bicubically
 * (a = -0.75). */
ENGINE_FUNCTION engine_enlarge(void* stream, const int32_t* codes, const float* codebook,
                               int32_t side, int32_t dim, int32_t grid, float* out);

/*
 * sum [grid, grid, dim] += (1 - ratio) * map + ratio * convolution of map, 3 x 3 with zeros around
 * it, weights [dim, dim, 3, 3] and bias [dim].
 */
ENGINE_FUNCTION engine_smooth(void* stream, const float* map, const float* weights,
                              const float* bias, int32_t grid, int32_t dim, float ratio,
                              float* sum);

/* out [side, side, dim]: means of map [grid, grid, dim] over the area of each pixel. */
ENGINE_FUNCTION engine_shrink(void* stream, const float* map, int32_t grid, int32_t dim,
                              int32_t side, float* out);

/* out [rows, width]: rows `ids` [rows] of a table [any, width]; zeros where a position is -1. */
ENGINE_FUNCTION engine_gather(void* stream, const float* table, const int32_t* ids,
                              const int32_t* positions, int32_t rows, int32_t width, float* out);

/*
 * out = x [rows, width] / sqrt(mean of squares + epsilon) * weight [width]; rows of out lie `stride`
 * floats apart, and out may be x.
 */
ENGINE_FUNCTION engine_rms_norm(void* stream, const float* x, const float* weight, int32_t rows,
                                int32_t width, float epsilon, int32_t stride, float* out);

/*
 * Turns queries and keys of qkv [rows, places, (heads + 2 kv_heads) head_dim] by the angles of their
 * positions [rows, places], and puts them and the values into out [rows, tokens, the same], from a
 * row's token `first` on. Element i of a head turns with element i + head_dim / 2; cosines and sines
 * [any position, head_dim / 2]. A place whose position is -1 is left out.
 */
ENGINE_FUNCTION engine_turn(void* stream, const float* qkv, const int32_t* positions,
                            const float* cosines, const float* sines, int32_t rows, int32_t places,
                            int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t tokens,
                            int32_t first, float* out);

/* out [rows, hidden] = silu(gate) * up, which lie side by side in wide [rows, 2 hidden]. */
ENGINE_FUNCTION engine_swiglu(void* stream, const float* wide, int32_t rows, int32_t hidden,
                              float* out);

#ifdef __cplusplus
}
#endif
