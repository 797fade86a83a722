// The images of images.txt: shapes of published models, and what their caches keep.
#pragma once

#include <string>
#include <vector>

namespace bench {

/** What a layer keeps after a scale, if it holds more. */
struct Eviction {
  int tokens;
  std::vector<int> drafters;  // layers that keep another number
  int drafter_tokens;
  std::vector<int> window;  // places in the scale's map

  int capacity(int layer) const;
};

struct Image {
  std::string model;
  int percent;
  int rows, layers, heads, head_dim;
  std::vector<int> maps;            // tokens of each scale
  std::vector<Eviction> evictions;  // of each scale; no window: none

  /** As torch_peers.py and ImagePlan make it. */
  std::string name() const;
};

/** Ends the program with exit code 1 where the file is not as its head says. */
std::vector<Image> read_images(const std::string& path);

}  // namespace bench
