package io.github.trimtab.engine.math;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Rotary position embedding of heads whose two halves form the pairs (Su et al. 2021, in the order
 * of the Hugging Face models): element i turns with element i + D/2 by position * frequency i.
 *
 * <p>Angles are computed in double and rounded once. Immutable but for its tables, which nobody
 * writes, any thread.
 */
public final class Rotary {

  private final int half;
  private final float[] cosines;
  private final float[] sines;

  /**
   * Tabulates angles.
   *
   * @param frequencies radians a position, one for each pair
   * @param positions how many, from 0
   */
  public Rotary(double[] frequencies, int positions) {
    half = frequencies.length;
    cosines = new float[Math.multiplyExact(positions, half)];
    sines = new float[cosines.length];
    for (int position = 0; position < positions; position++) {
      for (int i = 0; i < half; i++) {
        double angle = position * frequencies[i];
        cosines[position * half + i] = (float) Math.cos(angle);
        sines[position * half + i] = (float) Math.sin(angle);
      }
    }
  }

  /** Cosines of the angles [positions, pairs]. */
  public float[] cosines() {
    return cosines;
  }

  /** Sines of the angles [positions, pairs]. */
  public float[] sines() {
    return sines;
  }

  /**
   * Turns heads that lie side by side.
   *
   * @param x heads from {@code at} on
   * @param to receives them from float {@code toAt} on
   */
  public void apply(int position, int heads, float[] x, int at, MemorySegment to, long toAt) {
    int bound = Lanes.SPECIES.loopBound(half);
    int angle = position * half;
    for (int head = 0; head < heads; head++) {
      int first = at + head * 2 * half;
      long target = toAt + head * 2L * half;
      for (int i = 0; i < bound; i += Lanes.COUNT) {
        FloatVector a = FloatVector.fromArray(Lanes.SPECIES, x, first + i);
        FloatVector b = FloatVector.fromArray(Lanes.SPECIES, x, first + half + i);
        FloatVector cos = FloatVector.fromArray(Lanes.SPECIES, cosines, angle + i);
        FloatVector sin = FloatVector.fromArray(Lanes.SPECIES, sines, angle + i);
        Lanes.store(a.mul(cos).sub(b.mul(sin)), to, target + i);
        Lanes.store(b.mul(cos).add(a.mul(sin)), to, target + half + i);
      }
      for (int i = bound; i < half; i++) {
        float a = x[first + i];
        float b = x[first + half + i];
        float cos = cosines[angle + i];
        float sin = sines[angle + i];
        Lanes.set(to, target + i, a * cos - b * sin);
        Lanes.set(to, target + half + i, b * cos + a * sin);
      }
    }
  }
}
