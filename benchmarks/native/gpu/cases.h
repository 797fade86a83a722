// What is measured. Each function adds its figures to the results.
#pragma once

#include "ceilings.h"
#include "cublas.h"
#include "cudnn.h"
#include "driver.h"
#include "results.h"

namespace bench {

struct Bench {
  Results& results;
  const Ceilings& ceilings;
  const Cublas& cublas;
  const Cudnn& cudnn;
  uint64_t l2_bytes;
  std::string images;  // the file images.txt

  /** Copies of data of which a launch touches so many bytes: as many as leave the L2 cache several
   * times over. */
  int sets_for(double bytes) const {
    if (emulated()) return 2;
    return static_cast<int>(4.0 * static_cast<double>(l2_bytes) / bytes) + 2;
  }
};

/** A size, and what stands for it where the CPU runs the kernels. */
inline int size(int full, int tiny) { return emulated() ? tiny : full; }

template <typename Make>
std::vector<Launch> copies(int sets, Make make) {
  std::vector<Launch> launches;
  for (int set = 0; set < sets; set++) launches.push_back(make(set));
  return launches;
}

std::string format_name(int32_t dtype);

/** append, compact, score, select and evict on Infinity-2B's cache. */
void cache_cases(const Bench& bench);

/** Draft heads of every row format. */
void head_cases(const Bench& bench);

/** Attention over pages and new tokens. */
void attention_cases(const Bench& bench);

/** Attention and cache of whole images of published shapes. */
void image_case(const Bench& bench);

/** What an enqueued operation costs the host, from C++. */
void host_case(const Bench& bench);

}  // namespace bench
