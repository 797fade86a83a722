// Select: membership, ties and order against a sort.
#include "select/select.cuh"

#include <gtest/gtest.h>

#include "canonical_reference.h"

namespace trimtab::test {
namespace {

struct Case {
  int rows = 2, heads = 2, tokens = 100, places = 40;
  std::vector<int32_t> lengths = {100, 37};
  std::vector<int32_t> capacity = {40, 12};
  std::vector<int32_t> window = {99, 0, -1, 5, 36, -1};  // three positions a row
};

std::vector<int32_t> run_select(const Case& c, const Floats& values, Status& status) {
  OnDevice<float> scores(values);
  OnDevice<int32_t> lengths(c.lengths);
  OnDevice<int32_t> capacity(c.capacity);
  OnDevice<int32_t> window(c.window);
  OnDevice<int32_t> indices(size_t(c.rows) * c.heads * c.places, -7);
  trimtab_select_params params{};
  params.scores = scores.tensor(TRIMTAB_F32, {c.rows, c.heads, c.tokens});
  params.lengths = lengths.tensor(TRIMTAB_I32, {c.rows});
  params.capacity = capacity.tensor(TRIMTAB_I32, {c.rows, 1});
  if (!c.window.empty()) {
    auto positions = static_cast<int64_t>(c.window.size()) / c.rows;
    params.window = window.tensor(TRIMTAB_I32, {c.rows, positions});
  }
  params.indices = indices.tensor(TRIMTAB_I32, {c.rows, c.heads, c.places});
  run(params, workspace_select, launch_select, status);
  return indices.values();
}

void select_and_compare(const Case& c, const Floats& values) {
  Status status;
  std::vector<int32_t> indices = run_select(c, values, status);
  EXPECT_EQ(status.value().operation, 0u);
  size_t positions = c.window.size() / c.rows;
  for (int row = 0; row < c.rows; row++) {
    for (int head = 0; head < c.heads; head++) {
      auto from = values.begin() + (int64_t{row} * c.heads + head) * c.tokens;
      Floats scores(from, from + c.lengths[row]);
      auto capacity = static_cast<size_t>(c.capacity[row]);
      std::vector<bool> windowed(scores.size());
      size_t in_window = 0;
      for (size_t p = 0; p < positions; p++) {
        int32_t position = c.window[row * positions + p];
        if (position < 0) continue;
        windowed[position] = true;
        in_window++;
      }
      Floats others;
      std::vector<int32_t> tokens;
      std::vector<int32_t> expected;
      for (size_t t = 0; t < scores.size(); t++) {
        if (windowed[t] || scores.size() <= capacity) {
          expected.push_back(static_cast<int32_t>(t));
        } else {
          others.push_back(scores[t]);
          tokens.push_back(static_cast<int32_t>(t));
        }
      }
      for (int32_t place : highest(others, capacity - std::min(capacity, in_window))) {
        expected.push_back(tokens[place]);
      }
      std::sort(expected.begin(), expected.end());
      expected.resize(c.places, -1);
      auto row_of_result = indices.begin() + (int64_t{row} * c.heads + head) * c.places;
      EXPECT_EQ(std::vector<int32_t>(row_of_result, row_of_result + c.places), expected)
          << "row " << row << " head " << head;
    }
  }
}

Floats values(const Case& c, int distinct, uint64_t seed) {
  Random random(seed);
  Floats values(size_t(c.rows) * c.heads * c.tokens);
  for (float& value : values) {
    value = distinct > 0 ? static_cast<float>(random.below(distinct)) - 1 : random.uniform() - .5f;
  }
  return values;
}

TEST(Select, RandomScores) { select_and_compare({}, values({}, 0, 1)); }

TEST(Select, ManyTies) {
  for (int distinct : {1, 2, 3, 5}) select_and_compare({}, values({}, distinct, 2));
}

TEST(Select, ZerosInfinitiesAndNan) {
  Floats scores = values({}, 3, 3);
  const float special[] = {0.f, -0.f, INFINITY, -INFINITY, NAN, -NAN, 1e-45f, -1e-45f};
  for (size_t i = 0; i < scores.size(); i += 2) scores[i] = special[i / 2 % 8];
  select_and_compare({}, scores);
  select_and_compare({}, Floats(400, NAN));
}

TEST(Select, EveryCapacity) {
  for (int capacity = 2; capacity <= 40; capacity++) {
    Case c;
    c.capacity = {capacity, 42 - capacity};
    select_and_compare(c, values(c, 4, 4));
  }
}

TEST(Select, EmptyAndSingleRows) {
  Case c;
  c.window.clear();
  c.lengths = {0, 1};
  c.capacity = {0, 1};
  select_and_compare(c, values(c, 0, 5));
  c.capacity = {3, 0};
  select_and_compare(c, values(c, 0, 5));
}

TEST(Select, RowsOfAllSizes) {
  for (int tokens : {511, 512, 513, 1025, 2954}) {
    Case c{1, 1, tokens, 650, {tokens}, {std::min(650, tokens - 1)}, {}};
    select_and_compare(c, values(c, 0, 6));
  }
}

TEST(Select, RowsBeyondSharedMemory) {
  Case c{1, 2, 13313, 700, {13313}, {700}, {13312, 4}};
  select_and_compare(c, values(c, 5000, 7));
}

TEST(Select, BadValuesAreNoted) {
  auto note_of = [](const Case& c) {
    Status status;
    run_select(c, values(c, 0, 8), status);
    return status.value();
  };
  Case c;
  c.lengths[1] = 101;
  EXPECT_EQ(note_of(c).argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_LENGTHS));
  c = {};
  c.window[4] = 37;
  EXPECT_EQ(note_of(c).argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_WINDOW));
  EXPECT_EQ(note_of(c).index, 4);
  EXPECT_EQ(note_of(c).high, 36);
  c.window[4] = 5;
  EXPECT_EQ(note_of(c).problem, static_cast<uint32_t>(TRIMTAB_PROBLEM_REPEATED));
  c = {};
  for (int32_t capacity : {1, 41, -1}) {
    c.capacity[0] = capacity;
    EXPECT_EQ(note_of(c).argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_CAPACITY));
    EXPECT_EQ(note_of(c).value, capacity);
    EXPECT_EQ(note_of(c).low, 2);
  }
}

}  // namespace
}  // namespace trimtab::test
