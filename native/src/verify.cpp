// Checks of verification.
#include <algorithm>
#include <climits>

#include "operations.h"

namespace trimtab {

namespace {

void probabilities(Checks& checks, const char* name, const trimtab_tensor& tensor,
                   std::initializer_list<int64_t> shape) {
  checks.tensor(name, tensor, F32, shape);
  Checks::contiguous(name, tensor);
  int64_t ids = tensor.size[tensor.rank - 1];
  TRIMTAB_REQUIRE(ids <= INT_MAX, name, "%ld ids, expected fewer than 2^31", ids);
}

/** The side of a sampled draft: kept ids, their probabilities, and the uniforms of acceptance. */
void draft(Checks& checks, const trimtab_verify_params& params, int64_t rows, int64_t drafted) {
  checks.tensor("ids", params.ids, I32, {ANY});
  int64_t kept = params.ids.size[0];
  if (params.method == TRIMTAB_VERIFY_CHAIN) {
    probabilities(checks, "draft", params.draft, {rows, drafted, kept});
  } else {
    probabilities(checks, "draft", params.draft, {rows, kept});
  }
  checks.tensor("accept_u", params.accept_u, F32, {rows, drafted});
}

}  // namespace

void check(Checks& checks, const trimtab_verify_params& params) {
  int32_t method = params.method;
  TRIMTAB_REQUIRE(method >= TRIMTAB_VERIFY_CHAIN && method <= TRIMTAB_VERIFY_MULTI_ROUND, "method",
                  "%d, expected CHAIN, GREEDY, TREE or MULTI_ROUND", method);
  bool siblings = method == TRIMTAB_VERIFY_MULTI_ROUND;
  checks.tensor("tokens", params.tokens, I32, {ANY, ANY});
  int64_t rows = params.tokens.size[0];
  int64_t drafted = params.tokens.size[1];
  TRIMTAB_REQUIRE(drafted < INT_MAX && rows <= INT_MAX / std::max<int64_t>(drafted, 1), "tokens",
                  "%ld rows of %ld, expected fewer than 2^31 drafted tokens", rows, drafted);
  if (siblings) {
    probabilities(checks, "target", params.target, {rows, ANY});
  } else {
    probabilities(checks, "target", params.target, {rows, drafted + 1, ANY});
  }
  if (siblings || method == TRIMTAB_VERIFY_CHAIN) {
    draft(checks, params, rows, drafted);
  } else {
    Checks::absent("draft", params.draft, "none but for CHAIN and MULTI_ROUND");
    Checks::absent("ids", params.ids, "none without draft");
    Checks::absent("accept_u", params.accept_u, "none without draft");
  }
  if (method == TRIMTAB_VERIFY_TREE) {
    checks.tensor("parents", params.parents, I32, {rows, drafted});
    checks.tensor("sample_u", params.sample_u, F32, {rows, drafted + 1});
  } else {
    Checks::absent("parents", params.parents, "none but for TREE");
    if (method == TRIMTAB_VERIFY_GREEDY) {
      Checks::absent("sample_u", params.sample_u, "none for GREEDY");
    } else {
      checks.tensor("sample_u", params.sample_u, F32, {rows});
    }
  }
  checks.tensor("emitted", params.emitted, I32, {rows, siblings ? 1 : drafted + 1}, Use::WRITTEN);
  checks.tensor("accepted", params.accepted, I32, {rows}, Use::WRITTEN);
}

}  // namespace trimtab
