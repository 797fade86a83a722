package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The oracle against naive code in binary64 that shares nothing with it: the contract's words
 * written down once more.
 */
class ReferenceTest {
  private static final Kernels SCALAR = Backends.named("scalar").kernels();

  static Stream<Problem> finiteProblems() {
    return Problem.all(90).filter(problem -> problem.values != Operands.Values.SPECIAL);
  }

  static Stream<Problem> problems() {
    return Problem.all(90);
  }

  @ParameterizedTest
  @MethodSource("finiteProblems")
  void appendRoundsToThePagesFormat(Problem drawn) {
    Problem problem = drawn.withFresh(19);
    NewTokens fresh = Objects.requireNonNull(problem.fresh);
    PagedKv target = problem.target(64);
    int[] start = new int[problem.rows * problem.heads];
    for (int row = 0; row < problem.rows; row++) {
      for (int head = 0; head < problem.heads; head++) {
        long place = target.lengths().offset(row, target.list(head));
        target.lengths().setIntegerAt(place, (row * 7 + target.list(head)) % 40);
        start[row * problem.heads + head] = (row * 7 + target.list(head)) % 40;
      }
    }
    SCALAR.append(new Append(fresh, target));
    for (int row = 0; row < problem.rows; row++) {
      for (int head = 0; head < problem.heads; head++) {
        int first = start[row * problem.heads + head];
        int count = PageReader.length(fresh, row);
        assertThat(PageReader.length(target, row, head)).isEqualTo(first + count);
        for (int t = 0; t < count; t++) {
          for (boolean value : new boolean[] {false, true}) {
            float[] x = PageReader.vector(value ? fresh.values() : fresh.k(), row, head, t);
            float[] y = new float[x.length];
            for (int d = 0; d < x.length; d++) {
              y[d] = PageReader.element(target, value, row, head, first + t, d);
            }
            assertThat(y).isEqualTo(rounded(target.layout().dtype(), x));
          }
        }
      }
    }
  }

  /** What pages of a format make of a token, by nearest-value search for the quantised ones. */
  private static float[] rounded(DType dtype, float[] x) {
    float[] y = new float[x.length];
    float max = 0;
    for (float element : x) {
      max = Math.max(max, Math.abs(element));
    }
    for (int d = 0; d < x.length; d++) {
      y[d] =
          switch (dtype) {
            case F32 -> x[d];
            case F16 -> FloatFormats.fromF16(FloatFormats.toF16(x[d]));
            case BF16 -> FloatFormats.fromBf16(FloatFormats.toBf16(x[d]));
            case FP8_E4M3 ->
                dequantised(x[d], FloatFormats.fromBf16(FloatFormats.toBf16(max / 448)), 448, true);
            default ->
                dequantised(
                    x[d], FloatFormats.fromBf16(FloatFormats.toBf16(max / 127)), 127, false);
          };
    }
    return y;
  }

  private static float dequantised(float x, float scale, int top, boolean fp8) {
    if (scale == 0) {
      return 0;
    }
    float quotient = x / scale;
    if (!fp8) {
      int code = (int) Math.clamp(Math.rint(quotient), -top, top);
      return code * scale;
    }
    // The nearest of all FP8 values, on a tie the one with an even code.
    byte best = 0;
    double distance = Double.POSITIVE_INFINITY;
    for (int code = 0; code < 256; code++) {
      float value = FloatFormats.fromFp8((byte) code);
      double d = Math.abs((double) value - quotient);
      boolean sameSign = code < 128 ? quotient >= 0 : quotient < 0;
      if (sameSign && (d < distance || (d == distance && code % 2 == 0))) {
        best = (byte) code;
        distance = d;
      }
    }
    return FloatFormats.fromFp8(best) * scale;
  }

  @ParameterizedTest
  @MethodSource("finiteProblems")
  void score(Problem problem) {
    Score op = problem.score();
    SCALAR.score(op);
    for (int row = 0; row < problem.rows; row++) {
      for (int head = 0; head < problem.heads; head++) {
        double[] bound = new double[problem.tokens(row, head)];
        double[] expected = naiveScores(op, problem, row, head, bound);
        double tolerance = 1e-5 * Arrays.stream(bound).max().orElse(0) + 1e-9;
        for (int t = 0; t < op.scores().size(2); t++) {
          float actual = op.scores().floatAt(op.scores().offset(row, head, t));
          double e = t < expected.length ? expected[t] : Double.NEGATIVE_INFINITY;
          if (e == Double.NEGATIVE_INFINITY) {
            assertThat(actual).as("[%d, %d, %d]", row, head, t).isEqualTo(Float.NEGATIVE_INFINITY);
          } else {
            assertThat((double) actual)
                .as("%s [%d, %d, %d]", op.scoring(), row, head, t)
                .isCloseTo(e, within(tolerance));
          }
        }
      }
    }
  }

  private static double[] naiveScores(
      Score op, Problem problem, int row, int head, double[] bound) {
    float[][] keys = PageReader.tokens(op.history(), op.fresh(), false, row, head);
    boolean[] windowed = new boolean[keys.length];
    for (int position : present(op.window(), row)) {
      windowed[position] = true;
    }
    List<Integer> queries = new ArrayList<>();
    for (int w = 0; w < op.queries(); w++) {
      Tensor places = op.queryRows();
      int place = places == null ? w : (int) places.integerAt(places.offset(row, w));
      if (place >= 0) {
        queries.add(place);
      }
    }
    double[] scores = new double[keys.length];
    for (int member = 0; member < problem.group; member++) {
      for (int w = 0; w < queries.size(); w++) {
        float[] q = PageReader.vector(op.q(), row, head * problem.group + member, queries.get(w));
        boolean causal = op.scoring().mask() == Mask.CAUSAL;
        int position = keys.length - queries.size() + w;
        double[] weights = new double[keys.length];
        for (int t = 0; t < keys.length; t++) {
          for (int d = 0; d < q.length; d++) {
            weights[t] += (double) q[d] * keys[t][d];
            bound[t] += Math.abs((double) q[d] * keys[t][d]) * op.scoring().scale();
          }
          weights[t] *= op.scoring().scale();
          if (causal && t > position) {
            weights[t] = Double.NEGATIVE_INFINITY;
          }
        }
        if (op.scoring().mode() == Scoring.Mode.SOFTMAX) {
          softmax(weights);
          Arrays.fill(bound, queries.size());
        }
        for (int t = 0; t < keys.length; t++) {
          scores[t] += weights[t] / problem.group;
        }
      }
    }
    return pooled(scores, windowed, op.scoring());
  }

