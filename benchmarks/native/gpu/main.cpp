// gpu-benchmark DRIVER LIBRARY CEILINGS COMMIT OUT.json [PART]: times the kernels on device 0
// without a JVM.
//
// DRIVER is libcuda.so.1, LIBRARY libtrimtab.so, CEILINGS the module made of ceilings.cu, beside
// which images.txt lies. With the emulation's library as both, sizes are tiny and times mean
// nothing: that shows that the program works. PART is cache, head, attention, image or host;
// without it all run. Exit codes: 0, 1 a failure, 2 wrong arguments, 3 no driver, device or
// library.

#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>

#include "cases.h"

int main(int count, char** arguments) {
  const std::map<std::string, std::function<void(const bench::Bench&)>> parts = {
      {"cache", bench::cache_cases},
      {"head", bench::head_cases},
      {"attention", bench::attention_cases},
      {"image", bench::image_case},
      {"host", bench::host_case},
  };
  std::string part = count > 6 ? arguments[6] : "";
  if (count < 6 || count > 7 || (!part.empty() && parts.find(part) == parts.end())) {
    fprintf(stderr,
            "usage: gpu-benchmark DRIVER LIBRARY CEILINGS COMMIT OUT.json "
            "[cache|head|attention|image|host]\n");
    return 2;
  }
  bench::load_driver(arguments[1]);
  bench::load_library(arguments[2]);
  trimtab_device gpu = bench::device();
  bench::Results results;
  bench::Memory memory;
  bench::Cublas cublas(memory, results);
  bench::Cudnn cudnn(results);
  bench::Ceilings ceilings(arguments[3], gpu.processors);
  bench::Bench bench{
      results, ceilings,     cublas,
      cudnn,   gpu.l2_bytes, std::filesystem::path(arguments[3]).replace_filename("images.txt")};
  for (const auto& [name, run] : parts) {
    if (part.empty() || part == name) run(bench);
  }
  results.write(arguments[5], arguments[4]);
  return 0;
}
