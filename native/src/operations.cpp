// The exported functions of all operations: checks, then the kernels' launch.
#include "operations.h"

#include "append/append.cuh"
#include "attend/attend.cuh"
#include "columnsums/columnsums.cuh"
#include "common/noop.cuh"
#include "compact/compact.cuh"
#include "device.h"
#include "evict/evict.cuh"
#include "head/head.cuh"
#include "pack/pack.cuh"
#include "quantize/quantize.cuh"
#include "score/score.cuh"
#include "select/select.cuh"
#include "selectivity/selectivity.cuh"
#include "verify/verify.cuh"

namespace trimtab {

namespace {

template <typename Params>
void require_params(const Params* params) {
  if (params == nullptr) {
    refuse(TRIMTAB_INVALID_ARGUMENT, "params: null, expected a struct");
  }
  if (params->common.struct_size != sizeof(Params)) {
    refuse(TRIMTAB_WRONG_STRUCT, "params.struct_size: %u, expected %zu", params->common.struct_size,
           sizeof(Params));
  }
}

/** What one operation's exported functions are made of. */
template <uint32_t OPERATION, typename Params, uint64_t (*WORKSPACE)(const Params&),
          cudaError_t (*LAUNCH)(const Params&, cudaStream_t)>
struct Calls {
  static trimtab_status workspace(const Params* params, uint64_t* bytes, trimtab_error* error) {
    return answer(OPERATION, error, [&] {
      require_params(params);
      TRIMTAB_REQUIRE(bytes != nullptr, "bytes", "null, expected where to write the number");
      Checks checks;
      trimtab::check(checks, *params);
      *bytes = WORKSPACE(*params);
    });
  }

  static trimtab_status check(const Params* params, const trimtab_launch* launch,
                              trimtab_error* error) {
    return answer(OPERATION, error, [&] {
      Checks checks;
      check_without_driver(checks, params, launch);
      require_device(launch->device);
      Current current(launch->device);
      require_stream(launch->stream, launch->device);
      for (const Buffer& buffer : checks) {
        require_place(buffer, launch->device);
      }
    });
  }

  static trimtab_status run(const Params* params, const trimtab_launch* launch,
                            trimtab_error* error) {
    return answer(OPERATION, error, [&] {
      Checks checks;
      check_without_driver(checks, params, launch);
      require_device(launch->device);
      Current current(launch->device);
      require_launched(launch->device, LAUNCH(*params, static_cast<cudaStream_t>(launch->stream)));
    });
  }

 private:
  static void check_without_driver(Checks& checks, const Params* params,
                                   const trimtab_launch* launch) {
    require_params(params);
    require_struct(launch, &trimtab_launch::struct_size, "launch");
    const trimtab_common& common = params->common;
    checks.memory("status", common.status, sizeof(trimtab_status_word),
                  alignof(trimtab_status_word), Use::WRITTEN);
    trimtab::check(checks, *params);
    uint64_t needed = WORKSPACE(*params);
    if (common.workspace_bytes < needed) {
      refuse(TRIMTAB_SMALL_WORKSPACE, "workspace_bytes: %lu, expected at least %lu",
             common.workspace_bytes, needed);
    }
    checks.memory("workspace", common.workspace, needed, TRIMTAB_ALIGNMENT, Use::WRITTEN);
    checks.apart();
  }
};

}  // namespace

}  // namespace trimtab

using namespace trimtab;

#define TRIMTAB_X(NAME, name)                                                                    \
  using NAME##_CALLS =                                                                           \
      Calls<TRIMTAB_OPERATION_##NAME, trimtab_##name##_params, workspace_##name, launch_##name>; \
  trimtab_status trimtab_##name##_workspace(const trimtab_##name##_params* params,               \
                                            uint64_t* bytes, trimtab_error* error) {             \
    return NAME##_CALLS::workspace(params, bytes, error);                                        \
  }                                                                                              \
  trimtab_status trimtab_##name##_check(const trimtab_##name##_params* params,                   \
                                        const trimtab_launch* launch, trimtab_error* error) {    \
    return NAME##_CALLS::check(params, launch, error);                                           \
  }                                                                                              \
  trimtab_status trimtab_##name(const trimtab_##name##_params* params,                           \
                                const trimtab_launch* launch, trimtab_error* error) {            \
    return NAME##_CALLS::run(params, launch, error);                                             \
  }
TRIMTAB_OPERATIONS(TRIMTAB_X)
#undef TRIMTAB_X

trimtab_status trimtab_noop(const trimtab_launch* launch, trimtab_error* error) {
  return answer(TRIMTAB_OPERATION_NONE, error, [&] {
    require_struct(launch, &trimtab_launch::struct_size, "launch");
    require_device(launch->device);
    Current current(launch->device);
    require_launched(launch->device, launch_noop(static_cast<cudaStream_t>(launch->stream)));
  });
}
