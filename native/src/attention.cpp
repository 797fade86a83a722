// Checks of attention and of its measures: attend, columnsums, selectivity.
#include <algorithm>
#include <climits>

#include "operations.h"

namespace trimtab {

namespace {

constexpr int64_t MOST_TREE = 64;

void query_lengths(Checks& checks, const trimtab_tensor& lengths, const trimtab_tensor& q) {
  checks.optional("query_lengths", lengths, I32, {q.size[0]});
}

}  // namespace

void check(Checks& checks, const trimtab_attend_params& params) {
  checks.queries_and_keys(params.q, params.history, params.fresh, true);
  query_lengths(checks, params.query_lengths, params.q);
  const int64_t* size = params.q.size;
  bool tree = params.mask == TRIMTAB_MASK_TREE;
  TRIMTAB_REQUIRE(params.mask >= TRIMTAB_MASK_NONE && params.mask <= TRIMTAB_MASK_TREE, "mask",
                  "%d, expected NONE, CAUSAL or TREE", params.mask);
  TRIMTAB_REQUIRE(params.mask == TRIMTAB_MASK_NONE ||
                      (has(params.fresh) && params.fresh.k.size[2] == size[2]),
                  "mask", "%d, expected NONE, or as many new tokens as the %ld queries",
                  params.mask, size[2]);
  TRIMTAB_REQUIRE(!tree || size[2] <= MOST_TREE, "q",
                  "%ld queries, expected at most %ld under mask TREE", size[2], MOST_TREE);
  if (tree) {
    checks.tensor("parents", params.parents, I32, {size[0], size[2]});
  } else {
    Checks::absent("parents", params.parents, "none but for mask TREE");
  }
  Checks::finite("scale", params.scale);
  checks.result("out", params.out, {size[0], size[1], size[2], size[3]});
  if (has(params.lse)) {
    checks.result("lse", params.lse, {size[0], size[1], size[2]});
  }
}

void check(Checks& checks, const trimtab_columnsums_params& params) {
  int64_t heads = checks.queries_and_keys(params.q, params.history, params.fresh, false);
  query_lengths(checks, params.query_lengths, params.q);
  TRIMTAB_REQUIRE(params.mask == TRIMTAB_MASK_NONE || params.mask == TRIMTAB_MASK_CAUSAL, "mask",
                  "%d, expected NONE or CAUSAL", params.mask);
  Checks::queries_of_head("q", params.q.size[2], params.q.size[1] / heads);
  Checks::finite("scale", params.scale);
  checks.result("sums", params.sums, {params.q.size[0], heads, ANY});
  TRIMTAB_REQUIRE(params.sums.size[2] <= INT_MAX, "sums", "%ld tokens, expected fewer than 2^31",
                  params.sums.size[2]);
}

void check(Checks& checks, const trimtab_selectivity_params& params) {
  TRIMTAB_REQUIRE(has(params.fresh), "fresh", "absent, expected the keys of the current map");
  checks.queries_and_keys(params.q, params.history, params.fresh, false);
  query_lengths(checks, params.query_lengths, params.q);
  const int64_t* size = params.q.size;
  TRIMTAB_REQUIRE(size[0] * size[1] <= MOST_QUERIES / std::max<int64_t>(size[2], 1), "q",
                  "%ld rows, %ld heads, %ld queries, expected at most 2^28 queries in all heads",
                  size[0], size[1], size[2]);
  TRIMTAB_REQUIRE(params.top >= 1, "top", "%d, expected 1 or more", params.top);
  Checks::finite("scale", params.scale);
  checks.result("index", params.index, {3});
}

}  // namespace trimtab
