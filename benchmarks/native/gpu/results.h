// The figures of a run as the JSON of benchmarks/results.
#pragma once

#include <string>
#include <vector>

#include "rounds.h"

namespace bench {

class Results {
 public:
  /** `name` on `shape`: the contestant `of`, beside `against` unless that is empty. */
  void speed(const std::string& name, const std::string& shape, const Rounds& rounds,
             const std::string& of, const std::string& against);

  /** Bytes a microsecond as GB/s. */
  void ceiling(const std::string& name, const Rounds& rounds);

  /** Nanoseconds that a call takes the host. */
  void call(const std::string& name, const std::string& shape, const Spread& nanoseconds);

  /** A sentence about what could not take part. */
  void absent(const std::string& sentence);

  /** Whole files only: written beside `path`, then renamed. */
  void write(const std::string& path, const std::string& commit) const;

 private:
  std::vector<std::string> absent_;
  std::vector<std::string> figures_;
};

}  // namespace bench
