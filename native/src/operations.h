// The checks of every operation, and what they and the launchers share.
#pragma once

#include "checks.h"
#include "trimtab.h"

namespace trimtab {

/** Checks all that does not depend on buffers' contents, on the device or on the workspace. */
#define TRIMTAB_X(NAME, name) void check(Checks& checks, const trimtab_##name##_params& params);
TRIMTAB_OPERATIONS(TRIMTAB_X)
#undef TRIMTAB_X

}  // namespace trimtab
