package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.IS_NAN;
import static jdk.incubator.vector.VectorOperators.XOR;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import org.jspecify.annotations.Nullable;

/** Smoothing of a head's scores along the tokens, and -inf in the window's places. */
final class Pooling {
  private static final int MINUS_INFINITY = order(Float.NEGATIVE_INFINITY);

  private Pooling() {}

  /**
   * Pools {@code scores[0..tokens)} in place.
   *
   * @param scores with {@link Dots#room} for the tokens
   */
  static void pool(
      Scoring scoring,
      @Nullable Tensor window,
      int row,
      float[] scores,
      int tokens,
      Workspace own) {
    int reach = (int) Math.min(scoring.poolWidth() / 2L, tokens);
    switch (scoring.pooling()) {
      case NONE -> {}
      case MAX -> {
        int[] ordered = own.ints(Ints.RANKS, tokens + 2 * reach + Lanes.COUNT);
        Arrays.fill(ordered, 0, reach, MINUS_INFINITY);
        order(scores, tokens, ordered, reach);
        Arrays.fill(ordered, reach + tokens, reach + tokens + reach, MINUS_INFINITY);
        for (int p = 0; window != null && p < window.size(1); p++) {
          int position = KvAccess.at(window, row, p);
          if (position >= 0) {
            ordered[reach + position] = MINUS_INFINITY;
          }
        }
        max(ordered, 2 * reach + 1, scores, tokens);
      }
      case AVG -> {
        float[] padded = own.floats(Floats.ROW, tokens + 2 * reach + Lanes.COUNT);
        Arrays.fill(padded, 0, reach, 0f);
        System.arraycopy(scores, 0, padded, reach, tokens);
        Arrays.fill(padded, reach + tokens, reach + tokens + reach, 0f);
        for (int p = 0; window != null && p < window.size(1); p++) {
          int position = KvAccess.at(window, row, p);
          if (position >= 0) {
            padded[reach + position] = 0f;
          }
        }
        mean(padded, 2 * reach + 1, scoring.poolWidth(), scores, tokens);
      }
    }
    for (int p = 0; window != null && p < window.size(1); p++) {
      int position = KvAccess.at(window, row, p);
      if (position >= 0) {
        scores[position] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  /** An int that orders floats: NaN below -infinity, -0 below +0. Its own inverse but for NaN. */
  private static int order(float value) {
    int bits = Float.floatToRawIntBits(value);
    return Float.isNaN(value) ? Integer.MIN_VALUE : bits ^ ((bits >> 31) & Integer.MAX_VALUE);
  }

  private static void order(float[] scores, int tokens, int[] to, int index) {
    for (int t = 0; t < tokens; t += Lanes.COUNT) {
      FloatVector score = FloatVector.fromArray(Lanes.FLOATS, scores, t);
      IntVector bits = score.reinterpretAsInts();
      bits.lanewise(XOR, bits.lanewise(ASHR, 31).lanewise(AND, Integer.MAX_VALUE))
          .blend(Integer.MIN_VALUE, score.test(IS_NAN).cast(Lanes.INTS))
          .intoArray(to, index + t);
    }
  }

  private static void max(int[] ordered, int width, float[] scores, int tokens) {
    for (int t = 0; t < tokens; t += Lanes.COUNT) {
      IntVector max = IntVector.fromArray(Lanes.INTS, ordered, t);
      for (int i = t + 1; i < t + width; i++) {
        max = max.max(IntVector.fromArray(Lanes.INTS, ordered, i));
      }
      max.lanewise(XOR, max.lanewise(ASHR, 31).lanewise(AND, Integer.MAX_VALUE))
          .reinterpretAsFloats()
          .intoArray(scores, t);
    }
  }

  private static void mean(float[] padded, int width, float divisor, float[] scores, int tokens) {
    for (int t = 0; t < tokens; t += Lanes.COUNT) {
      FloatVector sum = FloatVector.zero(Lanes.FLOATS);
      for (int i = t; i < t + width; i++) {
        sum = sum.add(FloatVector.fromArray(Lanes.FLOATS, padded, i));
      }
      sum.div(divisor).intoArray(scores, t);
    }
  }
}
