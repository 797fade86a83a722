// Evict: equal to score, select and compact in a row over the same buffers, byte for byte.
#include "evict/evict.cuh"

#include <gtest/gtest.h>

#include "compact/compact.cuh"
#include "score/score.cuh"
#include "scoring.h"
#include "select/select.cuh"

namespace trimtab::test {
namespace {

/** What an eviction leaves behind. */
struct Result {
  Floats scores;
  std::vector<int32_t> indices;
  std::vector<int32_t> lengths;
  std::vector<unsigned char> slab;
};

struct EvictCase {
  ScoringCase scoring;
  Layout target = {TRIMTAB_BF16, 16, 2, 1, 2, 32, 6};
  std::vector<int32_t> capacity = {30, 7};
  int places = 40;
};

/** The buffers of one eviction. */
struct Prepared {
  explicit Prepared(const EvictCase& c)
      : scoring(c.scoring),
        target(c.target, std::vector<int32_t>(c.target.rows * c.target.lists, -3), 21, c.places),
        capacity(c.capacity),
        indices(size_t(c.target.rows) * c.target.heads * c.places, -7) {
    params.scoring = scoring.params();
    params.capacity = capacity.tensor(TRIMTAB_I32, {c.target.rows, c.target.lists});
    params.indices = indices.tensor(TRIMTAB_I32, {c.target.rows, c.target.heads, c.places});
    params.target = target.on_device();
  }

  Result result() {
    target.read_back();
    return {scoring.scores(), indices.values(), target.lengths, target.slab};
  }

  PreparedScoring scoring;
  Cache target;
  OnDevice<int32_t> capacity;
  OnDevice<int32_t> indices;
  trimtab_evict_params params{};
};

Result evict(const EvictCase& c) {
  Prepared prepared(c);
  run(prepared.params, workspace_evict, launch_evict);
  return prepared.result();
}

Result three_operations(const EvictCase& c) {
  Prepared prepared(c);
  trimtab_score_params score{};
  score.scoring = prepared.params.scoring;
  run(score, workspace_score, launch_score);
  std::vector<int32_t> tokens;
  for (int row = 0; row < c.target.rows; row++) {
    for (int head = 0; head < c.target.heads; head++) {
      tokens.push_back(prepared.scoring.sources.tokens(row, head));
    }
  }
  OnDevice<int32_t> lengths(tokens);
  trimtab_select_params select{};
  select.scores = score.scoring.scores;
  select.lengths = lengths.tensor(TRIMTAB_I32, {c.target.rows, c.target.heads});
  select.window = score.scoring.window;
  select.capacity = prepared.params.capacity;
  select.indices = prepared.params.indices;
  run(select, workspace_select, launch_select);
  trimtab_compact_params compact{};
  compact.history = score.scoring.history;
  compact.fresh = score.scoring.fresh;
  compact.indices = select.indices;
  compact.target = prepared.params.target;
  run(compact, workspace_compact, launch_compact);
  return prepared.result();
}

void evict_and_compare(const EvictCase& c) {
  Result once = evict(c);
  Result in_three = three_operations(c);
  expect_bits(once.scores, in_three.scores);
  EXPECT_EQ(once.indices, in_three.indices);
  EXPECT_EQ(once.lengths, in_three.lengths);
  EXPECT_EQ(once.slab, in_three.slab);
  EXPECT_NE(once.lengths[0], -3);
}

TEST(Evict, BothModes) {
  for (int mode : {TRIMTAB_MODE_RAW, TRIMTAB_MODE_SOFTMAX}) {
    EvictCase c;
    c.scoring.mode = mode;
    c.scoring.pooling = TRIMTAB_POOLING_MAX;
    evict_and_compare(c);
  }
}

TEST(Evict, IntoOtherFormats) {
  for (int32_t to : {TRIMTAB_F32, TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
    for (int32_t from : {TRIMTAB_BF16, TRIMTAB_INT8}) {
      EvictCase c;
      c.scoring.layout.dtype = from;
      c.target.dtype = to;
      evict_and_compare(c);
    }
  }
}

TEST(Evict, ListsOfHeadsWithBudgetsOfTheirOwn) {
  EvictCase c;
  c.scoring.layout.lists = 2;
  c.scoring.history_lengths = {50, 60, 83, 86};
  c.target.lists = 2;
  c.capacity = {30, 31, 7, 40};
  evict_and_compare(c);
}

TEST(Evict, KeepsAllOfAShortList) {
  EvictCase c;
  c.scoring.history_lengths = {1, 20};
  c.scoring.window = {0, -1, -1, 0, -1, 2};
  c.capacity = {40, 40};
  evict_and_compare(c);
}

TEST(Evict, BadValuesAreNoted) {
  EvictCase c;
  c.capacity = {30, 2};
  Prepared prepared(c);
  Status status;
  run(prepared.params, workspace_evict, launch_evict, status);
  EXPECT_EQ(status.value().operation, static_cast<uint32_t>(TRIMTAB_OPERATION_EVICT));
  EXPECT_EQ(status.value().argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_CAPACITY));
  EXPECT_EQ(status.value().low, 3);
  c.capacity = {70, 3};
  c.places = 96;
  c.scoring.layout.lists = 2;
  c.scoring.history_lengths = {50, 59, 83, 86};
  Prepared unequal(c);
  Status of_unequal;
  run(unequal.params, workspace_evict, launch_evict, of_unequal);
  EXPECT_EQ(of_unequal.value().argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_HISTORY_LENGTHS));
  EXPECT_EQ(of_unequal.value().problem, static_cast<uint32_t>(TRIMTAB_PROBLEM_UNEQUAL));
  EXPECT_EQ(of_unequal.value().index, 1);
  unequal.result();  // fails where anything beside the results was written
}

}  // namespace
}  // namespace trimtab::test
