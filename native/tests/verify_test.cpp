// Verification against the definition in plain C++, and its bad input.
#include "verify/verify.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

#include "device_memory.h"
#include "random.h"

namespace trimtab::test {
namespace {

using Row = std::vector<float>;

/** A verification's inputs. */
struct Inputs {
  int32_t method;
  int rows;
  int drafted;
  int vocabulary;
  std::vector<Row> target; /* rows x outcomes */
  std::vector<Row> draft;
  std::vector<int32_t> ids;
  std::vector<int32_t> tokens;
  std::vector<int32_t> parents;
  std::vector<float> accept_u;
  std::vector<float> sample_u;

  bool siblings() const { return method == TRIMTAB_VERIFY_MULTI_ROUND; }
  bool sampled() const { return siblings() || method == TRIMTAB_VERIFY_CHAIN; }
  int outcomes() const { return siblings() ? 1 : drafted + 1; }
};

struct Outputs {
  std::vector<int32_t> emitted;
  std::vector<int32_t> accepted;
  trimtab_status_word status;
};

std::vector<float> flat(const std::vector<Row>& rows) {
  std::vector<float> all;
  for (const Row& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

Outputs run(const Inputs& in) {
  OnDevice<float> target(flat(in.target));
  OnDevice<float> draft(flat(in.draft));
  OnDevice<int32_t> ids(in.ids);
  OnDevice<int32_t> tokens(in.tokens);
  OnDevice<int32_t> parents(in.parents);
  OnDevice<float> accept_u(in.accept_u);
  OnDevice<float> sample_u(in.sample_u);
  OnDevice<int32_t> emitted(static_cast<size_t>(in.rows) * in.outcomes(), -7);
  OnDevice<int32_t> accepted(in.rows, -7);
  OnDevice<trimtab_status_word> status(1, trimtab_status_word{});
  auto kept = static_cast<int64_t>(in.ids.size());
  trimtab_verify_params p{};
  p.common.status = status.data();
  p.method = in.method;
  p.tokens = tokens.tensor(TRIMTAB_I32, {in.rows, in.drafted});
  if (in.siblings()) {
    p.target = target.tensor(TRIMTAB_F32, {in.rows, in.vocabulary});
    p.draft = draft.tensor(TRIMTAB_F32, {in.rows, kept});
  } else {
    p.target = target.tensor(TRIMTAB_F32, {in.rows, in.drafted + 1, in.vocabulary});
    if (in.sampled()) p.draft = draft.tensor(TRIMTAB_F32, {in.rows, in.drafted, kept});
  }
  if (in.sampled()) {
    p.ids = ids.tensor(TRIMTAB_I32, {kept});
    p.accept_u = accept_u.tensor(TRIMTAB_F32, {in.rows, in.drafted});
    p.sample_u = sample_u.tensor(TRIMTAB_F32, {in.rows});
  } else if (in.method == TRIMTAB_VERIFY_TREE) {
    p.parents = parents.tensor(TRIMTAB_I32, {in.rows, in.drafted});
    p.sample_u = sample_u.tensor(TRIMTAB_F32, {in.rows, in.drafted + 1});
  }
  p.emitted = emitted.tensor(TRIMTAB_I32, {in.rows, in.outcomes()});
  p.accepted = accepted.tensor(TRIMTAB_I32, {in.rows});
  Workspace workspace(workspace_verify(p));
  workspace.give(p.common);
  EXPECT_EQ(launch_verify(p, nullptr), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  workspace.expect_clean();
  return {emitted.values(), accepted.values(), status.values()[0]};
}

/** Sum of a chunk as 32 lanes and their tree. */
float chunk_sum(const Row& masses, size_t first) {
  float lanes[32];
  size_t end = std::min(first + 256, masses.size());
  for (size_t j = 0; j < 32; j++) {
    lanes[j] = 0;
    for (size_t i = first + j; i < end; i += 32) lanes[j] += masses[i];
  }
  for (int o = 16; o > 0; o /= 2) {
    for (int j = 0; j < o; j++) lanes[j] += lanes[j + o];
  }
  return lanes[0];
}

float sum(const Row& masses) {
  float total = 0;
  for (size_t first = 0; first < masses.size(); first += 256) total += chunk_sum(masses, first);
  return total;
}

int32_t draw(const Row& masses, float u) {
  float threshold = u * sum(masses);
  float before = 0;
  float starts_at = 0;
  size_t start = 0;
  for (size_t first = 0; first < masses.size() && before <= threshold; first += 256) {
    float total = chunk_sum(masses, first);
    if (total > 0) {
      start = first;
      starts_at = before;
    }
    before += total;
  }
  size_t last = start;
  for (size_t i = start; i < std::min(start + 256, masses.size()); i++) {
    if (masses[i] > 0) last = i;
    starts_at += masses[i];
    if (starts_at > threshold) break;
  }
  return static_cast<int32_t>(last);
}

Row without(Row masses, const Row& draft, const std::vector<int32_t>& ids) {
  for (size_t j = 0; j < ids.size(); j++) {
    masses[ids[j]] = std::max(masses[ids[j]] - draft[j], 0.f);
  }
  return masses;
}

size_t place_of(const Inputs& in, int32_t token) {
  return std::find(in.ids.begin(), in.ids.end(), token) - in.ids.begin();
}

/** What a batch row emits, and how many tokens of it (or which sibling) were accepted. */
std::pair<std::vector<int32_t>, int32_t> expected(const Inputs& in, int row) {
  const Row* target = in.target.data() + static_cast<size_t>(row) * in.outcomes();
  const int32_t* tokens = in.tokens.data() + static_cast<size_t>(row) * in.drafted;
  const float* accept_u = in.accept_u.data() + static_cast<size_t>(row) * in.drafted;
  std::vector<int32_t> emitted;
  switch (in.method) {
    case TRIMTAB_VERIFY_CHAIN: {
      int i = 0;
      for (; i < in.drafted; i++) {
        float q = in.draft[row * in.drafted + i][place_of(in, tokens[i])];
        if (!(static_cast<double>(accept_u[i]) * q < target[i][tokens[i]])) break;
        emitted.push_back(tokens[i]);
      }
      Row masses = target[i];
      if (i < in.drafted) {
        masses = without(masses, in.draft[row * in.drafted + i], in.ids);
        if (sum(masses) == 0) masses = target[i];
      }
      emitted.push_back(draw(masses, in.sample_u[row]));
      return {emitted, i};
    }
    case TRIMTAB_VERIFY_GREEDY: {
      for (int i = 0;; i++) {
        auto highest = static_cast<int32_t>(std::max_element(target[i].begin(), target[i].end()) -
                                            target[i].begin());
        emitted.push_back(highest);
        if (i == in.drafted || tokens[i] != highest) return {emitted, i};
      }
    }
    case TRIMTAB_VERIFY_TREE: {
      const int32_t* parents = in.parents.data() + static_cast<size_t>(row) * in.drafted;
      int node = -1;
      while (true) {
        emitted.push_back(draw(target[node + 1], in.sample_u[row * in.outcomes() + node + 1]));
        int child = node + 1;
        while (child < in.drafted && (parents[child] != node || tokens[child] != emitted.back())) {
          child++;
        }
        if (child == in.drafted) return {emitted, static_cast<int32_t>(emitted.size()) - 1};
        node = child;
      }
    }
    default: {
      Row p = *target;
      Row q = in.draft[row];
      for (int i = 0; i < in.drafted; i++) {
        size_t place = place_of(in, tokens[i]);
        if (static_cast<double>(accept_u[i]) * q[place] < p[tokens[i]]) return {{tokens[i]}, i};
        Row rest = without(p, q, in.ids);
        float left = sum(rest);
        if (left > 0) {
          for (float& mass : rest) mass /= left;
          p = rest;
        }
        q[place] = 0;
        left = sum(q);
        if (left == 0) break;
        for (float& mass : q) mass /= left;
      }
      return {{draw(p, in.sample_u[row])}, -1};
    }
  }
}

void expect_right(const Inputs& in) {
  Outputs out = run(in);
  EXPECT_EQ(out.status.operation, 0u) << "argument " << out.status.argument << ", problem "
                                      << out.status.problem << ", index " << out.status.index;
  for (int row = 0; row < in.rows; row++) {
    auto [emitted, accepted] = expected(in, row);
    EXPECT_EQ(out.accepted[row], accepted) << "row " << row;
    emitted.resize(in.outcomes(), -1);
    for (int i = 0; i < in.outcomes(); i++) {
      EXPECT_EQ(out.emitted[row * in.outcomes() + i], emitted[i]) << "row " << row << ", " << i;
    }
  }
}

/** A random distribution, peaked and with zeros. */
Row distribution(int n, Random& random) {
  Row row(n);
  double total = 0;
  for (float& p : row) {
    p = random.below(3) == 0 ? 0.f : std::pow(random.uniform(), 8.f);
    total += p;
  }
  row[random.below(n)] += 1e-3f;
  total += 1e-3;
  for (float& p : row) p = static_cast<float>(p / total);
  return row;
}

/** Different ids with a positive probability, as many as there are up to `count`. */
std::vector<int32_t> drafted_tokens(const std::vector<int32_t>& ids, const Row& draft, int count,
                                    Random& random) {
  std::vector<int32_t> tokens;
  size_t start = random.below(static_cast<int>(ids.size()));
  for (size_t j = 0; j < ids.size() && tokens.size() < static_cast<size_t>(count); j++) {
    size_t place = (start + j) % ids.size();
    if (draft[place] > 0) tokens.push_back(ids[place]);
  }
  return tokens;
}

Inputs random_inputs(int32_t method, int rows, int drafted, int vocabulary, int kept,
                     uint64_t seed) {
  Random random(seed);
  Inputs in{method, rows, drafted, vocabulary, {}, {}, {}, {}, {}, {}, {}};
  for (int i = 0; i < rows * in.outcomes(); i++) {
    in.target.push_back(distribution(vocabulary, random));
  }
  std::set<int32_t> ids;
  while (ids.size() < static_cast<size_t>(kept)) ids.insert(random.below(vocabulary));
  in.ids.assign(ids.begin(), ids.end());
  std::reverse(in.ids.begin() + kept / 2, in.ids.end());
  for (int row = 0; row < rows; row++) {
    if (in.siblings()) {
      in.draft.push_back(distribution(kept, random));
      std::vector<int32_t> tokens = drafted_tokens(in.ids, in.draft.back(), drafted, random);
      in.tokens.insert(in.tokens.end(), tokens.begin(), tokens.end());
    } else {
      for (int i = 0; i < drafted; i++) {
        const Row& target = in.target[row * in.outcomes() + i];
        if (method == TRIMTAB_VERIFY_CHAIN) {
          in.draft.push_back(distribution(kept, random));
          in.tokens.push_back(drafted_tokens(in.ids, in.draft.back(), 1, random)[0]);
        } else {
          auto highest = std::max_element(target.begin(), target.end()) - target.begin();
          in.tokens.push_back(
              static_cast<int32_t>(random.below(5) > 0 ? highest : random.below(vocabulary)));
        }
      }
    }
    for (int i = 0; i < drafted; i++) {
      in.accept_u.push_back(random.below(2) * random.uniform());
      in.parents.push_back(random.below(i + 1) - 1);
    }
    int uniforms = method == TRIMTAB_VERIFY_TREE ? in.outcomes() : 1;
    for (int i = 0; i < uniforms; i++) in.sample_u.push_back(random.uniform());
  }
  return in;
}

TEST(Verify, ChainsOfAnyLengthAndVocabulary) {
  uint64_t seed = 10;
  for (int drafted : {0, 1, 5}) {
    for (int vocabulary : {7, 256, 1000}) {
      SCOPED_TRACE(testing::Message() << drafted << " of " << vocabulary);
      expect_right(random_inputs(TRIMTAB_VERIFY_CHAIN, 3, drafted, vocabulary,
                                 std::min(vocabulary, 300), seed++));
    }
  }
}

TEST(Verify, GreedyChains) {
  for (int drafted : {0, 4, 40}) {
    expect_right(random_inputs(TRIMTAB_VERIFY_GREEDY, 2, drafted, 300, 0, 20 + drafted));
  }
}

TEST(Verify, GreedyTiesGoToTheLowerId) {
  Inputs in{TRIMTAB_VERIFY_GREEDY, 1, 1, 600, {}, {}, {}, {500}, {}, {}, {}};
  Row row(600, 0.f);
  row[300] = row[500] = 0.5f;
  in.target = {row, row};
  EXPECT_EQ(run(in).emitted, (std::vector<int32_t>{300, -1}));
  in.tokens = {300};
  EXPECT_EQ(run(in).emitted, (std::vector<int32_t>{300, 300}));
}

TEST(Verify, Trees) {
  for (int nodes : {0, 1, 40}) {
    Inputs in = random_inputs(TRIMTAB_VERIFY_TREE, 2, nodes, 40, 0, 30 + nodes);
    // Siblings differ, and most of them are what is drawn.
    for (int row = 0; row < in.rows; row++) {
      std::set<std::pair<int32_t, int32_t>> seen;
      for (int i = 0; i < nodes; i++) {
        int at = row * nodes + i;
        int parent = in.parents[at];
        in.tokens[at] = draw(in.target[row * in.outcomes() + parent + 1],
                             in.sample_u[row * in.outcomes() + parent + 1]);
        while (!seen.insert({parent, in.tokens[at]}).second) {
          in.tokens[at] = (in.tokens[at] + 1) % in.vocabulary;
        }
      }
    }
    expect_right(in);
  }
}

TEST(Verify, SiblingsInRounds) {
  for (int siblings : {0, 1, 3}) {
    for (int kept : {9, 300}) {
      Inputs in =
          random_inputs(TRIMTAB_VERIFY_MULTI_ROUND, 3, siblings, 700, kept, 40 + siblings + kept);
      ASSERT_EQ(in.tokens.size(), 3u * siblings);
      for (float& u : in.accept_u) u = 0.9999f;
      expect_right(in);
    }
  }
}

TEST(Verify, ADraftThatIsTheTargetLeavesTheTarget) {
  // The residual is 0 everywhere, so the draw is from p itself.
  Inputs in = random_inputs(TRIMTAB_VERIFY_CHAIN, 1, 1, 300, 300, 50);
  std::sort(in.ids.begin(), in.ids.end());
  in.draft = {in.target[0]};
  in.tokens = {static_cast<int32_t>(std::max_element(in.target[0].begin(), in.target[0].end()) -
                                    in.target[0].begin())};
  in.target[0][in.tokens[0]] *= 0.9999f;
  in.accept_u = {0.99999f};
  in.sample_u = {0.4f};
  expect_right(in);
}

TEST(Verify, UniformsAtTheEndsDrawWhatHasMass) {
  for (float u : {0.f, 0x1.fffffep-1f}) {
    Inputs in{TRIMTAB_VERIFY_TREE, 1, 0, 900, {}, {}, {}, {}, {}, {}, {u}};
    Row row(900, 0.f);
    row[400] = row[700] = 0.5f;
    in.target = {row};
    EXPECT_EQ(run(in).emitted[0], u == 0.f ? 400 : 700);
    expect_right(in);
  }
}

/** Expects that a bad value is noted as such. */
void expect_noted(const Inputs& in, uint32_t argument, uint32_t problem, int64_t index) {
  trimtab_status_word status = run(in).status;
  EXPECT_EQ(status.operation, uint32_t{TRIMTAB_OPERATION_VERIFY});
  EXPECT_EQ(status.argument, argument);
  EXPECT_EQ(status.problem, problem);
  EXPECT_EQ(status.index, index);
}

TEST(Verify, BadValuesAreNotedAndNeverFollowed) {
  const Inputs chain = random_inputs(TRIMTAB_VERIFY_CHAIN, 2, 3, 300, 100, 60);
  for (int32_t id : {-1, 300, INT32_MIN}) {
    Inputs in = chain;
    in.tokens[4] = id;
    expect_noted(in, TRIMTAB_ARGUMENT_TOKENS, TRIMTAB_PROBLEM_OUTSIDE, 4);
    in = chain;
    size_t free = 0;
    while (std::find(in.tokens.begin(), in.tokens.end(), in.ids[free]) != in.tokens.end()) free++;
    in.ids[free] = id;
    expect_noted(in, TRIMTAB_ARGUMENT_IDS, TRIMTAB_PROBLEM_OUTSIDE, static_cast<int64_t>(free));
  }
  Inputs in = chain;
  int32_t stranger = 0;
  while (place_of(in, stranger) < in.ids.size()) stranger++;
  in.tokens[1] = stranger;
  expect_noted(in, TRIMTAB_ARGUMENT_TOKENS, TRIMTAB_PROBLEM_NOT_KEPT, 1);
  in = chain;
  in.draft[0][place_of(in, in.tokens[0])] = 0.f;
  expect_noted(in, TRIMTAB_ARGUMENT_TOKENS, TRIMTAB_PROBLEM_UNDRAWN, 0);
  for (float u : {-0.5f, 1.f, NAN}) {
    in = chain;
    in.accept_u[3] = u;
    expect_noted(in, TRIMTAB_ARGUMENT_ACCEPT_U, TRIMTAB_PROBLEM_OUTSIDE, 3);
    in = chain;
    in.sample_u[1] = u;
    expect_noted(in, TRIMTAB_ARGUMENT_SAMPLE_U, TRIMTAB_PROBLEM_OUTSIDE, 1);
  }
  in = random_inputs(TRIMTAB_VERIFY_GREEDY, 1, 0, 300, 0, 61);
  in.target[0][5] = -1e-9f;
  expect_noted(in, TRIMTAB_ARGUMENT_TARGET, TRIMTAB_PROBLEM_NEGATIVE, 5);
  in.target[0][5] = 0.5f;
  expect_noted(in, TRIMTAB_ARGUMENT_TARGET, TRIMTAB_PROBLEM_SUM, 0);
  Inputs tree = random_inputs(TRIMTAB_VERIFY_TREE, 1, 6, 300, 0, 62);
  for (int i = 0; i < 6; i++) tree.tokens[i] = i;
  for (int32_t parent : {-2, 3, 1 << 30}) {
    in = tree;
    in.parents[3] = parent;
    expect_noted(in, TRIMTAB_ARGUMENT_PARENTS, TRIMTAB_PROBLEM_OUTSIDE, 3);
  }
  in = tree;
  in.parents = {-1, -1, -1, -1, -1, -1};
  in.tokens[4] = in.tokens[2];
  expect_noted(in, TRIMTAB_ARGUMENT_TOKENS, TRIMTAB_PROBLEM_REPEATED, 4);
}

}  // namespace
}  // namespace trimtab::test
