// Score: the canonical order bit for bit, and that order against binary64.
#include "score/score.cuh"

#include <gtest/gtest.h>

#include "scoring.h"

namespace trimtab::test {
namespace {

void score_and_compare(const ScoringCase& c) {
  PreparedScoring prepared(c);
  trimtab_score_params params{};
  params.scoring = prepared.params();
  ASSERT_NO_FATAL_FAILURE(run(params, workspace_score, launch_score));
  ASSERT_NO_FATAL_FAILURE(expect_bits(prepared.scores(), prepared.expected()));
}

constexpr int MODES[] = {TRIMTAB_MODE_RAW, TRIMTAB_MODE_SOFTMAX};
constexpr int POOLINGS[] = {TRIMTAB_POOLING_NONE, TRIMTAB_POOLING_MAX, TRIMTAB_POOLING_AVG};

TEST(Score, EveryPageFormatAndPooling) {
  for (int mode : MODES) {
    for (int pooling : POOLINGS) {
      for (int32_t dtype :
           {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16, TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
        SCOPED_TRACE(testing::Message()
                     << "mode " << mode << " pooling " << pooling << " " << dtype);
        ScoringCase c;
        c.mode = mode;
        c.pooling = pooling;
        c.layout.dtype = dtype;
        score_and_compare(c);
      }
    }
  }
}

TEST(Score, NewTokensOfEveryFormatAndAlignment) {
  for (int mode : MODES) {
    for (int32_t dtype : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16}) {
      for (int gap : {0, 3}) {
        SCOPED_TRACE(testing::Message() << "mode " << mode << " " << dtype << " gap " << gap);
        ScoringCase c;
        c.mode = mode;
        c.fresh_dtype = dtype;
        c.fresh_gap = gap;
        score_and_compare(c);
        c.history_lengths.clear();
        c.window = {1, 8, -1, 0, 3, 2};
        score_and_compare(c);
      }
    }
  }
}

TEST(Score, AbsentWindowPositionsAreNoRepetition) {
  for (int mode : MODES) {
    for (int pooling : POOLINGS) {
      ScoringCase c;
      c.mode = mode;
      c.pooling = pooling;
      c.window = {-1, 8, -1, -1, -1, -1};
      score_and_compare(c);
    }
  }
}

TEST(Score, HeadDimsPagesAndLists) {
  for (int mode : MODES) {
    for (int head_dim : {8, 24, 40, 128, 256}) {
      SCOPED_TRACE(testing::Message() << "mode " << mode << " head dim " << head_dim);
      ScoringCase c;
      c.mode = mode;
      c.pooling = TRIMTAB_POOLING_MAX;
      c.layout = {TRIMTAB_FP8_E4M3, 32, 2, 2, 2, head_dim, 3};
      c.history_lengths = {50, 57, 83, 86};
      c.group = 1;
      score_and_compare(c);
      c.layout.dtype = TRIMTAB_F32;
      score_and_compare(c);
    }
  }
}

TEST(Score, EveryPairOfFormatsOfUsualHeadDims) {
  for (int head_dim : {64, 128}) {
    for (int32_t pages : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16, TRIMTAB_FP8_E4M3, TRIMTAB_INT8}) {
      for (int32_t fresh : {TRIMTAB_F32, TRIMTAB_F16, TRIMTAB_BF16}) {
        SCOPED_TRACE(testing::Message() << pages << " and " << fresh << " head dim " << head_dim);
        ScoringCase c;
        c.mode = TRIMTAB_MODE_RAW;
        c.pooling = TRIMTAB_POOLING_MAX;
        c.layout = {pages, 16, 2, 1, 2, head_dim, 6};
        c.fresh_dtype = fresh;
        c.history_lengths = {93, 84};
        c.places = 120;
        score_and_compare(c);
        c.fresh_gap = 3;
        score_and_compare(c);
      }
    }
  }
}

TEST(Score, TilesAndManyBatches) {
  for (int mode : MODES) {
    for (int pooling : POOLINGS) {
      ScoringCase c;
      c.mode = mode;
      c.pooling = pooling;
      c.layout = {TRIMTAB_BF16, 128, 1, 1, 1, 16, 8};
      c.fresh_lengths = {7};
      c.history_lengths = {700};
      c.query_rows.clear();
      c.queries = 19;
      c.window = {253, 254, 600, 0};
      c.places = 1100;
      score_and_compare(c);
    }
  }
}

TEST(Score, PoolingWiderThanTiles) {
  for (int mode : MODES) {
    for (int pooling : {TRIMTAB_POOLING_MAX, TRIMTAB_POOLING_AVG}) {
      for (int width : {129, 131, 2147483647}) {
        ScoringCase c;
        c.mode = mode;
        c.pooling = pooling;
        c.pool_width = width;
        score_and_compare(c);
      }
    }
  }
}

TEST(Score, CausalWindowOfQueries) {
  ScoringCase c;
  c.mode = TRIMTAB_MODE_SOFTMAX;
  c.mask = TRIMTAB_MASK_CAUSAL;
  score_and_compare(c);
  c.query_rows.clear();
  score_and_compare(c);
  c.history_lengths.clear();
  c.fresh_lengths = {2, 4};
  c.window.clear();
  score_and_compare(c);
}

TEST(Score, WithoutTokensOrQueries) {
  for (int mode : MODES) {
    ScoringCase c;
    c.mode = mode;
    c.history_lengths = {0, 1};
    c.fresh_lengths = {0, 0};
    c.window.clear();
    score_and_compare(c);
    c = {};
    c.mode = mode;
    c.query_rows.assign(8, -1);
    score_and_compare(c);
  }
}

TEST(Score, CloseToBinary64) {
  for (int mode : MODES) {
    ScoringCase c;
    c.mode = mode;
    c.window.clear();
    PreparedScoring prepared(c);
    trimtab_score_params params{};
    params.scoring = prepared.params();
    ASSERT_NO_FATAL_FAILURE(run(params, workspace_score, launch_score));
    Floats scores = prepared.scores();
    for (int list = 0; list < 4; list++) {
      std::vector<double> precise = prepared.precise(list / 2, list % 2);
      for (size_t t = 0; t < precise.size(); t++) {
        double bound = mode == TRIMTAB_MODE_RAW ? 1e-4 : 1e-5 * precise[t];
        ASSERT_NEAR(scores[list * c.places + t], precise[t], bound);
      }
    }
  }
}

TEST(Score, InfinitiesAndNanStayWhereTheyBelong) {
  for (int mode : MODES) {
    ScoringCase c;
    c.mode = mode;
    PreparedScoring prepared(c);
    prepared.k.set(0, 0, 2, 5, INFINITY);
    prepared.k.set(1, 1, 0, 7, NAN);
    FreshOnDevice fresh(prepared.sources);
    trimtab_score_params params{};
    params.scoring = prepared.params();
    params.scoring.fresh = fresh.params;
    ASSERT_NO_FATAL_FAILURE(run(params, workspace_score, launch_score));
    ASSERT_NO_FATAL_FAILURE(expect_bits(prepared.scores(), prepared.expected()));
  }
}

trimtab_status_word note_of(const ScoringCase& c, int bad_page = -1) {
  PreparedScoring prepared(c);
  if (bad_page >= 0) prepared.cache.table[bad_page] = -2;
  trimtab_score_params params{};
  params.scoring = prepared.params();
  Status status;
  run(params, workspace_score, launch_score, status);
  prepared.scores();  // fails where anything beside the result was written
  return status.value();
}

TEST(Score, BadValuesAreNoted) {
  for (int mode : MODES) {
    ScoringCase good;
    good.mode = mode;
    ScoringCase c = good;
    c.query_rows[6] = 6;
    trimtab_status_word word = note_of(c);
    EXPECT_EQ(word.argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_QUERY_ROWS));
    EXPECT_EQ(word.index, 6);
    EXPECT_EQ(word.value, 6);
    EXPECT_EQ(word.high, 5);
    c = good;
    c.places = 80;
    EXPECT_EQ(note_of(c).argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_HISTORY_LENGTHS));
    EXPECT_EQ(note_of(c).value, 87);
    c = good;
    c.window[4] = 87;
    EXPECT_EQ(note_of(c).argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_WINDOW));
    c.window[4] = 2;
    EXPECT_EQ(note_of(c).problem, static_cast<uint32_t>(TRIMTAB_PROBLEM_REPEATED));
    word = note_of(good, 8);
    EXPECT_EQ(word.argument, static_cast<uint32_t>(TRIMTAB_ARGUMENT_HISTORY_TABLE));
    EXPECT_EQ(word.index, 8);
    EXPECT_EQ(word.value, -2);
  }
}

}  // namespace
}  // namespace trimtab::test
