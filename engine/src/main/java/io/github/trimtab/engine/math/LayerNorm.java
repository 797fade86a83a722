package io.github.trimtab.engine.math;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Layer normalisation without affine parameters, followed by a modulation: LN(x) * (1 + scale) +
 * shift.
 */
public final class LayerNorm {

  private LayerNorm() {}

  /**
   * Normalises one row into an array.
   *
   * @param x off-heap rows of {@code width} F32
   * @param row which row
   * @param modulation holds {@code width} values of scale and of shift
   * @param scaleAt,shiftAt where they begin
   * @param out receives {@code width} values from {@code at} on
   */
  public static void modulate(
      MemorySegment x,
      long row,
      int width,
      float epsilon,
      float[] modulation,
      int scaleAt,
      int shiftAt,
      float[] out,
      int at) {
    long start = row * width;
    int bound = Lanes.SPECIES.loopBound(width);
    FloatVector sums = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      FloatVector v = Lanes.load(x, start + i);
      v.intoArray(out, at + i);
      sums = sums.add(v);
    }
    float sum = Lanes.sum(sums);
    for (int i = bound; i < width; i++) {
      out[at + i] = Lanes.get(x, start + i);
      sum += out[at + i];
    }
    float mean = sum / width;
    FloatVector squares = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      FloatVector d = FloatVector.fromArray(Lanes.SPECIES, out, at + i).sub(mean);
      squares = d.fma(d, squares);
    }
    float square = Lanes.sum(squares);
    for (int i = bound; i < width; i++) {
      square += (out[at + i] - mean) * (out[at + i] - mean);
    }
    float inverse = (float) (1 / Math.sqrt(square / width + epsilon));
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      FloatVector n = FloatVector.fromArray(Lanes.SPECIES, out, at + i).sub(mean).mul(inverse);
      FloatVector gain = FloatVector.fromArray(Lanes.SPECIES, modulation, scaleAt + i).add(1f);
      n.fma(gain, FloatVector.fromArray(Lanes.SPECIES, modulation, shiftAt + i))
          .intoArray(out, at + i);
    }
    for (int i = bound; i < width; i++) {
      float n = (out[at + i] - mean) * inverse;
      out[at + i] = Math.fma(n, 1 + modulation[scaleAt + i], modulation[shiftAt + i]);
    }
  }
}
