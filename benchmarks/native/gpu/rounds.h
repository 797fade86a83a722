// Contestants timed in turn, A B C A B C, each as one CUDA graph of many launches.
#pragma once

#include <string>
#include <vector>

#include "operation.h"

namespace bench {

/** Median and quartiles. */
struct Spread {
  double q1, median, q3;
};

/** Of at least one value. */
Spread spread_of(std::vector<double> values);

class Rounds {
 public:
  Rounds() = default;
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;
  ~Rounds();

  /** Launches of a graph, at least: fewer would mostly measure what starting a graph costs. */
  static int least_nodes();

  /**
   * Captures a graph that walks through launches of the same work on different data, so that none
   * finds its own in the L2 cache.
   *
   * work: bytes or operations of one launch; ratios are in terms of it
   */
  void add(const std::string& name, double work, const std::vector<Launch>& sets);

  /** The same of many launches that touch far more than the cache: the graph holds them once. */
  void add_whole(const std::string& name, const Launch& launches);

  void run();

  bool has(const std::string& name) const;

  /** The fastest of those that take part. */
  std::string best(const std::vector<std::string>& names) const;

  /** Microseconds of a launch. */
  Spread time(const std::string& name) const;

  /** Microseconds that `name` would take for the work of `of`. */
  Spread time_for(const std::string& name, const std::string& of) const;

  /** How many times as fast as `other` per work, round by round. */
  Spread ratio(const std::string& name, const std::string& other) const;

  /** Work a microsecond. */
  Spread rate(const std::string& name) const;

 private:
  void capture(const std::string& name, double work, const std::vector<Launch>& sets, int nodes);

  struct Contestant {
    std::string name;
    double work;
    int nodes;
    void* graph;
    std::vector<double> microseconds;
  };
  const Contestant& named(const std::string& name) const;

  std::vector<Contestant> contestants_;
};

}  // namespace bench
