#include <algorithm>
#include <cmath>
#include <map>

#include "cases.h"
#include "images.h"

namespace bench {

namespace {

constexpr uint64_t WORKSPACE_BYTES = uint64_t{64} << 20;

/** Queries, keys and values of a scale, and room for what attention returns: all layers use them
 * one after the other, as a model's layers use the buffers of their activations. */
struct Map {
  trimtab_tensor q;
  trimtab_new_tokens fresh;
  trimtab_tensor out;
};

std::vector<Map> random_maps(Memory& memory, const Image& image) {
  std::vector<Map> maps;
  for (int tokens : image.maps) {
    Map map;
    map.q = memory.random(TRIMTAB_BF16, {image.rows, image.heads, tokens, image.head_dim});
    map.fresh = memory.tokens(TRIMTAB_BF16, image.rows, image.heads, image.head_dim, tokens);
    map.out = memory.zeros(TRIMTAB_F32, {image.rows, image.heads, tokens, image.head_dim});
    maps.push_back(map);
  }
  return maps;
}

/** The work of one image on attention and cache: every scale, every layer. */
class Walk {
 public:
  Walk(Memory& memory, const Image& image, const std::vector<Map>& maps)
      : memory_(memory),
        image_(image),
        scale_(1 / std::sqrt(static_cast<float>(image.head_dim))),
        workspace_{memory.zeroed(WORKSPACE_BYTES), WORKSPACE_BYTES},
        lengths_(memory.zeros(TRIMTAB_I32, {2, image.layers, image.rows})) {
    for (int layer = 0; layer < image.layers; layer++) layers_.push_back(layer_of(layer));
    for (size_t i = 0; i < maps.size(); i++) {
      for (int layer = 0; layer < image.layers; layer++) {
        step(layer, static_cast<int>(i), maps[i]);
      }
    }
  }

  /** An image, from empty lists. */
  Launch launch() const {
    return [launches = launches_, lengths = lengths_] {
      check(driver().cuMemsetD8Async(reinterpret_cast<Address>(lengths.data), 0, lengths.bytes,
                                     stream()),
            "emptying lists");
      for (const Launch& launch : launches) launch();
    };
  }

 private:
  /** Two lists a row, of which one receives what stays of the other. */
  struct Layer {
    trimtab_pages lists[2];
    int current = 0;
    int held = 0;
  };

  /** What a layer holds once a scale is stored. */
  int held_after(int layer, int scale, int held) const {
    const Eviction& eviction = image_.evictions[scale];
    int all = held + image_.maps[scale];
    return eviction.window.empty() ? all : std::min(all, eviction.capacity(layer));
  }

  Layer layer_of(int layer) {
    int held = 0, longest[2] = {}, current = 0;
    for (size_t scale = 0; scale + 1 < image_.maps.size(); scale++) {
      int all = held + image_.maps[scale];
      held = held_after(layer, static_cast<int>(scale), held);
      if (held < all) current = 1 - current;
      longest[current] = std::max(longest[current], held);
    }
    Layer result;
    for (int list = 0; list < 2; list++) {
      result.lists[list] = memory_.empty_pages(TRIMTAB_BF16, image_.rows, image_.heads,
                                               image_.head_dim, longest[list]);
      // Of all lists side by side, so that one launch empties them.
      trimtab_tensor& lengths = result.lists[list].lengths;
      lengths.data =
          static_cast<int32_t*>(lengths_.data) + (list * image_.layers + layer) * image_.rows;
    }
    return result;
  }

  /** The lists as far as they hold so many tokens. */
  static trimtab_pages part(trimtab_pages pages, int tokens) {
    pages.table.size[2] = (tokens + pages.tokens - 1) / pages.tokens;
    return pages;
  }

