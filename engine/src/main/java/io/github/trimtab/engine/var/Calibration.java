package io.github.trimtab.engine.var;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What was measured of a model's attention: which layers look far back at which scale. */
public final class Calibration {

  private final Map<Integer, List<Integer>> layersByScale = new HashMap<>();

  private Calibration() {}

  /**
   * Reads a model's {@code calibration.json}.
   *
   * @throws IllegalArgumentException naming file and key, where it has another form
   */
  public static Calibration read(Path file) throws IOException {
    Calibration calibration = new Calibration();
    for (JsonObject entry : JsonObject.read(file).objects("drafters")) {
      calibration.layersByScale.put(entry.integer("scale") + 1, entry.integers("by_selectivity"));
    }
    return calibration;
  }

  /**
   * The clearest drafters of each scale that was measured, by scale number (from 1).
   *
   * @param count how many a scale, at most the model's layers
   */
  public Map<Integer, Set<Integer>> drafters(int count) {
    Map<Integer, Set<Integer>> drafters = new HashMap<>();
    layersByScale.forEach(
        (scale, layers) -> drafters.put(scale, new LinkedHashSet<>(layers.subList(0, count))));
    return drafters;
  }
}
