#include "ceilings.h"

#include "driver.h"

namespace bench {

namespace {

constexpr unsigned THREADS = 512;
constexpr unsigned BLOCKS_A_PROCESSOR = 4;
constexpr unsigned WORD = 16;
constexpr unsigned UNROLL = 8;  // as in ceilings.cu

const char* const READ_PERSISTENT = "memory read, blocks that stay";
const char* const READ_ONCE = "memory read, a block a piece";
const char* const COPY_PERSISTENT = "memory copy, blocks that stay";
const char* const COPY_ONCE = "memory copy, a block a piece";
const char* const COPY_DRIVER = "memory copy, the driver's";

void launch(void* function, unsigned blocks, void** parameters) {
  check(driver().cuLaunchKernel(function, blocks, 1, 1, THREADS, 1, 1, 0, stream(), parameters,
                                nullptr),
        "launching a ceiling");
}

}  // namespace

Ceilings::Ceilings(const std::string& module, int processors)
    : processors_(static_cast<unsigned>(processors)),
      bytes_(emulated() ? 1 << 16 : uint64_t{1} << 30) {
  from_ = memory_.zeroed(bytes_);
  to_ = memory_.zeroed(bytes_);
  if (driver().cuModuleLoad == nullptr) return;
  Handle loaded;
  check(driver().cuModuleLoad(&loaded, module.c_str()), module.c_str());
  check(driver().cuModuleGetFunction(&read_, loaded, "read_all"), "read_all");
  check(driver().cuModuleGetFunction(&copy_, loaded, "copy_all"), "copy_all");
}

Launch Ceilings::read(unsigned blocks) const {
  return [this, blocks] {
    void* from = from_;
    void* sink = to_;
    size_t count = bytes_ / WORD;
    void* parameters[] = {&from, &count, &sink};
    launch(read_, blocks, parameters);
  };
}

Launch Ceilings::copy(unsigned blocks) const {
  return [this, blocks] {
    void* from = from_;
    void* to = to_;
    size_t count = bytes_ / WORD;
    void* parameters[] = {&to, &from, &count};
    launch(copy_, blocks, parameters);
  };
}

void Ceilings::add_read(Rounds& rounds) const {
  if (read_ == nullptr) return;
  rounds.add(READ_PERSISTENT, static_cast<double>(bytes_),
             {read(processors_ * BLOCKS_A_PROCESSOR)});
  rounds.add(READ_ONCE, static_cast<double>(bytes_), {read(bytes_ / WORD / THREADS / UNROLL)});
}

void Ceilings::add_copy(Rounds& rounds) const {
  double bytes = 2.0 * static_cast<double>(bytes_);
  rounds.add(
      COPY_DRIVER, bytes, {[this] {
        check(driver().cuMemcpyDtoDAsync_v2(reinterpret_cast<Address>(to_),
                                            reinterpret_cast<Address>(from_), bytes_, stream()),
              "the driver's copy");
      }});
  if (copy_ == nullptr) return;
  rounds.add(COPY_PERSISTENT, bytes, {copy(processors_ * BLOCKS_A_PROCESSOR)});
  rounds.add(COPY_ONCE, bytes, {copy(bytes_ / WORD / THREADS / UNROLL)});
}

std::vector<std::string> Ceilings::reads() { return {READ_PERSISTENT, READ_ONCE}; }

std::vector<std::string> Ceilings::copies() { return {COPY_PERSISTENT, COPY_ONCE, COPY_DRIVER}; }

}  // namespace bench
