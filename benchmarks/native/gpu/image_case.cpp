#include <cmath>

#include "cases.h"

namespace bench {

namespace {

// Infinity-2B at 1024 x 1024: tokens of each scale; two rows for guidance.
constexpr int ROWS = 2, HEADS = 16, HEAD_DIM = 128, WINDOW = 16;

std::vector<int> scales() {
  if (emulated()) return {1, 4, 9, 16, 25};
  return {1, 4, 16, 36, 64, 144, 256, 400, 576, 1024, 1600, 2304, 4096};
}

/**
 * Attention and cache of one layer over all scales. `kept` tokens stay after a scale that leaves
 * more; 0: all. The last scale is attended and never stored.
 */
Launch layer(Memory& memory, int kept) {
  std::vector<Launch> launches;
  std::vector<int> tokens = scales();
  float scale = 1 / std::sqrt(static_cast<float>(HEAD_DIM));
  int past = 0;
  for (size_t i = 0; i < tokens.size(); i++) {
    int fresh = tokens[i];
    trimtab_attend_params attend{};
    attend.q = memory.random(TRIMTAB_BF16, {ROWS, HEADS, fresh, HEAD_DIM});
    if (past > 0) attend.history = memory.pages(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, past);
    attend.fresh = memory.tokens(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, fresh);
    attend.out = memory.zeros(TRIMTAB_F32, {ROWS, HEADS, fresh, HEAD_DIM});
    attend.scale = scale;
    launches.push_back(operation(memory, attend));
    if (i + 1 == tokens.size()) break;
    if (kept > 0 && past + fresh > kept) {
      trimtab_evict_params evict{};
      evict.scoring.q = memory.random(TRIMTAB_BF16, {ROWS, HEADS, WINDOW, HEAD_DIM});
      evict.scoring.history = attend.history;
      evict.scoring.fresh = attend.fresh;
      evict.scoring.scores = memory.zeros(TRIMTAB_F32, {ROWS, HEADS, past + fresh});
      evict.scoring.pooling = TRIMTAB_POOLING_MAX;
      evict.scoring.pool_width = 5;
      evict.scoring.scale = scale;
      evict.capacity = memory.integers(std::vector<int32_t>(ROWS, kept), {ROWS, 1});
      evict.indices = memory.zeros(TRIMTAB_I32, {ROWS, HEADS, kept});
      evict.target = memory.empty_pages(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, kept);
      launches.push_back(operation(memory, evict));
      past = kept;
    } else {
      trimtab_append_params append{};
      append.fresh = attend.fresh;
      append.target = memory.empty_pages(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, fresh);
      trimtab_tensor lengths = append.target.lengths;
      Launch enqueue = operation(memory, append);
      launches.push_back([enqueue, lengths] {
        check(driver().cuMemsetD8Async(reinterpret_cast<Address>(lengths.data), 0, lengths.bytes,
                                       stream()),
              "emptying lists");
        enqueue();
      });
      past += fresh;
    }
  }
  return [launches] {
    for (const Launch& launch : launches) launch();
  };
}

}  // namespace

void image_case(const Bench& bench) {
  int kept = size(650, 20);
  Memory memory;
  Rounds rounds;
  rounds.add("kept", 1, {layer(memory, kept)});
  rounds.add("the full cache", 1, {layer(memory, 0)});
  rounds.run();
  std::string shape =
      "all " + std::to_string(scales().size()) + " scales of one layer of Infinity-2B, 2 rows, ";
  bench.results.speed("image", shape + "full cache", rounds, "the full cache", "");
  bench.results.speed("image", shape + std::to_string(kept) + " tokens kept", rounds, "kept",
                      "the full cache");
}

}  // namespace bench
