#include <chrono>

#include "cases.h"

namespace bench {

namespace {

/** Nanoseconds a call, over batches that the device's queue takes without waiting. */
Spread nanoseconds(const Launch& launch) {
  int batches = size(50, 2), calls = size(500, 5);
  std::vector<double> times;
  for (int batch = -batches / 5; batch < batches; batch++) {
    auto start = std::chrono::steady_clock::now();
    for (int call = 0; call < calls; call++) launch();
    std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    synchronize();
    if (batch >= 0) times.push_back(time.count() / calls);
  }
  return spread_of(times);
}

}  // namespace

void host_case(const Bench& bench) {
  bench.results.call("launch", "no-op, from C++", nanoseconds(no_operation()));
  // The same as GpuHost launches from Java.
  constexpr int TOKENS = 32, KEPT = 16;
  Memory memory;
  trimtab_select_params params{};
  params.scores = memory.random(TRIMTAB_F32, {1, 1, TOKENS});
  params.capacity = memory.integers({KEPT}, {1, 1});
  params.indices = memory.zeros(TRIMTAB_I32, {1, 1, KEPT});
  bench.results.call("launch", "select 16 of 32, from C++", nanoseconds(operation(memory, params)));
  // Of no rows nothing is launched: what is left is the call.
  params.scores.size[0] = params.capacity.size[0] = params.indices.size[0] = 0;
  bench.results.call("launch", "select of no rows, from C++",
                     nanoseconds(operation(memory, params)));
}

}  // namespace bench
