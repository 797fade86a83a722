#include <algorithm>
#include <cmath>

#include "cases.h"
#include "common/page_layout.h"

namespace bench {

namespace {

// Infinity-2B: two rows for guidance.
constexpr int ROWS = 2, HEADS = 16, HEAD_DIM = 128, WINDOW = 16, LAYERS = 32;
constexpr double VECTOR_BYTES = 2.0 * HEAD_DIM;  // BF16

std::string heads() { return std::to_string(HEADS) + " heads x " + std::to_string(HEAD_DIM); }

void append(const Bench& bench, int32_t dtype) {
  int tokens = size(4096, 20);
  double read = 2.0 * ROWS * HEADS * tokens * VECTOR_BYTES;
  double written = 2.0 * ROWS * HEADS * tokens *
                   (trimtab::bits(dtype) / 8 * HEAD_DIM + (trimtab::is_quantized(dtype) ? 2 : 0));
  Memory memory;
  Rounds rounds;
  // Each launch of a graph has lists of its own, over pages that others fill too: so lengths, side
  // by side, are emptied once a replay.
  int sets = bench.sets_for(read), launches = std::max(sets, Rounds::least_nodes());
  trimtab_tensor lengths = memory.zeros(TRIMTAB_I32, {launches, ROWS, 1});
  std::vector<trimtab_append_params> data(sets);
  for (trimtab_append_params& params : data) {
    params.fresh = memory.tokens(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, tokens);
    params.target = memory.empty_pages(dtype, ROWS, HEADS, HEAD_DIM, tokens);
  }
  rounds.add("append", read + written, copies(launches, [&](int launch) {
               trimtab_append_params params = data[launch % sets];
               params.target.lengths.data = static_cast<int32_t*>(lengths.data) + launch * ROWS;
               Launch append = operation(memory, params);
               if (launch > 0) return append;
               return Launch([append, lengths] {
                 check(driver().cuMemsetD8Async(reinterpret_cast<Address>(lengths.data), 0,
                                                lengths.bytes, stream()),
                       "emptying lists");
                 append();
               });
             }));
  bench.ceilings.add_copy(rounds);
  rounds.run();
  bench.results.speed(
      "append",
      std::to_string(tokens) + " tokens of BF16 to " + format_name(dtype) + ", 2 rows, " + heads(),
      rounds, "append", rounds.best(Ceilings::copies()));
  if (dtype == TRIMTAB_BF16) {
    for (const std::string& form : Ceilings::copies()) {
      if (rounds.has(form)) bench.results.ceiling(form, rounds);
    }
  }
}

void compact(const Bench& bench) {
  int rows = size(LAYERS * ROWS, 2), tokens = size(2954, 40), kept = size(650, 10);
  double bytes = 2 * 2.0 * rows * HEADS * kept * VECTOR_BYTES;
  Memory memory;
  std::vector<int32_t> chosen;
  for (int list = 0; list < rows * HEADS; list++) {
    std::vector<int32_t> one = some_of(kept, tokens, list);
    chosen.insert(chosen.end(), one.begin(), one.end());
  }
  trimtab_compact_params params{};
  params.history = memory.pages(TRIMTAB_BF16, rows, HEADS, HEAD_DIM, tokens);
  params.indices = memory.integers(chosen, {rows, HEADS, kept});
  params.target = memory.empty_pages(TRIMTAB_BF16, rows, HEADS, HEAD_DIM, kept);
  Rounds rounds;
  rounds.add("compact", bytes, {operation(memory, params)});
  bench.ceilings.add_copy(rounds);
  rounds.run();
  bench.results.speed("compact",
                      std::to_string(kept) + " of " + std::to_string(tokens) + " tokens, " +
                          std::to_string(rows) + " rows, " + heads() + ", one launch",
                      rounds, "compact", rounds.best(Ceilings::copies()));
}

trimtab_scoring scoring(Memory& memory, int mode, int tokens) {
  trimtab_scoring scoring{};
  scoring.q = memory.random(TRIMTAB_BF16, {ROWS, HEADS, WINDOW, HEAD_DIM});
  std::vector<int32_t> window;
  for (int row = 0; row < ROWS; row++) {
    std::vector<int32_t> one = some_of(WINDOW, tokens, 7);
    window.insert(window.end(), one.begin(), one.end());
  }
  scoring.window = memory.integers(window, {ROWS, WINDOW});
  scoring.scores = memory.zeros(TRIMTAB_F32, {ROWS, HEADS, tokens});
  scoring.mode = mode;
  scoring.pooling = mode == TRIMTAB_MODE_RAW ? TRIMTAB_POOLING_MAX : TRIMTAB_POOLING_AVG;
  scoring.pool_width = 5;
  scoring.scale = 1 / std::sqrt(static_cast<float>(HEAD_DIM));
  return scoring;
}

void score(const Bench& bench, int mode, const char* name) {
  int tokens = size(10521, 70);
  double bytes = 1.0 * ROWS * HEADS * tokens * VECTOR_BYTES;
  Memory memory;
  Rounds rounds;
  rounds.add("score", bytes, copies(bench.sets_for(bytes), [&](int) {
               trimtab_score_params params{};
               params.scoring = scoring(memory, mode, tokens);
               params.scoring.history = memory.pages(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, tokens);
               return operation(memory, params);
             }));
  bench.ceilings.add_read(rounds);
  rounds.run();
  bench.results.speed(name,
                      std::to_string(WINDOW) + " queries, " + std::to_string(tokens) + " keys x " +
                          std::to_string(ROWS * HEADS) + " lists x " + std::to_string(HEAD_DIM) +
                          ", BF16",
                      rounds, "score", rounds.best(Ceilings::reads()));
  if (mode == TRIMTAB_MODE_RAW) {
    for (const std::string& form : Ceilings::reads()) {
      if (rounds.has(form)) bench.results.ceiling(form, rounds);
    }
  }
}

/** Scores as they are after scoring: in the L2 cache. */
void select(const Bench& bench) {
  int tokens = size(2954, 100), kept = size(634, 20);
  Memory memory;
  trimtab_select_params params{};
  params.scores = memory.random(TRIMTAB_F32, {ROWS, HEADS, tokens});
  params.capacity = memory.integers(std::vector<int32_t>(ROWS, kept), {ROWS, 1});
  params.indices = memory.zeros(TRIMTAB_I32, {ROWS, HEADS, kept});
  Rounds rounds;
  rounds.add("select", 1, {operation(memory, params)});
  rounds.run();
  bench.results.speed("select",
                      std::to_string(kept) + " of " + std::to_string(tokens) + ", " +
                          std::to_string(ROWS * HEADS) + " rows, warm",
                      rounds, "select", "");
}

/** One layer after scale 12: what stayed before, and the scale's own tokens. */
void evict(const Bench& bench) {
  int past = size(650, 30), fresh = size(2304, 50), kept = past, tokens = past + fresh;
  double bytes = ROWS * HEADS * VECTOR_BYTES * (tokens + 4.0 * kept);
  Memory memory;
  Rounds rounds;
  rounds.add("evict", bytes, copies(bench.sets_for(bytes), [&](int) {
               trimtab_evict_params params{};
               params.scoring = scoring(memory, TRIMTAB_MODE_RAW, tokens);
               params.scoring.history = memory.pages(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, past);
               params.scoring.fresh = memory.tokens(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, fresh);
               params.capacity = memory.integers(std::vector<int32_t>(ROWS, kept), {ROWS, 1});
               params.indices = memory.zeros(TRIMTAB_I32, {ROWS, HEADS, kept});
               params.target = memory.empty_pages(TRIMTAB_BF16, ROWS, HEADS, HEAD_DIM, kept);
               return operation(memory, params);
             }));
  bench.ceilings.add_copy(rounds);
  rounds.run();
  bench.results.speed("evict",
                      std::to_string(tokens) + " to " + std::to_string(kept) +
                          " tokens, one layer, 2 rows, " + heads() + ", BF16",
                      rounds, "evict", rounds.best(Ceilings::copies()));
}

}  // namespace

std::string format_name(int32_t dtype) {
  switch (dtype) {
    case TRIMTAB_F32:
      return "F32";
    case TRIMTAB_F16:
      return "F16";
    case TRIMTAB_BF16:
      return "BF16";
    case TRIMTAB_FP8_E4M3:
      return "FP8_E4M3";
    case TRIMTAB_INT8:
      return "INT8";
    default:
      return "INT4";
  }
}

void cache_cases(const Bench& bench) {
  append(bench, TRIMTAB_BF16);
  append(bench, TRIMTAB_FP8_E4M3);
  compact(bench);
  score(bench, TRIMTAB_MODE_RAW, "score, raw");
  score(bench, TRIMTAB_MODE_SOFTMAX, "score, softmax");
  select(bench);
  evict(bench);
}

}  // namespace bench
