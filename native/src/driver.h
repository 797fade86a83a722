// The three functions of the driver that the runtime has no equal of, found through it: nothing
// links libcuda.
#pragma once

namespace trimtab {

struct Driver {
  int (*get_current)(void** context);
  int (*set_current)(void* context);
  int (*stream_context)(void* stream, void** context);
};

/** Refuses with NO_DEVICE where there is no driver. */
const Driver& driver();

}  // namespace trimtab
