// What operations refuse before they look for a device: everywhere the same, with a GPU or without.
#include <gtest/gtest.h>

#include <climits>
#include <cmath>
#include <cstring>
#include <functional>
#include <string>

#include "params.h"
#include "trimtab.h"

namespace trimtab::test {
namespace {

trimtab_error fresh_error() {
  trimtab_error error{};
  error.struct_size = sizeof error;
  return error;
}

trimtab_launch launch() { return {sizeof(trimtab_launch), 0, nullptr}; }

/** The three functions of an operation by their params type. */
#define TRIMTAB_X(NAME, name)                                                          \
  trimtab_status call_workspace(const trimtab_##name##_params& p, uint64_t* bytes,     \
                                trimtab_error* error) {                                \
    return trimtab_##name##_workspace(&p, bytes, error);                               \
  }                                                                                    \
  trimtab_status call_check(const trimtab_##name##_params* p, const trimtab_launch* l, \
                            trimtab_error* error) {                                    \
    return trimtab_##name##_check(p, l, error);                                        \
  }                                                                                    \
  trimtab_status call(const trimtab_##name##_params* p, const trimtab_launch* l,       \
                      trimtab_error* error) {                                          \
    return trimtab_##name(p, l, error);                                                \
  }
TRIMTAB_OPERATIONS(TRIMTAB_X)
#undef TRIMTAB_X

/** Changes one thing in a valid struct and expects the sentence that refuses it, from all three. */
template <typename Params>
void refused(const std::string& sentence, const std::function<void(Params&)>& change) {
  SCOPED_TRACE(sentence);
  auto params = valid<Params>();
  uint64_t bytes = 0;
  trimtab_error error = fresh_error();
  ASSERT_EQ(call_workspace(params, &bytes, &error), TRIMTAB_SUCCESS) << error.text;
  change(params);
  ASSERT_EQ(call_workspace(params, &bytes, &error), TRIMTAB_INVALID_ARGUMENT);
  EXPECT_EQ(error.status, TRIMTAB_INVALID_ARGUMENT);
  EXPECT_NE(std::string(error.text).find(sentence), std::string::npos) << error.text;
  trimtab_launch where = launch();
  EXPECT_EQ(call_check(&params, &where, nullptr), TRIMTAB_INVALID_ARGUMENT);
  EXPECT_EQ(call(&params, &where, nullptr), TRIMTAB_INVALID_ARGUMENT);
}

/** What check and call refuse besides; `change` may change the launch, too. */
template <typename Params>
void refused_launch(trimtab_status status, const std::string& sentence,
                    const std::function<void(Params&, trimtab_launch&)>& change) {
  SCOPED_TRACE(sentence);
  auto params = valid<Params>();
  trimtab_launch where = launch();
  change(params, where);
  trimtab_error error = fresh_error();
  EXPECT_EQ(call_check(&params, &where, &error), status);
  EXPECT_NE(std::string(error.text).find(sentence), std::string::npos) << error.text;
  EXPECT_EQ(call(&params, &where, &error), status);
  EXPECT_NE(std::string(error.text).find(sentence), std::string::npos) << error.text;
}

template <typename Params>
class EveryOperation : public testing::Test {};

using AllParams =
    testing::Types<trimtab_append_params, trimtab_score_params, trimtab_select_params,
                   trimtab_compact_params, trimtab_evict_params, trimtab_attend_params,
                   trimtab_columnsums_params, trimtab_selectivity_params, trimtab_head_params,
                   trimtab_quantize_params, trimtab_pack_params, trimtab_verify_params>;
TYPED_TEST_SUITE(EveryOperation, AllParams);

TYPED_TEST(EveryOperation, RefusesStructsOfAnotherSize) {
  refused_launch<TypeParam>(TRIMTAB_WRONG_STRUCT, "params.struct_size: 8, expected",
                            [](auto& p, auto&) { p.common.struct_size = 8; });
  refused_launch<TypeParam>(TRIMTAB_WRONG_STRUCT, "launch.struct_size: 0, expected 16",
                            [](auto&, auto& l) { l.struct_size = 0; });
  trimtab_launch where = launch();
  auto params = valid<TypeParam>();
  trimtab_error error = fresh_error();
  EXPECT_EQ(call(static_cast<const TypeParam*>(nullptr), &where, &error), TRIMTAB_INVALID_ARGUMENT);
  EXPECT_NE(std::strstr(error.text, "params: null"), nullptr) << error.text;
  EXPECT_EQ(call(&params, nullptr, &error), TRIMTAB_INVALID_ARGUMENT);
  EXPECT_NE(std::strstr(error.text, "launch: null"), nullptr) << error.text;
  uint64_t bytes;
  error.struct_size = 4;
  error.text[0] = 'x';
  EXPECT_EQ(call_workspace(params, &bytes, &error), TRIMTAB_WRONG_STRUCT);
  EXPECT_EQ(error.text[0], 'x') << "an error of another size is not written";
  EXPECT_EQ(call_workspace(params, nullptr, nullptr), TRIMTAB_INVALID_ARGUMENT);
}

TYPED_TEST(EveryOperation, RefusesStatusAndWorkspaceThatItCannotUse) {
  refused_launch<TypeParam>(TRIMTAB_INVALID_ARGUMENT, "status: null, expected",
                            [](auto& p, auto&) { p.common.status = nullptr; });
  refused_launch<TypeParam>(
      TRIMTAB_INVALID_ARGUMENT, "expected a multiple of 8", [](auto& p, auto&) {
        p.common.status = reinterpret_cast<trimtab_status_word*>(uintptr_t{1} << 32 | 4);
      });
  auto params = valid<TypeParam>();
  uint64_t bytes = 0;
  ASSERT_EQ(call_workspace(params, &bytes, nullptr), TRIMTAB_SUCCESS);
  ASSERT_TRUE(bytes == 0 || bytes >= TRIMTAB_COUNTER_BYTES) << bytes;
  if (bytes == 0) {
    return;
  }
  refused_launch<TypeParam>(TRIMTAB_SMALL_WORKSPACE,
                            "workspace_bytes: " + std::to_string(bytes - 1) + ", expected",
                            [&](auto& p, auto&) { p.common.workspace_bytes = bytes - 1; });
  refused_launch<TypeParam>(TRIMTAB_INVALID_ARGUMENT, "workspace: null, expected",
                            [](auto& p, auto&) { p.common.workspace = nullptr; });
  refused_launch<TypeParam>(
      TRIMTAB_INVALID_ARGUMENT, "expected a multiple of 128",
      [](auto& p, auto&) { p.common.workspace = static_cast<char*>(p.common.workspace) + 64; });
  refused_launch<TypeParam>(TRIMTAB_INVALID_ARGUMENT, "expected memory apart",
                            [](auto& p, auto&) { p.common.workspace = p.common.status; });
}

/** With all else right, a check ends at the addresses, or where there is no device. */
TYPED_TEST(EveryOperation, RefusesMemoryThatIsNoDeviceMemory) {
  auto params = valid<TypeParam>();
  trimtab_launch where = launch();
  trimtab_error error = fresh_error();
  trimtab_status status = call_check(&params, &where, &error);
  int32_t devices = 0;
  if (trimtab_device_count(&devices, nullptr) == TRIMTAB_SUCCESS) {
    EXPECT_EQ(status, TRIMTAB_WRONG_PLACE) << error.text;
    EXPECT_NE(std::strstr(error.text, "status: host memory"), nullptr) << error.text;
  } else {
    EXPECT_EQ(status, TRIMTAB_NO_DEVICE) << error.text;
  }
}

TYPED_TEST(EveryOperation, NamesItselfInErrors) {
  auto params = valid<TypeParam>();
  params.common.struct_size++;
  trimtab_error error = fresh_error();
  call_workspace(params, nullptr, &error);
  const char* name = trimtab_operation_name(error.operation);
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(std::string(error.text).find(std::string(name) + ": "), 0u) << error.text;
}

TEST(Tensors, AreCheckedInEveryRespect) {
  using P = trimtab_select_params;
  refused<P>("scores: none, expected dtype F32", [](P& p) { p.scores.dtype = TRIMTAB_NONE; });
  refused<P>("scores: unknown dtype, expected", [](P& p) { p.scores.dtype = 99; });
  refused<P>("scores: unknown dtype, expected", [](P& p) { p.scores.dtype = -1; });
  refused<P>("scores: F16, expected dtype F32", [](P& p) { p.scores.dtype = TRIMTAB_F16; });
  refused<P>("scores: rank 0, expected 1 to 4", [](P& p) { p.scores.rank = 0; });
  refused<P>("scores: rank 5, expected 1 to 4", [](P& p) { p.scores.rank = 5; });
  refused<P>("scores: size -1 of dimension 1", [](P& p) { p.scores.size[1] = -1; });
  refused<P>("scores: stride -64 of dimension 1", [](P& p) { p.scores.stride[1] = -64; });
  refused<P>("scores: shape [2, 3], expected [any, any, any]", [](P& p) { p.scores.rank = 2; });
  refused<P>("scores: stride 2 along the last dimension", [](P& p) { p.scores.stride[2] = 2; });
  refused<P>("scores: null, expected", [](P& p) { p.scores.data = nullptr; });
  refused<P>("expected a multiple of 4",
             [](P& p) { p.scores.data = static_cast<char*>(p.scores.data) + 2; });
  refused<P>("scores: 1535 bytes, expected the 1536 that its shape spans",
             [](P& p) { p.scores.bytes = 1535; });
  refused<P>("64 bits do not hold", [](P& p) { p.scores.stride[0] = INT64_MAX; });
  refused<P>("64 bits do not hold", [](P& p) { p.scores.stride[0] = INT64_MAX / 2; });
  refused<P>("expected less than the address space",
             [](P& p) { p.scores.data = reinterpret_cast<void*>(UINTPTR_MAX - 1023); });
  refused<P>("indices: stride 0 of dimension 1", [](P& p) { p.indices.stride[1] = 0; });
}

TEST(Tensors, ThatAreWrittenHaveNoElementTwice) {
  using P = trimtab_select_params;
  static_assert(ROWS == 2 && HEADS == 3 && PLACES == 40);
  refused<P>(
      "indices: stride 39 of dimension 1, expected more than 39, which smaller strides reach",
      [](P& p) { p.indices.stride[1] = PLACES - 1; });
  refused<P>("indices: stride 119 of dimension 0, expected more than 119",
             [](P& p) { p.indices.stride[0] = HEADS * PLACES - 1; });
  // Two dimensions that step alike.
  refused<P>("indices: stride 120 of dimension 1, expected more than 159",
             [](P& p) { p.indices.stride[1] = HEADS * PLACES; });
  // Heads outside, rows inside: in another order, but apart.
  auto params = valid<P>();
  params.indices.stride[0] = PLACES;
  params.indices.stride[1] = ROWS * PLACES;
  uint64_t bytes;
  trimtab_error error = fresh_error();
  EXPECT_EQ(trimtab_select_workspace(&params, &bytes, &error), TRIMTAB_SUCCESS) << error.text;
  params.indices.stride[1] = ROWS * PLACES - 1;
  EXPECT_EQ(trimtab_select_workspace(&params, &bytes, &error), TRIMTAB_INVALID_ARGUMENT);
  // Whatever is read may repeat.
  params = valid<P>();
  params.scores.stride[1] = 0;
  EXPECT_EQ(trimtab_select_workspace(&params, &bytes, &error), TRIMTAB_SUCCESS) << error.text;
  // A dimension of one place steps nowhere.
  auto evict = valid<trimtab_evict_params>();
  evict.target.lengths.stride[1] = 0;
  EXPECT_EQ(trimtab_evict_workspace(&evict, &bytes, &error), TRIMTAB_SUCCESS) << error.text;
}

TEST(Tensors, OfNoElementsNeedNoAddress) {
  auto params = valid<trimtab_select_params>();
  params.window = tensor(4, TRIMTAB_I32, {ROWS, 0});
  params.window.data = nullptr;
  params.window.bytes = 0;
  uint64_t bytes;
  trimtab_error error = fresh_error();
  EXPECT_EQ(trimtab_select_workspace(&params, &bytes, &error), TRIMTAB_SUCCESS) << error.text;
}

TEST(Tensors, ThatAreWrittenLieApart) {
  auto params = valid<trimtab_select_params>();
  trimtab_launch where = launch();
  params.indices.data = params.scores.data;
  trimtab_error error = fresh_error();
  EXPECT_EQ(trimtab_select_check(&params, &where, &error), TRIMTAB_INVALID_ARGUMENT);
  EXPECT_NE(std::strstr(error.text, "indices: overlaps scores"), nullptr) << error.text;
  params = valid<trimtab_select_params>();
  params.indices.data = static_cast<char*>(params.scores.data) + 1536 - 4;
  EXPECT_EQ(trimtab_select_check(&params, &where, &error), TRIMTAB_INVALID_ARGUMENT);
  params.indices.data = static_cast<char*>(params.scores.data) + 1536;
  trimtab_status behind = trimtab_select_check(&params, &where, &error);
  EXPECT_TRUE(behind == TRIMTAB_NO_DEVICE || behind == TRIMTAB_WRONG_PLACE) << error.text;
}

TEST(Pages, AreCheckedInEveryRespect) {
  using P = trimtab_append_params;
  refused<P>("target.dtype: none", [](P& p) { p.target.dtype = TRIMTAB_NONE; });
  refused<P>("target.dtype: INT4", [](P& p) { p.target.dtype = TRIMTAB_INT4; });
  refused<P>("target.tokens: 24", [](P& p) { p.target.tokens = 24; });
  refused<P>("target.heads: 0", [](P& p) { p.target.heads = 0; });
  refused<P>("target.heads: 65537", [](P& p) { p.target.heads = 65537; });
  refused<P>("target.head_dim: 12", [](P& p) { p.target.head_dim = 12; });
  refused<P>("target.head_dim: 264", [](P& p) { p.target.head_dim = 264; });
  refused<P>("target.pages: -1", [](P& p) { p.target.pages = -1; });
  // 3 heads x 2 x 16 tokens x 16 elements x 2 bytes = 3072 a page.
  refused<P>("target.pages: 20 of 3072 bytes each, expected at most the 19",
             [](P& p) { p.target.slab_bytes = 20 * 3072 - 1; });
  refused<P>("target.pages: 2147483647 of", [](P& p) {
    p.target.pages = INT_MAX;
    p.target.heads = 65536;
    p.target.tokens = 128;
    p.target.head_dim = 256;
    p.target.dtype = TRIMTAB_F32;
  });
  refused<P>("target.slab: address",
             [](P& p) { p.target.slab = static_cast<char*>(p.target.slab) + 64; });
  refused<P>("target.table: 2 lists a row, expected 1", [](P& p) {
    p.target.table = tensor(6, TRIMTAB_I32, {ROWS, 2, 3});
  });
  refused<P>("expected fewer than 2^31 tokens a list", [](P& p) {
    p.target.table = tensor(6, TRIMTAB_I32, {ROWS, 1, INT_MAX / 16 + 1});
  });
  refused<P>("target.lengths: shape [3, 1], expected [2, 1]",
             [](P& p) { p.target.lengths.size[0] = 3; });
  refused<P>("target.table: F32, expected dtype I32",
             [](P& p) { p.target.table.dtype = TRIMTAB_F32; });
}

TEST(NewTokens, AreLikeThePages) {
  using P = trimtab_append_params;
  refused<P>("fresh.k: none", [](P& p) { p.fresh.k.dtype = TRIMTAB_NONE; });
  refused<P>("fresh.k: INT8", [](P& p) { p.fresh.k.dtype = TRIMTAB_INT8; });
  refused<P>("fresh.v: none, expected dtype F32", [](P& p) { p.fresh.v.dtype = TRIMTAB_NONE; });
  refused<P>("fresh.v: F16, expected dtype F32", [](P& p) { p.fresh.v.dtype = TRIMTAB_F16; });
  refused<P>("fresh.v: shape [2, 3, 4, 16], expected [2, 3, 5, 16]",
             [](P& p) { p.fresh.v.size[2] = 4; });
  refused<P>("fresh.k: stride 2 along the last", [](P& p) { p.fresh.k.stride[3] = 2; });
  refused<P>("expected rows, heads and head dim of target: 2, 3, 24",
             [](P& p) { p.target.head_dim = 24; });
  refused<P>("fresh.lengths: shape [3], expected [2]", [](P& p) { p.fresh.lengths.size[0] = 3; });
}

TEST(Score, RefusesBadOptions) {
  using P = trimtab_score_params;
  refused<P>("history, fresh: absent", [](P& p) {
    p.scoring.history = {};
    p.scoring.fresh = {};
  });
  refused<P>("q: shape [2, 7, 5, 16], expected 2 rows, a multiple of 3 heads, and head dim 16",
             [](P& p) { p.scoring.q.size[1] = 7; });
  refused<P>("mode: 2", [](P& p) { p.scoring.mode = 2; });
  refused<P>("mask: 2 in mode 1", [](P& p) { p.scoring.mask = TRIMTAB_MASK_TREE; });
  refused<P>("mask: 1 in mode 0", [](P& p) {
    p.scoring.mask = TRIMTAB_MASK_CAUSAL;
    p.scoring.mode = TRIMTAB_MODE_RAW;
  });
  refused<P>("pooling: 3", [](P& p) { p.scoring.pooling = 3; });
  refused<P>("pool_width: 4", [](P& p) { p.scoring.pool_width = 4; });
  refused<P>("pool_width: 0", [](P& p) { p.scoring.pool_width = 0; });
  refused<P>("query_rows: 134217729 queries in 2 heads each, expected at most 2^28", [](P& p) {
    p.scoring.query_rows = tensor(3, TRIMTAB_I32, {ROWS, (1 << 27) + 1});
    p.scoring.query_rows.bytes = UINT64_MAX;
  });
  refused<P>("q: 134217729 queries in 2 heads each, expected at most 2^28", [](P& p) {
    p.scoring.query_rows = {};
    p.scoring.q = tensor(2, TRIMTAB_F16, {ROWS, HEADS * GROUP, (1 << 27) + 1, HEAD_DIM});
    p.scoring.q.bytes = UINT64_MAX;
  });
  refused<P>("scale: nan", [](P& p) { p.scoring.scale = std::nanf(""); });
  refused<P>("scale: inf", [](P& p) { p.scoring.scale = INFINITY; });
  refused<P>("scores: shape [2, 2, 64], expected [2, 3, any]",
             [](P& p) { p.scoring.scores.size[1] = 2; });
  refused<P>("window: shape [3, 4], expected [2, any]", [](P& p) {
    p.scoring.window = tensor(10, TRIMTAB_I32, {3, 4});
  });
}

TEST(Score, ReadsNoValuesButEvictDoes) {
  auto score = valid<trimtab_score_params>();
  score.scoring.fresh.v = {};
  uint64_t bytes;
  EXPECT_EQ(trimtab_score_workspace(&score, &bytes, nullptr), TRIMTAB_SUCCESS);
  using P = trimtab_evict_params;
  refused<P>("fresh.v: none", [](P& p) { p.scoring.fresh.v = {}; });
}

TEST(Select, RefusesLengthsAndCapacitiesOfOtherShapes) {
  using P = trimtab_select_params;
  refused<P>("lengths: shape [2, 2], expected [2, 3]", [](P& p) { p.lengths.size[1] = 2; });
  refused<P>("lengths: shape [3], expected [2]",
             [](P& p) { p.lengths = tensor(3, TRIMTAB_I32, {3}); });
  refused<P>("capacity: shape [2, 2], expected [2, 3]", [](P& p) { p.capacity.size[1] = 2; });
  refused<P>("indices: shape [2, 2, 40], expected [2, 3, any]",
             [](P& p) { p.indices.size[1] = 2; });
}

TEST(Survivors, GoToPagesLikeTheSource) {
  using P = trimtab_compact_params;
  refused<P>("head dim 24, expected those of history", [](P& p) { p.target.head_dim = 24; });
  refused<P>("target.dtype: none", [](P& p) { p.target = {}; });
  using E = trimtab_evict_params;
  refused<E>("capacity: shape [2, 3], expected [2, 1]", [](E& p) {
    p.capacity = tensor(12, TRIMTAB_I32, {ROWS, HEADS});
  });
}

TEST(Survivors, MayShareTheSlabOfTheSource) {
  auto params = valid<trimtab_compact_params>();
  params.target.slab = params.history.slab;
  trimtab_launch where = launch();
  trimtab_error error = fresh_error();
  trimtab_status shared = trimtab_compact_check(&params, &where, &error);
  EXPECT_TRUE(shared == TRIMTAB_NO_DEVICE || shared == TRIMTAB_WRONG_PLACE) << error.text;
  params.target.dtype = TRIMTAB_F32;
  EXPECT_EQ(trimtab_compact_check(&params, &where, &error), TRIMTAB_INVALID_ARGUMENT);
  EXPECT_NE(std::strstr(error.text, "target.slab: overlaps history.slab"), nullptr) << error.text;
}

TEST(Attend, RefusesMasksWithoutTheirArguments) {
  using P = trimtab_attend_params;
  refused<P>("mask: 3", [](P& p) { p.mask = 3; });
  refused<P>("mask: -1", [](P& p) { p.mask = -1; });
  refused<P>("as many new tokens as the 5 queries", [](P& p) { p.fresh = {}; });
  refused<P>("parents: none, expected dtype I32", [](P& p) { p.parents = {}; });
  refused<P>("parents: I32, expected none but for mask TREE",
             [](P& p) { p.mask = TRIMTAB_MASK_CAUSAL; });
  refused<P>("out: shape [2, 6, 5, 8], expected [2, 6, 5, 16]", [](P& p) { p.out.size[3] = 8; });
  refused<P>("lse: shape [2, 6, 4], expected [2, 6, 5]", [](P& p) { p.lse.size[2] = 4; });
  refused<P>("q: 65 queries, expected at most 64", [](P& p) {
    p.q = tensor(2, TRIMTAB_F16, {ROWS, HEADS * GROUP, 65, HEAD_DIM});
    p.fresh.k = tensor(7, TRIMTAB_F32, {ROWS, HEADS, 65, HEAD_DIM});
    p.fresh.v = tensor(8, TRIMTAB_F32, {ROWS, HEADS, 65, HEAD_DIM});
  });
}

TEST(Measures, RefuseBadOptions) {
  using C = trimtab_columnsums_params;
  refused<C>("mask: 2, expected NONE or CAUSAL", [](C& p) { p.mask = TRIMTAB_MASK_TREE; });
  refused<C>("q: 134217729 queries in 2 heads each, expected at most 2^28", [](C& p) {
    p.q = tensor(2, TRIMTAB_F16, {ROWS, HEADS * GROUP, (1 << 27) + 1, HEAD_DIM});
    p.q.bytes = UINT64_MAX;
  });
  using S = trimtab_selectivity_params;
  refused<S>("top: 0", [](S& p) { p.top = 0; });
  refused<S>("fresh: absent", [](S& p) { p.fresh = {}; });
  refused<S>("index: shape [2], expected [3]", [](S& p) { p.index.size[0] = 2; });
  refused<S>("expected at most 2^28 queries in all heads", [](S& p) {
    p.q = tensor(2, TRIMTAB_F16, {ROWS, HEADS * GROUP, 1 << 25, 16});
    p.q.bytes = UINT64_MAX;
  });
}

TEST(Head, RefusesRowsAndResultsThatDoNotFit) {
  using P = trimtab_head_params;
  refused<P>("rows.weight.format: I32", [](P& p) { p.rows.weight.format = TRIMTAB_I32; });
  refused<P>("rows.weight.codes: F16", [](P& p) { p.rows.weight.codes.dtype = TRIMTAB_F16; });
  refused<P>("rows.weight.scales: none", [](P& p) { p.rows.weight.scales = {}; });
  refused<P>("groups that divide 64", [](P& p) {
    p.rows.weight.scales = tensor(4, TRIMTAB_BF16, {100, 3});
  });
  refused<P>("expected one, since the rows are FP8_E4M3", [](P& p) {
    p.rows.weight = weights(3, TRIMTAB_FP8_E4M3, 100);
    p.rows.weight.scales = tensor(4, TRIMTAB_BF16, {100, 2});
  });
  refused<P>("rows.weight.scales: BF16, expected none", [](P& p) {
    p.rows.weight = weights(3, TRIMTAB_F16, 100);
    p.rows.weight.scales = tensor(4, TRIMTAB_BF16, {100, 1});
  });
  refused<P>("rows.packed: 2", [](P& p) { p.rows.packed = 2; });
  refused<P>("rows.vocabulary: 99", [](P& p) { p.rows.vocabulary = 99; });
  refused<P>("rows.ids: absent", [](P& p) {
    p.rows.packed = 1;
    p.rows.ids = {};
  });
  refused<P>("rows.ids: 101 ids, expected at most 100", [](P& p) {
    p.rows.packed = 1;
    p.rows.ids = tensor(5, TRIMTAB_I32, {101});
  });
  refused<P>("rows.count: I32, expected none", [](P& p) { p.rows.ids = {}; });
  refused<P>("hidden: shape [8, 63], expected [any, 64]", [](P& p) { p.hidden.size[1] = 63; });
  refused<P>("hidden: 65 vectors", [](P& p) { p.hidden = tensor(2, TRIMTAB_F32, {65, 64}); });
  refused<P>("hidden: 0 vectors", [](P& p) { p.hidden.size[0] = 0; });
  refused<P>("absent, expected at least one result", [](P& p) {
    p.logits = {};
    p.ids = {};
    p.values = {};
    p.log_sum_exp = {};
  });
  refused<P>("values: F32, expected none without ids", [](P& p) { p.ids = {}; });
  refused<P>("values: none", [](P& p) { p.values = {}; });
  refused<P>("ids: 31 a vector, expected 1 to 30", [](P& p) {
    p.ids = tensor(8, TRIMTAB_I32, {8, 31});
  });
  refused<P>("logits: shape [8, 29], expected [8, 30]", [](P& p) { p.logits.size[1] = 29; });
  refused<P>("65536 elements", [](P& p) {
    p.rows.weight.codes = tensor(3, TRIMTAB_INT8, {100, 32769});
  });
}

TEST(WeightRows, AreQuantisedAndPackedIntoTheirLike) {
  using Q = trimtab_quantize_params;
  refused<Q>("expected FP8_E4M3, INT8 or INT4",
             [](Q& p) { p.rows = weights(3, TRIMTAB_F16, 100); });
  refused<Q>("rows.scales: F16, expected dtype BF16",
             [](Q& p) { p.rows.scales.dtype = TRIMTAB_F16; });
  refused<Q>("weight: shape [99, 64], expected [100, 64]", [](Q& p) { p.weight.size[0] = 99; });
  using P = trimtab_pack_params;
  refused<P>("to: 30 rows, expected 29", [](P& p) { p.ids.size[0] = 29; });
  refused<P>("to: other rows than from", [](P& p) { p.to = weights(5, TRIMTAB_FP8_E4M3, 30); });
  refused<P>("to: other rows than from", [](P& p) { p.to.scales.dtype = TRIMTAB_F16; });
}

TEST(Verify, RefusesArgumentsOfAnotherMethod) {
  using P = trimtab_verify_params;
  refused<P>("method: 4", [](P& p) { p.method = 4; });
  refused<P>("draft: F32, expected none but for CHAIN and MULTI_ROUND",
             [](P& p) { p.method = TRIMTAB_VERIFY_GREEDY; });
  refused<P>("target: shape [2, 5, 100], expected [2, any]",
             [](P& p) { p.method = TRIMTAB_VERIFY_MULTI_ROUND; });
  refused<P>("target: shape [2, 4, 100], expected [2, 5, any]", [](P& p) { p.target.size[1] = 4; });
  refused<P>("draft: shape [2, 4, 30], expected [2, 4, 29]", [](P& p) { p.ids.size[0] = 29; });
  refused<P>("parents: I32, expected none but for TREE", [](P& p) {
    p.parents = tensor(10, TRIMTAB_I32, {ROWS, 4});
  });
  refused<P>("emitted: shape [2, 4], expected [2, 5]", [](P& p) { p.emitted.size[1] = 4; });
  refused<P>("accepted: shape [1], expected [2]", [](P& p) { p.accepted.size[0] = 1; });
  refused<P>("fewer than 2^31 drafted", [](P& p) {
    p.tokens = tensor(5, TRIMTAB_I32, {1 << 16, 1 << 16});
    p.tokens.bytes = UINT64_MAX;
  });
}

}  // namespace
}  // namespace trimtab::test
