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

std::vector<trimtab_attend_params> attends(Memory& memory, const Shape& shape, int sets) {
  std::vector<trimtab_attend_params> all;
  for (int set = 0; set < sets; set++) all.push_back(attend(memory, shape, TRIMTAB_BF16));
  return all;
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

/** Ends the program unless two results differ by no more than rounding to BF16 explains. */
void check_near(const std::string& name, const trimtab_tensor& ours, const trimtab_tensor& theirs) {
  std::vector<float> a = values(ours), b = values(theirs);
  double difference = 0, length = 0;
  for (size_t i = 0; i < a.size(); i++) {
    difference += std::pow(a[i] - b[i], 2);
    length += std::pow(a[i], 2);
  }
  double share = std::sqrt(difference / length);
  if (share <= 0.01) return;
  fprintf(stderr, "gpu-benchmark: %s differs by %.2g of the result's length, expected 0.01\n",
          name.c_str(), share);
  exit(1);
}

/** cuDNN on the data of some operations, whose tokens are all new; false where it is absent. */
bool add_cudnn(const Bench& bench, Memory& memory, Rounds& rounds, double work,
               const std::vector<trimtab_attend_params>& ours) {
  std::vector<Cudnn::Attention> sets;
  for (const trimtab_attend_params& params : ours) {
    const int64_t* size = params.q.size;
    sets.push_back(
        {params.q, params.fresh, memory.zeros(TRIMTAB_BF16, {size[0], size[1], size[2], size[3]})});
  }
  std::vector<Launch> launches = bench.cudnn.attention(memory, sets, ours[0].scale);
  if (launches.empty()) return false;
  rounds.add(bench.cudnn.name(), work, launches);
  operation(memory, ours[0])();
  check_near(bench.cudnn.name(), ours[0].out, sets[0].out);
  return true;
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
  std::vector<trimtab_attend_params> all_new = attends(memory, contiguous, sets);
  rounds.add("contiguous", flops,
             copies(sets, [&](int set) { return operation(memory, all_new[set]); }));
  bool beside_cudnn = add_cudnn(bench, memory, rounds, flops, all_new);
  rounds.run();
  std::string past = ", " + std::to_string(shape.past) + " in pages";
  bench.results.speed("attend", name(shape) + past, rounds, "paged", "");
  bench.results.speed("attend", name(shape) + past + ", against contiguous", rounds, "paged",
                      "contiguous");
  if (beside_cudnn) {
    bench.results.speed("attend", name(shape) + past + ", against cuDNN", rounds, "paged",
                        bench.cudnn.name());
  }
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
  Shape contiguous{1, heads, kv_heads, 128, 1, 0, keys};
  bool beside_cudnn = add_cudnn(bench, memory, rounds, bytes, attends(memory, contiguous, sets));
  bench.ceilings.add_read(rounds);
  rounds.run();
  std::string read = rounds.best(Ceilings::reads());
  bench.results.speed("attend", name(one) + ", BF16 pages", rounds, "one", read);
  if (beside_cudnn) {
    bench.results.speed("attend", name(one) + ", BF16 pages, against cuDNN", rounds, "one",
                        bench.cudnn.name());
  }
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
