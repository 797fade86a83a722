// Maps of tensors and the copies of boxes by them (TMA), at once and in the calling thread.
#pragma once

#include <cstdint>

extern "C" int cuTensorMapEncodeTiled(void* map, int type, uint32_t rank, void* data,
                                      const uint64_t* size, const uint64_t* stride,
                                      const uint32_t* box, const uint32_t* step, int interleave,
                                      int swizzle, int promotion, int fill);

namespace emulation {

// Copies the box that begins at `at`; its bytes.
uint32_t copy_box(void* shared, const void* map, const int32_t (&at)[4]);

}  // namespace emulation
