#include "images.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace bench {

namespace {

constexpr int ALL = 100;

/** Words and numbers of a line, read in order. */
class Line {
 public:
  explicit Line(const std::string& text) : text_(text), words_(text) {}

  std::string word() {
    std::string word;
    if (!(words_ >> word)) refuse();
    return word;
  }

  int number() {
    int number;
    if (!(words_ >> number)) refuse();
    return number;
  }

  /** The number behind a word. */
  int number(const char* name) {
    if (word() != name) refuse();
    return number();
  }

  /** The numbers that are left, behind a word. */
  std::vector<int> rest(const char* name) {
    std::vector<int> numbers{number(name)};
    for (int next; words_ >> next;) numbers.push_back(next);
    return numbers;
  }

 private:
  [[noreturn]] void refuse() const {
    fprintf(stderr, "gpu-benchmark: images.txt: %s\n", text_.c_str());
    exit(1);
  }

  std::string text_;
  std::istringstream words_;
};

Image read_image(Line& line) {
  Image image;
  image.model = line.word();
  image.percent = line.number();
  image.rows = line.number("rows");
  image.layers = line.number("layers");
  image.heads = line.number("heads");
  image.head_dim = line.number("dim");
  image.maps = line.rest("maps");
  image.evictions.resize(image.maps.size());
  return image;
}

Eviction read_eviction(Line& line) {
  Eviction eviction;
  eviction.tokens = line.number("keep");
  eviction.drafters.resize(line.number("drafters"));
  for (int& drafter : eviction.drafters) drafter = line.number();
  eviction.drafter_tokens = line.number("keep");
  eviction.window = line.rest("window");
  return eviction;
}

}  // namespace

int Eviction::capacity(int layer) const {
  bool drafter = std::find(drafters.begin(), drafters.end(), layer) != drafters.end();
  return drafter ? drafter_tokens : tokens;
}

std::string Image::name() const {
  return model + ", " + std::to_string(rows) + " rows, " +
         (percent == ALL ? "the full cache" : std::to_string(percent) + " % kept");
}

std::vector<Image> read_images(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    fprintf(stderr, "gpu-benchmark: cannot read %s\n", path.c_str());
    exit(1);
  }
  std::vector<Image> images;
  for (std::string text; std::getline(file, text);) {
    Line line(text);
    std::string kind = line.word();
    if (kind == "image") images.push_back(read_image(line));
    if (kind == "after") {
      int scale = line.number();
      images.back().evictions.at(scale - 1) = read_eviction(line);
    }
  }
  return images;
}

}  // namespace bench
