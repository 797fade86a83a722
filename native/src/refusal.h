// How a call is refused: checks throw a Refusal; the exported functions catch it and fill the
// caller's error.
#pragma once

#include "trimtab.h"

namespace trimtab {

struct Refusal {
  trimtab_status status;
  int32_t cuda;
  char text[sizeof(trimtab_error::text)];
};

/** Throws a Refusal with a formatted sentence. */
[[noreturn]] void refuse(trimtab_status status, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

/** Throws a Refusal that carries CUDA's error, a cudaError_t, besides. */
[[noreturn]] void refuse_cuda(trimtab_status status, int32_t cuda, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

/** Refuses a struct of the caller that is missing or was compiled with another size. */
template <typename Struct>
void require_struct(const Struct* value, const uint32_t Struct::*struct_size, const char* name) {
  if (value == nullptr) {
    refuse(TRIMTAB_INVALID_ARGUMENT, "%s: null, expected a struct", name);
  }
  if (value->*struct_size != sizeof(Struct)) {
    refuse(TRIMTAB_WRONG_STRUCT, "%s.struct_size: %u, expected %zu", name, value->*struct_size,
           sizeof(Struct));
  }
}

/** Fills an error, which may be null. */
void fill(trimtab_error* error, uint32_t operation, const Refusal& refusal);

/** Calls `body`; what it throws becomes a status and, where there is one, the caller's error. */
template <typename Body>
trimtab_status answer(uint32_t operation, trimtab_error* error, Body body) noexcept {
  if (error != nullptr && error->struct_size != sizeof(trimtab_error)) {
    return TRIMTAB_WRONG_STRUCT;
  }
  try {
    body();
    return TRIMTAB_SUCCESS;
  } catch (const Refusal& refusal) {
    fill(error, operation, refusal);
    return refusal.status;
  } catch (...) {  // std::bad_alloc: nothing else is thrown
    fill(error, operation, {TRIMTAB_OUT_OF_MEMORY, 0, "the host is out of memory"});
    return TRIMTAB_OUT_OF_MEMORY;
  }
}

}  // namespace trimtab
