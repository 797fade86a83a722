package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * What was measured of a model's attention.
 *
 * @param drafterOrder layers, from the one that needs its history most to the one that needs it
 *     least
 */
public record Calibration(List<Integer> drafterOrder) {

  /** Copies the order. */
  public Calibration {
    drafterOrder = List.copyOf(drafterOrder);
  }

  /**
   * Reads a model's {@code calibration.json}.
   *
   * @throws IllegalArgumentException naming file and key, where it has another form
   */
  public static Calibration read(Path file) throws IOException {
    return new Calibration(JsonObject.read(file).integers("suggested_order"));
  }
}
