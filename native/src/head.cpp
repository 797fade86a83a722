// Checks of a head and of its rows: head, quantize, pack.
#include <climits>

#include "operations.h"

namespace trimtab {

namespace {

constexpr int64_t MOST_VECTORS = 64;

int64_t columns_of(const trimtab_weights& weights) {
  return weights.codes.size[1] * (weights.format == TRIMTAB_INT4 ? 2 : 1);
}

/** Returns the most rows that take part. */
int64_t rows(Checks& checks, const trimtab_head_rows& rows) {
  checks.weights("rows.weight", rows.weight, Use::READ);
  int64_t held = rows.weight.codes.size[0];
  TRIMTAB_REQUIRE(rows.packed == 0 || rows.packed == 1, {"rows", "packed"}, "%d, expected 0 or 1",
                  rows.packed);
  TRIMTAB_REQUIRE(rows.vocabulary >= 0 && (rows.packed == 1 || rows.vocabulary == held),
                  {"rows", "vocabulary"},
                  "%d, expected 0 or more, and the matrix's %ld rows unless they are packed",
                  rows.vocabulary, held);
  if (!checks.optional({"rows", "ids"}, rows.ids, I32, {ANY})) {
    TRIMTAB_REQUIRE(rows.packed == 0, {"rows", "ids"},
                    "absent, expected the ids that packed rows stand for");
    Checks::absent({"rows", "count"}, rows.count, "none without ids");
    return held;
  }
  int64_t most = rows.packed == 1 ? held : INT_MAX;
  TRIMTAB_REQUIRE(rows.ids.size[0] <= most, {"rows", "ids"}, "%ld ids, expected at most %ld",
                  rows.ids.size[0], most);
  checks.optional({"rows", "count"}, rows.count, I32, {1});
  return rows.ids.size[0];
}

}  // namespace

void check(Checks& checks, const trimtab_head_params& params) {
  int64_t places = rows(checks, params.rows);
  checks.tensor("hidden", params.hidden, FLOATS, {ANY, columns_of(params.rows.weight)});
  Checks::contiguous("hidden", params.hidden);
  int64_t vectors = params.hidden.size[0];
  TRIMTAB_REQUIRE(vectors >= 1 && vectors <= MOST_VECTORS, "hidden",
                  "%ld vectors, expected 1 to %ld", vectors, MOST_VECTORS);
  TRIMTAB_REQUIRE(has(params.logits) || has(params.ids) || has(params.log_sum_exp),
                  "logits, ids, log_sum_exp", "absent, expected at least one result");
  if (has(params.logits)) {
    checks.result("logits", params.logits, {vectors, places});
  }
  if (checks.optional("ids", params.ids, I32, {vectors, ANY}, Use::WRITTEN)) {
    int64_t top = params.ids.size[1];
    TRIMTAB_REQUIRE(top >= 1 && top <= places, "ids", "%ld a vector, expected 1 to %ld", top,
                    places);
    checks.result("values", params.values, {vectors, top});
  } else {
    Checks::absent("values", params.values, "none without ids");
  }
  if (has(params.log_sum_exp)) {
    checks.result("log_sum_exp", params.log_sum_exp, {vectors});
  }
}

void check(Checks& checks, const trimtab_quantize_params& params) {
  checks.weights("rows", params.rows, Use::WRITTEN);
  TRIMTAB_REQUIRE(is_quantized(params.rows.format), {"rows", "format"},
                  "%d, expected FP8_E4M3, INT8 or INT4", params.rows.format);
  TRIMTAB_REQUIRE(params.rows.scales.dtype == TRIMTAB_BF16, {"rows", "scales"},
                  "F16, expected dtype BF16");
  checks.tensor("weight", params.weight, FLOATS,
                {params.rows.codes.size[0], columns_of(params.rows)});
  Checks::contiguous("weight", params.weight);
}

void check(Checks& checks, const trimtab_pack_params& params) {
  checks.weights("from", params.from, Use::READ);
  checks.weights("to", params.to, Use::WRITTEN);
  checks.tensor("ids", params.ids, I32, {ANY});
  bool alike =
      params.to.format == params.from.format &&
      params.to.codes.size[1] == params.from.codes.size[1] &&
      params.to.scales.dtype == params.from.scales.dtype &&
      (!has(params.to.scales) || params.to.scales.size[1] == params.from.scales.size[1]);
  TRIMTAB_REQUIRE(alike, "to",
                  "other rows than from, expected the same format, elements and groups");
  TRIMTAB_REQUIRE(params.to.codes.size[0] == params.ids.size[0], "to",
                  "%ld rows, expected %ld, one an id", params.to.codes.size[0], params.ids.size[0]);
}

}  // namespace trimtab
