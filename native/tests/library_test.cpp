// The library as it is shipped: loads where there is no driver, says what it is, and exports what
// it should.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "trimtab.h"

namespace trimtab::test {
namespace {

class Library : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    handle = dlopen(path("TRIMTAB_TEST_LIBRARY", TRIMTAB_LIBRARY).c_str(), RTLD_NOW | RTLD_LOCAL);
  }

  /** Where something lies: as an environment variable says, or where it was built. */
  static std::string path(const char* variable, const char* built) {
    const char* moved = std::getenv(variable);
    return moved != nullptr ? moved : built;
  }

  void SetUp() override { ASSERT_NE(handle, nullptr) << dlerror(); }

  /** The library's own function, not the one linked into this program. */
  template <typename Function>
  static Function* find(const char* name) {
    return reinterpret_cast<Function*>(dlsym(handle, name));
  }

  static inline void* handle = nullptr;
};

#define FIND(name) find<decltype(name)>(#name)

TEST_F(Library, ReportsItsAbiAndBuild) {
  EXPECT_EQ(FIND(trimtab_abi_version)(), TRIMTAB_ABI);
  EXPECT_NE(std::strstr(FIND(trimtab_build)(), "0.1.0 ("), nullptr);
}

TEST_F(Library, HasThreeFunctionsForEveryOperation) {
#define TRIMTAB_X(NAME, name)                           \
  EXPECT_NE(FIND(trimtab_##name), nullptr) << #name;    \
  EXPECT_NE(FIND(trimtab_##name##_check), nullptr);     \
  EXPECT_NE(FIND(trimtab_##name##_workspace), nullptr); \
  EXPECT_STREQ(FIND(trimtab_operation_name)(TRIMTAB_OPERATION_##NAME), #name);
  TRIMTAB_OPERATIONS(TRIMTAB_X)
#undef TRIMTAB_X
}

TEST_F(Library, NamesEveryNumberAndNoOther) {
  EXPECT_STREQ(FIND(trimtab_status_text)(TRIMTAB_SUCCESS), "success");
  EXPECT_NE(FIND(trimtab_status_text)(TRIMTAB_CONTEXT_LOST), nullptr);
  EXPECT_EQ(FIND(trimtab_status_text)(TRIMTAB_CONTEXT_LOST + 1), nullptr);
  EXPECT_EQ(FIND(trimtab_status_text)(-1), nullptr);
  EXPECT_EQ(FIND(trimtab_operation_name)(TRIMTAB_OPERATION_NONE), nullptr);
  EXPECT_EQ(FIND(trimtab_operation_name)(TRIMTAB_OPERATION_VERIFY + 1), nullptr);
  EXPECT_STREQ(FIND(trimtab_argument_name)(TRIMTAB_ARGUMENT_HISTORY_TABLE), "history.table");
  EXPECT_STREQ(FIND(trimtab_argument_name)(TRIMTAB_ARGUMENT_SAMPLE_U), "sampleU");
  EXPECT_EQ(FIND(trimtab_argument_name)(TRIMTAB_ARGUMENT_SAMPLE_U + 1), nullptr);
  EXPECT_NE(FIND(trimtab_problem_text)(TRIMTAB_PROBLEM_UNDRAWN), nullptr);
  EXPECT_EQ(FIND(trimtab_problem_text)(TRIMTAB_PROBLEM_UNDRAWN + 1), nullptr);
}

/** A struct that moves breaks whoever was compiled before: raise TRIMTAB_ABI with the baseline. */
TEST_F(Library, LaysStructsOutAsTheBaselineSays) {
  auto layout = FIND(trimtab_layout);
  uint64_t bytes = layout(nullptr, 0);
  std::string actual(bytes, 'x');
  ASSERT_EQ(layout(actual.data(), bytes), bytes);
  ASSERT_EQ(actual.back(), 0);
  actual.pop_back();
  std::ifstream file(path("TRIMTAB_TEST_LAYOUT", TRIMTAB_LAYOUT));
  std::stringstream expected;
  expected << "abi " << TRIMTAB_ABI << "\n" << actual;
  std::stringstream baseline;
  baseline << file.rdbuf();
  EXPECT_EQ(expected.str(), baseline.str());
}

TEST_F(Library, WritesNoMoreLayoutThanThereIsRoom) {
  char text[16];
  std::memset(text, 'x', sizeof text);
  FIND(trimtab_layout)(text, 8);
  EXPECT_STREQ(text, "struct ");
  EXPECT_EQ(text[8], 'x');
}

TEST_F(Library, CountsDevicesOrSaysWhyThereAreNone) {
  int32_t count = -1;
  trimtab_error error{};
  error.struct_size = sizeof error;
  trimtab_status status = FIND(trimtab_device_count)(&count, &error);
  if (status == TRIMTAB_SUCCESS) {
    EXPECT_GT(count, 0);
    return;
  }
  EXPECT_EQ(status, TRIMTAB_NO_DEVICE);
  EXPECT_EQ(error.status, TRIMTAB_NO_DEVICE);
  EXPECT_EQ(count, 0);
  EXPECT_GT(std::strlen(error.text), 20u);
  trimtab_launch launch{sizeof(trimtab_launch), 0, nullptr};
  error.text[0] = 0;
  EXPECT_EQ(FIND(trimtab_noop)(&launch, &error), TRIMTAB_NO_DEVICE);
  EXPECT_GT(std::strlen(error.text), 20u) << "the reason comes again";
  trimtab_device info{};
  info.struct_size = sizeof info;
  EXPECT_EQ(FIND(trimtab_device_info)(0, &info, &error), TRIMTAB_NO_DEVICE);
}

TEST_F(Library, DescribesTheDevicesThatThereAre) {
  auto describe = FIND(trimtab_device_info);
  int32_t count = 0;
  FIND(trimtab_device_count)(&count, nullptr);
  for (int32_t device = 0; device < count; device++) {
    trimtab_device info{};
    trimtab_error error{};
    error.struct_size = sizeof error;
    EXPECT_EQ(describe(device, &info, &error), TRIMTAB_WRONG_STRUCT);
    info.struct_size = sizeof info;
    trimtab_status status = describe(device, &info, &error);
    EXPECT_TRUE(status == TRIMTAB_SUCCESS || status == TRIMTAB_NO_CODE) << error.text;
    EXPECT_EQ(info.device, device);
    EXPECT_GT(info.major, 0);
    EXPECT_GT(info.processors, 0);
    EXPECT_GT(info.memory_bytes, 0u);
    EXPECT_NE(info.name[0], 0);
  }
}

}  // namespace
}  // namespace trimtab::test
