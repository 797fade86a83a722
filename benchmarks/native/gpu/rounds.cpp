#include "rounds.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "driver.h"

namespace bench {

namespace {

int warm_up_rounds() { return emulated() ? 1 : 5; }
int measured_rounds() { return emulated() ? 2 : 40; }
constexpr int LEAST_ROUNDS = 7;
constexpr double ENOUGH_SECONDS = 10;

/** Runs a graph and waits; by the device's clock, by the host's in the emulation. */
double milliseconds(void* graph) {
  static Handle start, end;
  if (start == nullptr) {
    check(driver().cuEventCreate(&start, 0), "an event");
    check(driver().cuEventCreate(&end, 0), "an event");
  }
  auto before = std::chrono::steady_clock::now();
  check(driver().cuEventRecord(start, stream()), "recording an event");
  check(driver().cuGraphLaunch(graph, stream()), "launching a graph");
  check(driver().cuEventRecord(end, stream()), "recording an event");
  synchronize();
  if (emulated()) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before)
        .count();
  }
  float elapsed;
  check(driver().cuEventElapsedTime(&elapsed, start, end), "the time between events");
  return elapsed;
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  auto quantile = [&](double fraction) {
    double place = fraction * static_cast<double>(values.size() - 1);
    size_t below = static_cast<size_t>(place);
    size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
  };
  return {quantile(0.25), quantile(0.5), quantile(0.75)};
}

int Rounds::least_nodes() { return emulated() ? 2 : 32; }

Rounds::~Rounds() {
  for (const Contestant& contestant : contestants_) {
    check(driver().cuGraphExecDestroy(contestant.graph), "freeing a graph");
  }
}

void Rounds::add(const std::string& name, double work, const std::vector<Launch>& sets) {
  capture(name, work, sets, std::max(least_nodes(), static_cast<int>(sets.size())));
}

void Rounds::add_whole(const std::string& name, const Launch& launches) {
  capture(name, 1, {launches}, 1);
}

void Rounds::capture(const std::string& name, double work, const std::vector<Launch>& sets,
                     int nodes) {
  // What is loaded or chosen at the first launch is not captured.
  for (const Launch& launch : sets) launch();
  synchronize();
  check_status_word();
  constexpr unsigned THREAD_LOCAL = 1;
  Handle graph, executable;
  check(driver().cuStreamBeginCapture_v2(stream(), THREAD_LOCAL), "capturing a graph");
  for (int i = 0; i < nodes; i++) sets[i % sets.size()]();
  check(driver().cuStreamEndCapture(stream(), &graph), "capturing a graph");
  check(driver().cuGraphInstantiateWithFlags(&executable, graph, 0), "instantiating a graph");
  check(driver().cuGraphDestroy(graph), "freeing a graph");
  contestants_.push_back({name, work, nodes, executable, {}});
}

void Rounds::run() {
  auto start = std::chrono::steady_clock::now();
  auto goes_on = [&](int round) {
    std::chrono::duration<double> since = std::chrono::steady_clock::now() - start;
    return round < measured_rounds() && (round < LEAST_ROUNDS || since.count() < ENOUGH_SECONDS);
  };
  for (int round = -warm_up_rounds(); goes_on(round); round++) {
    for (Contestant& contestant : contestants_) {
      double time = milliseconds(contestant.graph);
      if (round >= 0) contestant.microseconds.push_back(1e3 * time / contestant.nodes);
    }
  }
  check_status_word();
}

bool Rounds::has(const std::string& name) const {
  return std::any_of(contestants_.begin(), contestants_.end(),
                     [&](auto& c) { return c.name == name; });
}

const Rounds::Contestant& Rounds::named(const std::string& name) const {
  return *std::find_if(contestants_.begin(), contestants_.end(),
                       [&](auto& c) { return c.name == name; });
}

std::string Rounds::best(const std::vector<std::string>& names) const {
  std::string best;
  for (const std::string& name : names) {
    if (has(name) && (best.empty() || rate(name).median > rate(best).median)) best = name;
  }
  return best;
}

Spread Rounds::time(const std::string& name) const { return spread_of(named(name).microseconds); }

Spread Rounds::time_for(const std::string& name, const std::string& of) const {
  double factor = named(of).work / named(name).work;
  Spread time = this->time(name);
  return {time.q1 * factor, time.median * factor, time.q3 * factor};
}

Spread Rounds::ratio(const std::string& name, const std::string& other) const {
  const Contestant& one = named(name);
  const Contestant& two = named(other);
  std::vector<double> ratios;
  for (size_t i = 0; i < one.microseconds.size(); i++) {
    ratios.push_back(one.work / one.microseconds[i] / (two.work / two.microseconds[i]));
  }
  return spread_of(ratios);
}

Spread Rounds::rate(const std::string& name) const {
  const Contestant& one = named(name);
  std::vector<double> rates;
  for (double time : one.microseconds) rates.push_back(one.work / time);
  return spread_of(rates);
}

}  // namespace bench
