package io.github.trimtab.engine.math;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Smooth gates, in place on off-heap F32, within 1e-6 of the exact value (relative). */
public final class Activations {

  /**
   * 2 sqrt(2 / pi): gelu's tanh form is x * sigmoid(2u) with u = sqrt(2 / pi) (x + 0.044715 x^3).
   */
  private static final float GELU_SLOPE = (float) (2 * Math.sqrt(2 / Math.PI));

  private static final float GELU_CUBIC = 0.044715f * GELU_SLOPE;

  private Activations() {}

  /** gelu with its tanh form, on the floats {@code from} (inclusive) to {@code to} (exclusive). */
  public static void gelu(MemorySegment x, long from, long to) {
    long i = from;
    for (; i <= to - Lanes.COUNT; i += Lanes.COUNT) {
      Lanes.store(gelu(Lanes.load(x, i)), x, i);
    }
    for (; i < to; i++) {
      Lanes.set(x, i, gelu(Lanes.broadcast(Lanes.get(x, i))).lane(0));
    }
  }

  /** x * sigmoid(x), on the floats {@code from} (inclusive) to {@code to} (exclusive). */
  public static void silu(MemorySegment x, long from, long to) {
    long i = from;
    for (; i <= to - Lanes.COUNT; i += Lanes.COUNT) {
      Lanes.store(silu(Lanes.load(x, i)), x, i);
    }
    for (; i < to; i++) {
      Lanes.set(x, i, silu(Lanes.broadcast(Lanes.get(x, i))).lane(0));
    }
  }

  /**
   * silu(gate) * up, the inner layer of a SwiGLU MLP.
   *
   * @param gateAndUp the gate's {@code width} values from {@code at} on, then up's
   * @param out receives the products from {@code outAt} on
   */
  public static void swiglu(float[] gateAndUp, int at, int width, float[] out, int outAt) {
    int bound = Lanes.SPECIES.loopBound(width);
    for (int i = 0; i < bound; i += Lanes.COUNT) {
      FloatVector gate = FloatVector.fromArray(Lanes.SPECIES, gateAndUp, at + i);
      FloatVector up = FloatVector.fromArray(Lanes.SPECIES, gateAndUp, at + width + i);
      silu(gate).mul(up).intoArray(out, outAt + i);
    }
    for (int i = bound; i < width; i++) {
      float gate = silu(Lanes.broadcast(gateAndUp[at + i])).lane(0);
      out[outAt + i] = gate * gateAndUp[at + width + i];
    }
  }

  private static FloatVector gelu(FloatVector x) {
    FloatVector slope = x.mul(x).fma(Lanes.broadcast(GELU_CUBIC), Lanes.broadcast(GELU_SLOPE));
    return gate(x, x.mul(slope));
  }

  static FloatVector silu(FloatVector x) {
    return gate(x, x);
  }

  /** x * sigmoid(u). */
  private static FloatVector gate(FloatVector x, FloatVector u) {
    return x.div(Lanes.exp(u.neg()).add(1f));
  }
}
