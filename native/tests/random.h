// Numbers of tests: the same on every machine.
#pragma once

#include <cstdint>

namespace trimtab::test {

/** SplitMix64. */
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }

  /** A number in [0, 1). */
  float uniform() { return static_cast<float>(bits() >> 40) * 0x1p-24f; }

  /** A number in [0, bound). */
  int below(int bound) { return static_cast<int>(bits() % static_cast<uint64_t>(bound)); }

 private:
  uint64_t state_;
};

}  // namespace trimtab::test
