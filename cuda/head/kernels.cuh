// The kernels of a head by format.
#pragma once

#include "common/limits.cuh"
#include "head/arguments.cuh"

namespace trimtab {

/** Most bytes of dynamic shared memory of a block: static ones of these kernels are far fewer. */
inline int dynamic_shared(const Limits& limits) { return limits.block_shared - 512; }

/** Most stages of rows in shared memory. */
constexpr int MOST_STAGES = 5;

/** Enqueues what is made of all logits; `early`: its launch may overlap with their kernel. */
cudaError_t launch_finish(const HeadArguments& arguments, bool early, cudaStream_t stream);

/** Enqueues canonical logits of up to MOST_DOTS vectors. */
template <class Format>
cudaError_t launch_dots(HeadArguments arguments, const Limits& limits, cudaStream_t stream);

/** Vectors that launch_products multiplies at least for the price of fewer, and at most. */
constexpr int FEW_PRODUCTS = 16;
constexpr int MOST_PRODUCTS = 64;

/** Columns of a stage of those, of rows of so many bits an element; wide: by warpgroups. */
constexpr int product_columns(int bits, bool wide) { return bits < (wide ? 32 : 16) ? 128 : 64; }

/** Whether warpgroups multiply that many vectors. */
inline bool wide_products(const HeadArguments& a, const Limits& limits) {
#if defined(__CUDACC__) && !defined(TRIMTAB_SM90A)
  return false;
#else
  return limits.architecture == 90 && a.vectors > FEW_PRODUCTS;
#endif
}

/** Enqueues logits of up to MOST_PRODUCTS vectors; false where the device has too little shared
    memory for so many. */
template <class Format, bool HALF>
bool launch_products(HeadArguments& arguments, const Limits& limits, cudaStream_t stream,
                     cudaError_t* error);

}  // namespace trimtab
