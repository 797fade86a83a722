package io.github.trimtab.engine.study;

import io.github.trimtab.engine.var.Noise;
import io.github.trimtab.engine.var.Rollout;
import io.github.trimtab.engine.var.Sampler;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.kernel.Kernels;

/**
 * Maps that the model itself draws with the full cache: no guidance, nothing dropped, temperature
 * 1. On such maps the rise of the cross-entropy is an unbiased estimate of the divergence.
 *
 * <p>Calibration and evaluation share neither classes nor noise: calibration has the odd classes,
 * evaluation the even ones, and each its own seed.
 */
public final class DrawnMaps {

  private DrawnMaps() {}

  /** The class of a calibration map: an odd one. */
  static int calibrationLabel(int classes, int map) {
    int odd = classes / 2;
    if (odd == 0) {
      throw new IllegalArgumentException(
          "classes: " + classes + ", expected 2 or more, so that calibration has its own");
    }
    return 2 * spread(map, odd) + 1;
  }

  /** The class of an evaluation map or picture: an even one. */
  static int evaluationLabel(int classes, int map) {
    return 2 * spread(map, Math.ceilDiv(classes, 2));
  }

  /** Goes through 0 to {@code count - 1} in wide steps, so that any first few are spread out. */
  private static int spread(int map, int count) {
    int step = (int) (count * 0.618);
    while (greatestCommonDivisor(step, count) != 1) {
      step++;
    }
    return (int) ((long) map * step % count);
  }

  private static int greatestCommonDivisor(int a, int b) {
    return b == 0 ? a : greatestCommonDivisor(b, a % b);
  }

  /**
   * Draws a picture's maps.
   *
   * @param map which one, for its noise
   */
  static TokenMaps draw(VarModel model, Kernels kernels, int label, long seed, int map) {
    Run full = Run.full(model.config().schedule());
    try (Rollout rollout = Rollout.plain(model);
        PolicyCache cache = new PolicyCache(model.config(), kernels, full, 1)) {
      Sampler sampler = Sampler.ancestral(model.config(), new Noise(seed, map));
      return new TokenMaps(label, rollout.run(label, sampler, cache));
    }
  }
}