  void step(int number, int scale, const Map& map) {
    Layer& layer = layers_[number];
    trimtab_attend_params attend{};
    attend.q = map.q;
    if (layer.held > 0) attend.history = part(layer.lists[layer.current], layer.held);
    attend.fresh = map.fresh;
    attend.out = map.out;
    attend.scale = scale_;
    launches_.push_back(operation(memory_, attend, workspace_));
    if (scale + 1 == static_cast<int>(image_.maps.size())) return;  // nothing attends to the last

    int all = layer.held + image_.maps[scale];
    int kept = held_after(number, scale, layer.held);
    if (kept < all) {
      launches_.push_back(operation(memory_, evict(layer, scale, kept, attend), workspace_));
      layer.current = 1 - layer.current;
    } else {
      trimtab_append_params append{};
      append.fresh = map.fresh;
      append.target = part(layer.lists[layer.current], all);
      launches_.push_back(operation(memory_, append, workspace_));
    }
    layer.held = kept;
  }

  trimtab_evict_params evict(const Layer& layer, int scale, int kept,
                             const trimtab_attend_params& attend) {
    int all = layer.held + image_.maps[scale];
    const std::vector<int>& window = image_.evictions[scale].window;
    trimtab_evict_params params{};
    params.scoring.q = attend.q;
    params.scoring.query_rows = for_each_row(window, 0);
    params.scoring.history = attend.history;
    params.scoring.fresh = attend.fresh;
    params.scoring.window = for_each_row(window, layer.held);
    params.scoring.scores = shared(TRIMTAB_F32, all);
    params.scoring.pooling = TRIMTAB_POOLING_MAX;
    params.scoring.pool_width = 5;
    params.scoring.scale = scale_;
    params.capacity = for_each_row({kept}, 0);
    params.indices = shared(TRIMTAB_I32, kept);
    params.target = part(layer.lists[1 - layer.current], kept);
    return params;
  }

  /** The same numbers for each row, made once. */
  trimtab_tensor for_each_row(const std::vector<int>& numbers, int more) {
    std::vector<int32_t> all;
    for (int row = 0; row < image_.rows; row++) {
      for (int number : numbers) all.push_back(number + more);
    }
    auto [place, isNew] = integers_.try_emplace(all);
    if (isNew) {
      place->second = memory_.integers(all, {image_.rows, static_cast<int64_t>(numbers.size())});
    }
    return place->second;
  }

  /** [rows, heads, tokens] that the next eviction may overwrite. */
  trimtab_tensor shared(int32_t dtype, int tokens) {
    auto [place, isNew] = scratch_.try_emplace({dtype, tokens});
    if (isNew) place->second = memory_.zeros(dtype, {image_.rows, image_.heads, tokens});
    return place->second;
  }

  Memory& memory_;
  const Image& image_;
  float scale_;
  Workspace workspace_;
  trimtab_tensor lengths_;
  std::vector<Layer> layers_;
  std::map<std::vector<int32_t>, trimtab_tensor> integers_;
  std::map<std::pair<int32_t, int>, trimtab_tensor> scratch_;
  std::vector<Launch> launches_;
};

/** All budgets of one model, in turn. */
void model(const Bench& bench, const std::vector<Image>& images) {
  Memory memory;
  std::vector<Map> maps = random_maps(memory, images.front());
  Rounds rounds;
  for (const Image& image : images) {
    rounds.add_whole(image.name(), Walk(memory, image, maps).launch());
  }
  rounds.run();
  for (const Image& image : images) {
    bool full = &image == &images.front();
    bench.results.speed("image", image.name(), rounds, image.name(),
                        full ? "" : images.front().name());
  }
}

}  // namespace

void image_case(const Bench& bench) {
  std::map<std::pair<std::string, int>, std::vector<Image>> models;
  for (Image& image : read_images(bench.images)) {
    if (emulated()) {
      // A part of the smallest image.
      if (image.model != "VAR-d30" || image.rows != 2) continue;
      image.layers = 2;
      image.heads = 1;
      image.maps.resize(7);
    }
    models[{image.model, image.rows}].push_back(image);
  }
  for (const auto& [name, images] : models) model(bench, images);
}

}  // namespace bench
