// Linked into every test program that needs a device: without one, nothing of it runs, and it says
// so in the words by which CTest knows that it was skipped.
#include <gtest/gtest.h>

#include "trimtab.h"

namespace trimtab::test {
namespace {

class NeedsDevice : public testing::Environment {
 public:
  void SetUp() override {
    int32_t count = 0;
    trimtab_error error{};
    error.struct_size = sizeof error;
    if (trimtab_device_count(&count, &error) != TRIMTAB_SUCCESS) {
      GTEST_SKIP() << "no GPU: nothing of this program was tested: " << error.text;
    }
  }
};

const testing::Environment* const needs_device = testing::AddGlobalTestEnvironment(new NeedsDevice);

}  // namespace
}  // namespace trimtab::test
