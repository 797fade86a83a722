#include "refusal.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace trimtab {

namespace {

[[noreturn]] void raise(trimtab_status status, int32_t cuda, const char* format,
                        va_list arguments) {
  Refusal refusal{status, cuda, {}};
  vsnprintf(refusal.text, sizeof refusal.text, format, arguments);
  throw refusal;
}

}  // namespace

void refuse(trimtab_status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  raise(status, 0, format, arguments);
}

void refuse_cuda(trimtab_status status, int32_t cuda, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  raise(status, cuda, format, arguments);
}

void fill(trimtab_error* error, uint32_t operation, const Refusal& refusal) {
  if (error == nullptr) {
    return;
  }
  error->status = refusal.status;
  error->operation = operation;
  error->cuda = refusal.cuda;
  const char* name = trimtab_operation_name(operation);
  if (name == nullptr) {
    snprintf(error->text, sizeof error->text, "%s", refusal.text);
  } else {
    snprintf(error->text, sizeof error->text, "%s: %.900s", name, refusal.text);
  }
}

}  // namespace trimtab
