// Trimtab's operations, found in the library at run time, as launches that can be repeated.
#pragma once

#include <functional>
#include <memory>

#include "memory.h"
#include "trimtab.h"

namespace bench {

/** Enqueues work on the benchmark's stream. */
using Launch = std::function<void()>;

/** Loads the library and checks its ABI number; ends the program with exit code 3 where that fails.
 */
void load_library(const char* path);

/** What the library says of itself, and of device 0. */
const char* library_build();
trimtab_device device();

/** The functions of one operation. */
template <typename Params>
struct Functions {
  trimtab_status (*workspace)(const Params* params, uint64_t* bytes, trimtab_error* error);
  trimtab_status (*check)(const Params* params, const trimtab_launch* launch, trimtab_error* error);
  trimtab_status (*enqueue)(const Params* params, const trimtab_launch* launch,
                            trimtab_error* error);
};
template <typename Params>
const Functions<Params>& functions();

/** Ends the program with exit code 1 and the library's sentence unless an operation was enqueued.
 */
void check(trimtab_status status, const trimtab_error& error);

/** Ends the program with exit code 1 if a kernel noted a bad value since the last time. */
void check_status_word();
trimtab_status_word* status_word();

trimtab_launch on_stream();

/** The library's launch of a kernel that does nothing. */
Launch no_operation();

/** Device memory that operations of one stream may share, zeroed at first. */
struct Workspace {
  void* data = nullptr;
  uint64_t bytes = 0;
};

/** An operation, checked once in full, with the workspace given or, if it needs more, its own. */
template <typename Params>
Launch operation(Memory& memory, Params params, Workspace shared = {}) {
  trimtab_error error{};
  error.struct_size = sizeof error;
  trimtab_launch launch = on_stream();
  params.common.struct_size = sizeof params;
  params.common.status = status_word();
  uint64_t bytes = 0;
  check(functions<Params>().workspace(&params, &bytes, &error), error);
  if (bytes > shared.bytes) shared = {memory.zeroed(bytes), bytes};
  params.common.workspace = bytes == 0 ? nullptr : shared.data;
  params.common.workspace_bytes = bytes;
  check(functions<Params>().check(&params, &launch, &error), error);
  auto kept = std::make_shared<Params>(params);
  return [kept, launch] {
    trimtab_error error{};
    error.struct_size = sizeof error;
    check(functions<Params>().enqueue(kept.get(), &launch, &error), error);
  };
}

}  // namespace bench
