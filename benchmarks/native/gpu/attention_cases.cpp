#include <cmath>

#include "cases.h"

namespace bench {

namespace {

struct Shape {
  int rows, heads, kv_heads, head_dim, queries, past, fresh;
};

/** Queries over pages, unless there are none, and new tokens, unless there are none. */
trimtab_attend_params attend(Memory& memory, const Shape& shape, int32_t dtype) {
  trimtab_attend_params params{};
  params.q = memory.random(TRIMTAB_BF16, {shape.rows, shape.heads, shape.queries, shape.head_dim});
  if (shape.past > 0)
    params.history = memory.pages(dtype, shape.rows, shape.kv_heads, shape.head_dim, shape.past);
  if (shape.fresh > 0) {
    params.fresh =
        memory.tokens(TRIMTAB_BF16, shape.rows, shape.kv_heads, shape.head_dim, shape.fresh);
  }
  params.out = memory.zeros(TRIMTAB_F32, {shape.rows, shape.heads, shape.queries, shape.head_dim});
  params.scale = 1 / std::sqrt(static_cast<float>(shape.head_dim));
  return params;
}

std::string name(const Shape& s) {
  return std::to_string(s.queries) + (s.queries == 1 ? " query x " : " queries x ") +
         std::to_string(s.past + s.fresh) + " keys, " + std::to_string(s.heads) +
         (s.heads == s.kv_heads
              ? " heads"
              : " heads over " + std::to_string(s.kv_heads) + " key/value heads") +
         " x " + std::to_string(s.head_dim) + ", " + std::to_string(s.rows) +
         (s.rows == 1 ? " row" : " rows");
}

double key_value_bytes(const Shape& s) {
  return 2.0 * s.rows * s.kv_heads * (s.past + s.fresh) * s.head_dim * 2;
}

/** A map of an image; the same keys and values lie in pages as far as they are past, and
 * contiguous. */
void map(const Bench& bench, const Shape& shape) {
  double flops =
      4.0 * shape.rows * shape.heads * shape.queries * (shape.past + shape.fresh) * shape.head_dim;
  Shape contiguous = shape;
  contiguous.fresh += contiguous.past;
  contiguous.past = 0;
  Memory memory;
  Rounds rounds;
  int sets = bench.sets_for(key_value_bytes(shape));
  rounds.add("paged", flops, copies(sets, [&](int) {
               return operation(memory, attend(memory, shape, TRIMTAB_BF16));
             }));
  rounds.add("contiguous", flops, copies(sets, [&](int) {
               return operation(memory, attend(memory, contiguous, TRIMTAB_BF16));
             }));
  rounds.run();
  std::string past = ", " + std::to_string(shape.past) + " in pages";
  bench.results.speed("attend", name(shape) + past, rounds, "paged", "");
  bench.results.speed("attend", name(shape) + past + ", against contiguous", rounds, "paged",
                      "contiguous");
}

/** One token of a language model over a long history, and a tree of drafts. */
void decode(const Bench& bench, int keys) {
  int heads = size(32, 4), kv_heads = size(8, 2), nodes = size(64, 8);
  Shape one{1, heads, kv_heads, 128, 1, keys, 0};
  Shape tree{1, heads, kv_heads, 128, nodes, keys, nodes};
  double bytes = key_value_bytes(one);
  int sets = bench.sets_for(bytes);
  Memory memory;
  std::vector<int32_t> parents(tree.queries);
  for (int node = 0; node < tree.queries; node++) parents[node] = node == 0 ? -1 : (node - 1) / 2;
  trimtab_tensor parent = memory.integers(parents, {1, tree.queries});
  Rounds rounds;
  rounds.add("one", bytes, copies(sets, [&](int) {
               return operation(memory, attend(memory, one, TRIMTAB_BF16));
             }));
  rounds.add("tree", bytes, copies(sets, [&](int) {
               trimtab_attend_params params = attend(memory, tree, TRIMTAB_BF16);
               params.mask = TRIMTAB_MASK_TREE;
               params.parents = parent;
               return operation(memory, params);
             }));
  double scales = 2.0 * 2 * one.kv_heads * keys;
  rounds.add("FP8", bytes / 2 + scales, copies(sets, [&](int) {
               return operation(memory, attend(memory, one, TRIMTAB_FP8_E4M3));
             }));
  bench.ceilings.add_read(rounds);
  rounds.run();
  std::string read = rounds.best(Ceilings::reads());
  bench.results.speed("attend", name(one) + ", BF16 pages", rounds, "one", read);
  bench.results.speed("attend", name(one) + ", FP8_E4M3 pages", rounds, "FP8", read);
  bench.results.speed("attend", name(tree) + ", a tree", rounds, "tree", "");
  bench.results.speed("attend", name(tree) + ", a tree against one query", rounds, "tree", "one");
}

}  // namespace

void attention_cases(const Bench& bench) {
  for (int past : {size(6425, 30), size(650, 10)}) {
    map(bench, {2, size(16, 2), size(16, 2), 128, size(4096, 20), past, size(4096, 20)});
  }
  map(bench,
      {size(32, 2), size(30, 2), size(30, 2), 64, size(256, 16), size(424, 20), size(256, 16)});
  decode(bench, size(32768, 80));
  decode(bench, size(8192, 40));
}

}  // namespace bench
