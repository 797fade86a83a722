#include "operation.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "driver.h"

namespace bench {

namespace {

void* library;
Memory* kept;  // of the whole run
trimtab_status_word* word;

template <typename Function>
Function* find(const std::string& name) {
  auto* function = reinterpret_cast<Function*>(dlsym(library, name.c_str()));
  if (function == nullptr) {
    fprintf(stderr, "gpu-benchmark: the library has no %s\n", name.c_str());
    exit(3);
  }
  return function;
}

}  // namespace

#define TRIMTAB_X(NAME, name)                                                      \
  template <>                                                                      \
  const Functions<trimtab_##name##_params>& functions() {                          \
    static const Functions<trimtab_##name##_params> found = {                      \
        find<decltype(trimtab_##name##_workspace)>("trimtab_" #name "_workspace"), \
        find<decltype(trimtab_##name##_check)>("trimtab_" #name "_check"),         \
        find<decltype(trimtab_##name)>("trimtab_" #name)};                         \
    return found;                                                                  \
  }
TRIMTAB_OPERATIONS(TRIMTAB_X)
#undef TRIMTAB_X

void load_library(const char* path) {
  library = dlopen(path, RTLD_NOW);
  if (library == nullptr) {
    fprintf(stderr, "gpu-benchmark: no library: %s\n", dlerror());
    exit(3);
  }
  int abi = find<decltype(trimtab_abi_version)>("trimtab_abi_version")();
  if (abi != TRIMTAB_ABI) {
    fprintf(stderr, "gpu-benchmark: ABI %d of %s, expected %d\n", abi, path, TRIMTAB_ABI);
    exit(3);
  }
  kept = new Memory();
  word = static_cast<trimtab_status_word*>(kept->zeroed(sizeof *word));
}

const char* library_build() { return find<decltype(trimtab_build)>("trimtab_build")(); }

trimtab_device device() {
  trimtab_device info{};
  info.struct_size = sizeof info;
  trimtab_error error{};
  error.struct_size = sizeof error;
  trimtab_status status =
      find<decltype(trimtab_device_info)>("trimtab_device_info")(0, &info, &error);
  if (status != TRIMTAB_SUCCESS) {
    fprintf(stderr, "gpu-benchmark: %s\n", error.text);
    exit(3);
  }
  return info;
}

void check(trimtab_status status, const trimtab_error& error) {
  if (status != TRIMTAB_SUCCESS) {
    fprintf(stderr, "gpu-benchmark: %s\n", error.text);
    exit(1);
  }
}

trimtab_status_word* status_word() { return word; }

void check_status_word() {
  trimtab_status_word noted{};
  check(driver().cuMemcpyDtoHAsync_v2(&noted, reinterpret_cast<Address>(word), sizeof noted,
                                      stream()),
        "reading the status word");
  synchronize();
  if (noted.operation != 0) {
    fprintf(stderr,
            "gpu-benchmark: operation %u met a bad value %lld at place %lld of argument %u\n",
            noted.operation, static_cast<long long>(noted.value),
            static_cast<long long>(noted.index), noted.argument);
    exit(1);
  }
}

trimtab_launch on_stream() {
  trimtab_launch launch{};
  launch.struct_size = sizeof launch;
  launch.stream = stream();
  return launch;
}

Launch no_operation() {
  auto* function = find<decltype(trimtab_noop)>("trimtab_noop");
  trimtab_launch launch = on_stream();
  return [function, launch] {
    trimtab_error error{};
    error.struct_size = sizeof error;
    check(function(&launch, &error), error);
  };
}

}  // namespace bench