  private static void softmax(double[] x) {
    double max = Arrays.stream(x).max().orElse(Double.NEGATIVE_INFINITY);
    double sum = 0;
    for (double element : x) {
      sum += max == Double.NEGATIVE_INFINITY ? 1 : Math.exp(element - max);
    }
    for (int t = 0; t < x.length; t++) {
      x[t] = max == Double.NEGATIVE_INFINITY ? 0 : Math.exp(x[t] - max) / sum;
    }
  }

  private static double[] pooled(double[] scores, boolean[] windowed, Scoring scoring) {
    int reach = scoring.pooling() == Scoring.Pooling.NONE ? 0 : scoring.poolWidth() / 2;
    boolean average = scoring.pooling() == Scoring.Pooling.AVG;
    double[] pooled = new double[scores.length];
    for (int t = 0; t < scores.length; t++) {
      double max = Double.NEGATIVE_INFINITY;
      double sum = 0;
      for (int other = t - reach; other <= t + reach; other++) {
        if (other >= 0 && other < scores.length && !windowed[other]) {
          max = Math.max(max, scores[other]);
          sum += scores[other];
        }
      }
      pooled[t] =
          windowed[t] ? Double.NEGATIVE_INFINITY : average ? sum / scoring.poolWidth() : max;
    }
    return pooled;
  }

  private static List<Integer> present(@Nullable Tensor positions, int row) {
    List<Integer> present = new ArrayList<>();
    for (int p = 0; positions != null && p < positions.size(1); p++) {
      int position = (int) positions.integerAt(positions.offset(row, p));
      if (position >= 0) {
        present.add(position);
      }
    }
    return present;
  }

  @ParameterizedTest
  @MethodSource("problems")
  void evictKeepsTheWindowAndTheBestAndCopiesThem(Problem problem) {
    Evict op = problem.evict();
    SCALAR.evict(op);
    for (int row = 0; row < problem.rows; row++) {
      for (int head = 0; head < problem.heads; head++) {
        List<Integer> expected = naiveChoice(op, problem, row, head);
        List<Integer> actual = new ArrayList<>();
        for (int place = 0; place < op.indices().size(2); place++) {
          actual.add((int) op.indices().integerAt(op.indices().offset(row, head, place)));
        }
        assertThat(actual.subList(0, expected.size())).isEqualTo(expected);
        assertThat(actual.subList(expected.size(), actual.size())).allMatch(index -> index == -1);
        assertThat(PageReader.length(op.target(), row, head)).isEqualTo(expected.size());
        assertCopied(op, problem, row, head, expected);
      }
    }
  }

  private static List<Integer> naiveChoice(Evict op, Problem problem, int row, int head) {
    int tokens = problem.tokens(row, head);
    int list = op.capacity().size(1) == 1 ? 0 : head;
    int capacity = (int) op.capacity().integerAt(op.capacity().offset(row, list));
    List<Integer> chosen = present(op.score().window(), row);
    List<Integer> others = new ArrayList<>();
    for (int t = 0; t < tokens; t++) {
      if (!chosen.contains(t)) {
        others.add(t);
      }
    }
    Tensor scores = op.score().scores();
    Comparator<Integer> byScore =
        (a, b) -> {
          float x = scores.floatAt(scores.offset(row, head, a));
          float y = scores.floatAt(scores.offset(row, head, b));
          if (Float.isNaN(x) || Float.isNaN(y)) {
            return Boolean.compare(Float.isNaN(x), Float.isNaN(y));
          }
          return x > y ? -1 : x < y ? 1 : 0;
        };
    others.sort(byScore.thenComparing(Comparator.naturalOrder()));
    int free = Math.min(capacity, tokens) - chosen.size();
    chosen.addAll(others.subList(0, free));
    Collections.sort(chosen);
    return chosen;
  }

  /**
   * Survivors read from the target are what the sources held, exactly where no rounding comes in.
   */
  private static void assertCopied(
      Evict op, Problem problem, int row, int head, List<Integer> chosen) {
    int n = PageReader.length(problem.history, row, head);
    for (boolean value : new boolean[] {false, true}) {
      float[][] source = PageReader.tokens(problem.history, problem.fresh, value, row, head);
      for (int place = 0; place < chosen.size(); place++) {
        int token = chosen.get(place);
        boolean moved = token < n && problem.layout.dtype() == op.target().layout().dtype();
        boolean special = problem.values == Operands.Values.SPECIAL;
        if (!moved && special) {
          continue;
        }
        float[] expected =
            moved ? source[token] : rounded(op.target().layout().dtype(), source[token]);
        float[] actual = new float[expected.length];
        for (int d = 0; d < actual.length; d++) {
          actual[d] = PageReader.element(op.target(), value, row, head, place, d);
        }
        assertThat(actual).as("token %d at %d", token, place).isEqualTo(expected);
      }
    }
  }
}
