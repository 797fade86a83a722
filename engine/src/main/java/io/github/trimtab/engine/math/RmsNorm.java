package io.github.trimtab.engine.math;

import jdk.incubator.vector.FloatVector;

/** Root-mean-square normalisation with a gain: x / sqrt(mean(x^2) + epsilon) * weight. */
public final class RmsNorm {

  private RmsNorm() {}

  /**
   * Normalises rows.
   *
   * @param x [rows, weight.length]
   * @param out receives the rows; may be {@code x}
   */
  public static void apply(float[] x, int rows, float[] weight, float epsilon, float[] out) {
    int width = weight.length;
    int bound = Lanes.SPECIES.loopBound(width);
    for (int row = 0; row < rows; row++) {
      int at = row * width;
      FloatVector squares = FloatVector.zero(Lanes.SPECIES);
      for (int i = 0; i < bound; i += Lanes.COUNT) {
        FloatVector v = FloatVector.fromArray(Lanes.SPECIES, x, at + i);
        squares = v.fma(v, squares);
      }
      float square = Lanes.sum(squares);
      for (int i = bound; i < width; i++) {
        square += x[at + i] * x[at + i];
      }
      float inverse = (float) (1 / Math.sqrt(square / width + epsilon));
      for (int i = 0; i < bound; i += Lanes.COUNT) {
        FloatVector gain = FloatVector.fromArray(Lanes.SPECIES, weight, i);
        FloatVector.fromArray(Lanes.SPECIES, x, at + i)
            .mul(inverse)
            .mul(gain)
            .intoArray(out, at + i);
      }
      for (int i = bound; i < width; i++) {
        out[at + i] = x[at + i] * inverse * weight[i];
      }
    }
  }
}
