#include "cases.h"

namespace bench {

namespace {

constexpr int TOP = 10;
const char* const CUBLAS = "cuBLAS on packed BF16 rows, product only";

int vocabulary() { return size(128256, 200); }
int columns() { return size(4096, 256); }

double row_bytes(int32_t format) {
  double bits = format == TRIMTAB_BF16 || format == TRIMTAB_F16 ? 16
                : format == TRIMTAB_INT4                        ? 4
                                                                : 8;
  double scales = format == TRIMTAB_INT8 || format == TRIMTAB_INT4 ? 2.0 * columns() / 128
                  : format == TRIMTAB_FP8_E4M3                     ? 2
                                                                   : 0;
  return columns() * bits / 8 + scales;
}

trimtab_head_params results(Memory& memory, const trimtab_tensor& hidden) {
  int64_t vectors = hidden.size[0];
  trimtab_head_params params{};
  params.hidden = hidden;
  params.ids = memory.zeros(TRIMTAB_I32, {vectors, TOP});
  params.values = memory.zeros(TRIMTAB_F32, {vectors, TOP});
  params.log_sum_exp = memory.zeros(TRIMTAB_F32, {vectors});
  return params;
}

/** The ten highest logits and log-sum-exp over some rows, gathered from the whole matrix or packed.
 */
void head(const Bench& bench, int32_t format, int rows, int vectors) {
  double bytes = rows * row_bytes(format);
  // A gathered set reads other rows of the one matrix.
  int sets = std::max(2, std::min(vocabulary() / rows, bench.sets_for(bytes)));
  Memory memory;
  trimtab_tensor hidden = memory.random(TRIMTAB_BF16, {vectors, columns()});
  trimtab_weights whole = memory.weights(format, vocabulary(), columns());
  std::vector<int32_t> ids = some_of(rows, vocabulary(), 1);
  Rounds rounds;
  rounds.add("gathered", bytes, copies(sets, [&](int set) {
               trimtab_head_params params = results(memory, hidden);
               params.rows.weight = whole;
               params.rows.ids = memory.integers(some_of(rows, vocabulary(), set), {rows});
               params.rows.vocabulary = vocabulary();
               return operation(memory, params);
             }));
  std::vector<trimtab_weights> packed;
  for (int set = 0; set < sets; set++) packed.push_back(memory.weights(format, rows, columns()));
  rounds.add("packed", bytes, copies(sets, [&](int set) {
               trimtab_head_params params = results(memory, hidden);
               params.rows.weight = packed[set];
               params.rows.ids = memory.integers(ids, {rows});
               params.rows.packed = 1;
               params.rows.vocabulary = vocabulary();
               return operation(memory, params);
             }));
  bench.ceilings.add_read(rounds);
  if (bench.cublas && format == TRIMTAB_BF16) {
    trimtab_tensor logits = memory.zeros(TRIMTAB_BF16, {vectors, rows});
    rounds.add(CUBLAS, bytes, copies(sets, [&](int set) {
                 return bench.cublas.product(hidden, packed[set].codes, logits);
               }));
  }
  rounds.run();

  std::string shape = format_name(format) + ", " + std::to_string(rows) + " rows x " +
                      std::to_string(columns()) + ", " + std::to_string(vectors) +
                      (vectors == 1 ? " vector" : " vectors") + ", top 10, log-sum-exp, ";
  std::string read = rounds.best(Ceilings::reads());
  bench.results.speed("head", shape + "gathered", rounds, "gathered", read);
  bench.results.speed("head", shape + "packed", rounds, "packed", read);
  bench.results.speed("head", shape + "gathered against packed", rounds, "gathered", "packed");
  if (rounds.has(CUBLAS))
    bench.results.speed("head", shape + "gathered against cuBLAS", rounds, "gathered", CUBLAS);
}

}  // namespace

void head_cases(const Bench& bench) {
  int many = size(32768, 64), few = size(8192, 32);
  for (int vectors : {1, 8}) {
    head(bench, TRIMTAB_BF16, many, vectors);
    head(bench, TRIMTAB_BF16, few, vectors);
    head(bench, TRIMTAB_INT8, many, vectors);
  }
  head(bench, TRIMTAB_FP8_E4M3, many, 1);
  head(bench, TRIMTAB_INT4, many, 1);
  head(bench, TRIMTAB_BF16, many, 64);
  head(bench, TRIMTAB_BF16, few, 64);
}

}  // namespace bench
