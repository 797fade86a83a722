// What the device can do at all, to be added to every measurement that is held against it.
#pragma once

#include <string>
#include <vector>

#include "rounds.h"

namespace bench {

class Ceilings {
 public:
  /** module: ceilings.cu as compiled; without it, and in the emulation, only the driver's copy
   * remains. */
  Ceilings(const std::string& module, int processors);

  /** Forms of reading memory; a launch reads all of a buffer far larger than the L2 cache. */
  void add_read(Rounds& rounds) const;

  /** Forms of copying memory; bytes are those read and those written. */
  void add_copy(Rounds& rounds) const;

  /** Those of the forms that take part. */
  static std::vector<std::string> reads();
  static std::vector<std::string> copies();

 private:
  Launch read(unsigned blocks) const;
  Launch copy(unsigned blocks) const;

  void* read_ = nullptr;
  void* copy_ = nullptr;
  unsigned processors_;
  uint64_t bytes_;
  Memory memory_;
  void* from_;
  void* to_;
};

}  // namespace bench
