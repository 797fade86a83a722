package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import io.github.trimtab.internal.host.CanonicalMath;
import jdk.incubator.vector.FloatVector;

/** {@link CanonicalMath#exp} in every lane: the same constants in the same order. */
final class VectorExp {
  private static final FloatVector LOG2E = Lanes.broadcast(CanonicalMath.EXP_LOG2E);
  private static final FloatVector ROUND = Lanes.broadcast(CanonicalMath.EXP_ROUND);
  private static final FloatVector LN2_HIGH = Lanes.broadcast(CanonicalMath.EXP_LN2_HIGH);
  private static final FloatVector LN2_LOW = Lanes.broadcast(CanonicalMath.EXP_LN2_LOW);
  private static final FloatVector P0 = Lanes.broadcast(CanonicalMath.EXP_P0);
  private static final FloatVector P1 = Lanes.broadcast(CanonicalMath.EXP_P1);
  private static final FloatVector P2 = Lanes.broadcast(CanonicalMath.EXP_P2);
  private static final FloatVector P3 = Lanes.broadcast(CanonicalMath.EXP_P3);
  private static final FloatVector P4 = Lanes.broadcast(CanonicalMath.EXP_P4);
  private static final FloatVector P5 = Lanes.broadcast(CanonicalMath.EXP_P5);

  private VectorExp() {}

  /** Turns {@code n} elements from {@code index} and the rest of a vector into exp(x - base). */
  static void exp(float[] x, int index, int n, float base) {
    for (int i = index; i < index + n; i += Lanes.COUNT) {
      FloatVector d = FloatVector.fromArray(Lanes.FLOATS, x, i).sub(base);
      FloatVector y = inRange(d);
      y = y.blend(Float.POSITIVE_INFINITY, d.compare(GE, CanonicalMath.EXP_OVERFLOW));
      y = y.blend(0f, d.compare(LT, CanonicalMath.EXP_UNDERFLOW));
      y.blend(Float.NaN, d.compare(NE, d)).intoArray(x, i);
    }
  }

  /**
   * Writes exp(x - base) of {@code n} elements from {@code index} and the rest of a vector, where
   * no x exceeds the base.
   *
   * @param to may be {@code x}
   */
  static void ofNonPositive(float[] x, int index, int n, float base, float[] to, int toIndex) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      ofNonPositive(FloatVector.fromArray(Lanes.FLOATS, x, index + i).sub(base))
          .intoArray(to, toIndex + i);
    }
  }

  /** For arguments that do not overflow: at most 0, or NaN. */
  static FloatVector ofNonPositive(FloatVector x) {
    FloatVector y = inRange(x).blend(0f, x.compare(LT, CanonicalMath.EXP_UNDERFLOW));
    return y.blend(Float.NaN, x.compare(NE, x));
  }

  private static FloatVector inRange(FloatVector x) {
    FloatVector t = x.fma(LOG2E, ROUND);
    FloatVector n = t.sub(ROUND);
    FloatVector r = n.fma(LN2_LOW, n.fma(LN2_HIGH, x));
    FloatVector p = P0.fma(r, P1).fma(r, P2).fma(r, P3).fma(r, P4).fma(r, P5);
    FloatVector y = p.fma(r.mul(r), r).add(1f);
    // The integer n sits in the low bits of t, and the shift drops the rest of t.
    var exponent = t.reinterpretAsInts().lanewise(LSHL, 23);
    return y.reinterpretAsInts().add(exponent).reinterpretAsFloats();
  }
}
