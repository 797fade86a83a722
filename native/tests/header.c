/* trimtab.h is C: this file is compiled as C99 with pedantic warnings as errors, and every struct
 * is free of padding. */
#include "trimtab.h"

trimtab_status call_from_c(const trimtab_select_params* params, const trimtab_launch* launch,
                           trimtab_error* error);

trimtab_status call_from_c(const trimtab_select_params* params, const trimtab_launch* launch,
                           trimtab_error* error) {
  return trimtab_select(params, launch, error);
}
