// What the library says about itself: numbers, names, and the layout of its structs.
#include <cstddef>
#include <cstdio>

#include "trimtab.h"

namespace {

template <size_t N>
const char* text(const char* const (&texts)[N], uint32_t index) {
  return index < N ? texts[index] : nullptr;
}

constexpr const char* STATUSES[] = {
#define TRIMTAB_X(NAME, text) text,
    TRIMTAB_STATUSES(TRIMTAB_X)
#undef TRIMTAB_X
};

constexpr const char* OPERATIONS[] = {nullptr,
#define TRIMTAB_X(NAME, name) #name,
                                      TRIMTAB_OPERATIONS(TRIMTAB_X)
#undef TRIMTAB_X
};

constexpr const char* ARGUMENTS[] = {nullptr,
#define TRIMTAB_X(NAME, text) text,
                                     TRIMTAB_ARGUMENTS(TRIMTAB_X)
#undef TRIMTAB_X
};

constexpr const char* PROBLEMS[] = {nullptr,
#define TRIMTAB_X(NAME, text) text,
                                    TRIMTAB_PROBLEMS(TRIMTAB_X)
#undef TRIMTAB_X
};

}  // namespace

int32_t trimtab_abi_version(void) { return TRIMTAB_ABI; }

const char* trimtab_build(void) { return TRIMTAB_BUILD; }

const char* trimtab_status_text(trimtab_status status) {
  return text(STATUSES, static_cast<uint32_t>(status));
}

const char* trimtab_operation_name(uint32_t operation) { return text(OPERATIONS, operation); }

const char* trimtab_argument_name(uint32_t argument) { return text(ARGUMENTS, argument); }

const char* trimtab_problem_text(uint32_t problem) { return text(PROBLEMS, problem); }
