#include "results.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "driver.h"

namespace bench {

namespace {

std::string text(const std::string& plain) {
  std::string quoted = "\"";
  for (char c : plain) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string json(const Spread& spread) {
  char line[128];
  snprintf(line, sizeof line, "{\"q1\": %.6g, \"median\": %.6g, \"q3\": %.6g}", spread.q1,
           spread.median, spread.q3);
  return line;
}

std::string figure(const char* group, const std::string& name, const std::string& shape,
                   const char* unit, const Spread& value, const std::string& peer) {
  return std::string("{\"group\": \"") + group + "\", \"name\": " + text(name) +
         ", \"shape\": " + text(shape) + ", \"threads\": 0, \"unit\": \"" + unit +
         "\", \"value\": " + json(value) + ", \"peer\": " + peer + "}";
}

std::string joined(const std::vector<std::string>& items) {
  std::string all;
  for (const std::string& item : items) all += (all.empty() ? "\n    " : ",\n    ") + item;
  return all;
}

std::string machine() {
  trimtab_device gpu = device();
  utsname system{};
  uname(&system);
  char software[256];
  snprintf(software, sizeof software, "driver for CUDA %d.%d, libtrimtab %s",
           gpu.driver_version / 1000, gpu.driver_version % 1000 / 10, library_build());
  return "{\"cpu\": " + text(gpu.name) + ", \"cores\": " + std::to_string(gpu.processors) +
         ", \"system\": " + text(std::string(system.sysname) + " " + system.release) +
         ", \"jdk\": \"\", \"backend\": " + text(software) + ", \"compiler\": \"\"}";
}

}  // namespace

void Results::speed(const std::string& name, const std::string& shape, const Rounds& rounds,
                    const std::string& of, const std::string& against) {
  std::string peer = "null";
  if (!against.empty()) {
    peer = "{\"name\": " + text(against) + ", \"value\": " + json(rounds.time_for(against, of)) +
           ", \"ratio\": " + json(rounds.ratio(of, against)) + "}";
  }
  figures_.push_back(figure("SPEED", name, shape, "us", rounds.time(of), peer));
  fprintf(stderr, "%s, %s: %.3g us%s\n", name.c_str(), shape.c_str(), rounds.time(of).median,
          emulated() ? " on the CPU's emulation, which says nothing of speed" : "");
}

void Results::ceiling(const std::string& name, const Rounds& rounds) {
  Spread rate = rounds.rate(name);
  figures_.push_back(figure("CEILING", name, "", "GB/s",
                            {rate.q1 / 1e3, rate.median / 1e3, rate.q3 / 1e3}, "null"));
}

void Results::call(const std::string& name, const std::string& shape, const Spread& nanoseconds) {
  figures_.push_back(figure("CALL", name, shape, "ns", nanoseconds, "null"));
}

void Results::absent(const std::string& sentence) {
  if (std::find(absent_.begin(), absent_.end(), text(sentence)) == absent_.end())
    absent_.push_back(text(sentence));
}

void Results::write(const std::string& path, const std::string& commit) const {
  char date[16];
  time_t now = time(nullptr);
  strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
  std::string part = path + ".part";
  std::ofstream file(part);
  file << "{\n  \"machine\": " << machine() << ",\n  \"commit\": " << text(commit)
       << ",\n  \"date\": " << text(date) << ",\n  \"absent\": [" << joined(absent_)
       << "],\n  \"figures\": [" << joined(figures_) << "\n  ]\n}\n";
  file.close();
  if (!file || rename(part.c_str(), path.c_str()) != 0) {
    fprintf(stderr, "gpu-benchmark: cannot write %s\n", path.c_str());
    exit(1);
  }
}

}  // namespace bench
