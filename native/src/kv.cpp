// Checks of what pages hold and forget: append, score, select, compact, evict.
#include <climits>

#include "operations.h"

namespace trimtab {

namespace {

void capacity(Checks& checks, const trimtab_tensor& capacity, int64_t rows, int64_t lists) {
  checks.tensor("capacity", capacity, I32, {rows, lists});
}

void indices(Checks& checks, const trimtab_tensor& indices, int64_t rows, int64_t heads, Use use) {
  checks.tensor("indices", indices, I32, {rows, heads, ANY}, use);
  Checks::contiguous("indices", indices);
  TRIMTAB_REQUIRE(indices.size[2] <= INT_MAX, "indices",
                  "%ld places a head, expected fewer than 2^31", indices.size[2]);
}

/** Row by row positions, [rows, any]. */
void positions(Checks& checks, const char* name, const trimtab_tensor& positions, int64_t rows) {
  if (checks.optional(name, positions, I32, {rows, ANY})) {
    TRIMTAB_REQUIRE(positions.size[1] <= INT_MAX, name,
                    "%ld positions a row, expected fewer than 2^31", positions.size[1]);
  }
}

/** What is scored and how. Returns the key/value heads. */
int64_t scoring(Checks& checks, const trimtab_scoring& scoring, bool values) {
  int64_t heads = checks.queries_and_keys(scoring.q, scoring.history, scoring.fresh, values);
  int64_t rows = scoring.q.size[0];
  positions(checks, "query_rows", scoring.query_rows, rows);
  positions(checks, "window", scoring.window, rows);
  bool listed = has(scoring.query_rows);
  Checks::queries_of_head(listed ? "query_rows" : "q",
                          listed ? scoring.query_rows.size[1] : scoring.q.size[2],
                          scoring.q.size[1] / heads);
  checks.result("scores", scoring.scores, {rows, heads, ANY});
  TRIMTAB_REQUIRE(scoring.scores.size[2] <= INT_MAX, "scores",
                  "%ld tokens, expected fewer than 2^31", scoring.scores.size[2]);
  TRIMTAB_REQUIRE(scoring.mode == TRIMTAB_MODE_RAW || scoring.mode == TRIMTAB_MODE_SOFTMAX, "mode",
                  "%d, expected RAW or SOFTMAX", scoring.mode);
  TRIMTAB_REQUIRE(scoring.mask == TRIMTAB_MASK_NONE ||
                      (scoring.mask == TRIMTAB_MASK_CAUSAL && scoring.mode == TRIMTAB_MODE_SOFTMAX),
                  "mask", "%d in mode %d, expected NONE, or CAUSAL with SOFTMAX", scoring.mask,
                  scoring.mode);
  TRIMTAB_REQUIRE(scoring.pooling >= TRIMTAB_POOLING_NONE && scoring.pooling <= TRIMTAB_POOLING_AVG,
                  "pooling", "%d, expected NONE, MAX or AVG", scoring.pooling);
  TRIMTAB_REQUIRE(scoring.pool_width >= 1 && scoring.pool_width % 2 == 1, "pool_width",
                  "%d, expected an odd number of 1 or more", scoring.pool_width);
  Checks::finite("scale", scoring.scale);
  return heads;
}

}  // namespace

void check(Checks& checks, const trimtab_append_params& params) {
  checks.pages("target", params.target, Use::WRITTEN, Use::WRITTEN);
  checks.new_tokens(params.fresh, true);
  Checks::alike(params.fresh, "target", params.target);
}

void check(Checks& checks, const trimtab_score_params& params) {
  scoring(checks, params.scoring, false);
}

void check(Checks& checks, const trimtab_select_params& params) {
  checks.tensor("scores", params.scores, F32, {ANY, ANY, ANY});
  Checks::contiguous("scores", params.scores);
  int64_t rows = params.scores.size[0];
  int64_t heads = params.scores.size[1];
  TRIMTAB_REQUIRE(rows <= INT_MAX && heads <= INT_MAX && params.scores.size[2] <= INT_MAX, "scores",
                  "%ld rows, %ld heads, %ld tokens, expected each below 2^31", rows, heads,
                  params.scores.size[2]);
  if (params.lengths.rank == 2) {
    checks.optional("lengths", params.lengths, I32, {rows, heads});
  } else {
    checks.optional("lengths", params.lengths, I32, {rows});
  }
  positions(checks, "window", params.window, rows);
  bool shared = params.capacity.rank == 2 && params.capacity.size[1] == 1;
  capacity(checks, params.capacity, rows, shared ? 1 : heads);
  indices(checks, params.indices, rows, heads, Use::WRITTEN);
}

void check(Checks& checks, const trimtab_compact_params& params) {
  checks.sources(params.history, params.fresh, true);
  checks.target(params.target, params.history);
  if (has(params.fresh)) {
    Checks::alike(params.fresh, "target", params.target);
  }
  indices(checks, params.indices, params.target.table.size[0], heads_of(params.target), Use::READ);
}

void check(Checks& checks, const trimtab_evict_params& params) {
  const trimtab_scoring& scored = params.scoring;
  scoring(checks, scored, true);
  checks.target(params.target, scored.history);
  if (has(scored.fresh)) {
    Checks::alike(scored.fresh, "target", params.target);
  }
  const int64_t* lists = params.target.table.size;
  capacity(checks, params.capacity, lists[0], lists[1]);
  indices(checks, params.indices, lists[0], heads_of(params.target), Use::WRITTEN);
}

}  // namespace trimtab
