// Attention's kernels.
#pragma once

#include "attend/arguments.cuh"
#include "common/limits.cuh"

namespace trimtab {

/** Enqueues the form for every format, shape and device. */
cudaError_t launch_plain(const AttendArguments& arguments, cudaStream_t stream);

/** Lines of a key/value head up to which blocks take 16 at a time. */
constexpr int FEW_LINES = 32;

/** Lines up to which blocks share the tokens of a line, so that none has many. */
constexpr int MOST_SPLIT_LINES = 512;

/**
 * Enqueues the form on tensor cores for queries and new tokens of F16 if HALF, of BF16 otherwise,
 * and pages of the same or, if PACKED, of codes; false where the device lacks them or has too
 * little shared memory.
 */
template <bool HALF, bool PACKED>
bool launch_tiles(const AttendArguments& arguments, const Limits& limits, cudaStream_t stream,
                  cudaError_t* error);

/** Lines of a key/value head from which on a warpgroup has enough of them. */
constexpr int HOPPER_LINES = 65;

/**
 * Enqueues the form for sm_90a, up to 128 columns, everything F16 if HALF, BF16 otherwise; false
 * where the device is another.
 */
template <bool HALF>
bool launch_hopper(const AttendArguments& arguments, const Limits& limits, cudaStream_t stream,
                   cudaError_t* error);

/**
 * Enqueues the form for few lines on sm_90a, up to 128 columns, formats as for launch_tiles();
 * false where the device is another or tokens cannot be copied in boxes.
 */
template <bool HALF, bool PACKED>
bool launch_decode(const AttendArguments& arguments, const Limits& limits, cudaStream_t stream,
                   cudaError_t* error);

/** Enqueues the joining of splits. */
cudaError_t launch_combine(const AttendArguments& arguments, cudaStream_t stream);

}  // namespace trimtab
