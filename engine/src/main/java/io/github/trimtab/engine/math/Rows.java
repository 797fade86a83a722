package io.github.trimtab.engine.math;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Small operations on runs of off-heap F32. Indices count floats. */
public final class Rows {

  private Rows() {}

  /** Scales a run to the Euclidean length {@code length}; a run of zeros stays zero. */
  public static void normalize(MemorySegment x, long at, int count, float length) {
    int bound = Lanes.SPECIES.loopBound(count);
    FloatVector squares = FloatVector.zero(Lanes.SPECIES);
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      FloatVector v = Lanes.load(x, at + i);
      squares = v.fma(v, squares);
    }
    float square = Lanes.sum(squares);
    for (int i = bound; i < count; i++) {
      square += Lanes.get(x, at + i) * Lanes.get(x, at + i);
    }
    // The floor is the one that the field's training code divides by.
    float factor = (float) (length / Math.max(Math.sqrt(square), 1e-12));
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      Lanes.store(Lanes.load(x, at + i).mul(factor), x, at + i);
    }
    for (int i = bound; i < count; i++) {
      Lanes.set(x, at + i, Lanes.get(x, at + i) * factor);
    }
  }

  /**
   * {@code sum += gate * term}, where {@code gate} is an array that holds the run from {@code
   * gateAt} on.
   */
  public static void addGated(
      MemorySegment sum,
      long at,
      float[] gate,
      int gateAt,
      MemorySegment term,
      long termAt,
      int count) {
    int bound = Lanes.SPECIES.loopBound(count);
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      FloatVector g = FloatVector.fromArray(Lanes.SPECIES, gate, gateAt + i);
      Lanes.store(Lanes.load(term, termAt + i).fma(g, Lanes.load(sum, at + i)), sum, at + i);
    }
    for (int i = bound; i < count; i++) {
      float value = Math.fma(Lanes.get(term, termAt + i), gate[gateAt + i], Lanes.get(sum, at + i));
      Lanes.set(sum, at + i, value);
    }
  }

  /** {@code sum += term} on runs of {@code count} floats. */
  public static void add(MemorySegment sum, long at, MemorySegment term, long termAt, long count) {
    long i = 0;
    for (; i <= count - Lanes.COUNT; i += Lanes.COUNT) {
      Lanes.store(Lanes.load(term, termAt + i).add(Lanes.load(sum, at + i)), sum, at + i);
    }
    for (; i < count; i++) {
      Lanes.set(sum, at + i, Lanes.get(sum, at + i) + Lanes.get(term, termAt + i));
    }
  }
}
