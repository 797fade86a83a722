package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.List;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Attention is as good as a plain computation: its largest error against binary64 is at most twice
 * that of the textbook loop in binary32, plus the half unit that rounding any result to binary32
 * costs.
 */
class AttendAccuracyTest {
  private static final List<Mask> MASKS = List.of(Mask.values());

  static Stream<Arguments> problems() {
    return IntStream.range(0, 60)
        .mapToObj(
            seed -> Arguments.of(MASKS.get(seed % MASKS.size()), new Problem(seed, values(seed))));
  }

  private static Operands.Values values(int seed) {
    return seed % 4 == 3 ? Operands.Values.TIES : Operands.Values.NORMAL;
  }

  @ParameterizedTest
  @MethodSource("problems")
  void scalar(Mask mask, Problem problem) {
    attend(Backends.named("scalar").kernels(), mask, problem, false);
  }

  @Tag("parity")
  @ParameterizedTest
  @MethodSource("problems")
  void vector(Mask mask, Problem problem) {
    attend(Backends.named("vector").kernels(), mask, problem, false);
  }

  /** One launch and its comparison; tensor cores take weights in 16 bits. */
  static void attend(Kernels kernels, Mask mask, Problem drawn, boolean tensorCores) {
    int queries = mask == Mask.TREE ? 1 + drawn.random.nextInt(64) : 1 + drawn.random.nextInt(70);
    Problem problem = mask == Mask.NONE ? drawn : drawn.withFresh(queries);
    int[] lengths = problem.random.ints(problem.rows, 0, queries + 1).toArray();
    boolean ragged = problem.random.nextBoolean();
    Tensor q = problem.queries(queries);
    long[] shape = q.shape();
    Attend op =
        new Attend(
            q,
            ragged ? problem.operands.ints(lengths) : null,
            problem.history,
            problem.fresh,
            mask,
            mask == Mask.TREE ? parents(problem, queries) : null,
            (float) (1 / Math.sqrt(problem.headDim)),
            problem.operands.result(DType.F32, shape),
            problem.random.nextBoolean()
                ? problem.operands.result(DType.F32, shape[0], shape[1], shape[2])
                : null);
    kernels.attend(op);
    compare(op, problem, tensorCores ? unit(op) : 0);
  }

  /** Half a unit in the last place of the weights of queries of 16 bits, 0 for those of F32. */
  private static double unit(Attend op) {
    PagedKv history = op.history();
    boolean codes = history != null && history.layout().dtype().isQuantized();
    if (op.q().dtype() == DType.F32) {
      return 0;
    }
    return op.q().dtype() == DType.BF16 || codes ? 0x1p-8 : 0x1p-11;
  }

  private static Tensor parents(Problem problem, int queries) {
    int[][] parents = new int[problem.rows][queries];
    for (int[] row : parents) {
      for (int i = 0; i < queries; i++) {
        row[i] = problem.random.nextInt(i + 1) - 1;
      }
    }
    return problem.operands.ints(parents);
  }

  private static void compare(Attend op, Problem problem, double unit) {
    double worst = 0;
    double plainWorst = 0;
    double largest = 0;
    double worstLse = 0;
    double plainWorstLse = 0;
    double largestLse = 0;
    double largestValue = 0;
    for (int row = 0; row < problem.rows; row++) {
      for (int head = 0; head < problem.heads; head++) {
        float[][] keys = PageReader.tokens(op.history(), op.fresh(), false, row, head);
        float[][] values = PageReader.tokens(op.history(), op.fresh(), true, row, head);
        largestValue = Math.max(largestValue, largest(values));
        int n = PageReader.length(op.history(), row, head);
        for (int h = head * problem.group; h < (head + 1) * problem.group; h++) {
          for (int i = 0; i < op.q().size(2); i++) {
            int query = i;
            int r = row;
            IntPredicate visible = t -> visible(op, r, query, t, n);
            float[] q = PageReader.vector(op.q(), row, h, i);
            double[] exact = exact(q, keys, values, op.scale(), visible);
            float[] plain = plain(q, keys, values, op.scale(), visible);
            for (int d = 0; d < q.length; d++) {
              float out = op.out().floatAt(op.out().offset(row, h, i, d));
              assertThat(out).as("out[%d, %d, %d, %d]", row, h, i, d).isFinite();
              worst = Math.max(worst, Math.abs(out - exact[d]));
              plainWorst = Math.max(plainWorst, Math.abs(plain[d] - exact[d]));
              largest = Math.max(largest, Math.abs(exact[d]));
            }
            @Nullable Tensor lses = op.lse();
            if (lses != null) {
              float lse = lses.floatAt(lses.offset(row, h, i));
              if (exact[q.length] == Double.NEGATIVE_INFINITY) {
                assertThat(lse).isEqualTo(Float.NEGATIVE_INFINITY);
              } else {
                worstLse = Math.max(worstLse, Math.abs(lse - exact[q.length]));
                plainWorstLse =
                    Math.max(plainWorstLse, Math.abs(plain[q.length] - exact[q.length]));
                largestLse = Math.max(largestLse, Math.abs(exact[q.length]));
              }
            }
          }
        }
      }
    }
    // The error of a weighted mean is at most the mean of errors; 2^x on hardware: within 2^-22.
    assertThat(worst)
        .as("error of out")
        .isLessThanOrEqualTo(2 * plainWorst + 0x1p-24 * largest + unit * largestValue);
    assertThat(worstLse)
        .as("error of lse")
        .isLessThanOrEqualTo(
            2 * plainWorstLse + 0x1p-24 * largestLse + (unit > 0 ? 0x1p-21 * (1 + largestLse) : 0));
  }

  private static double largest(float[][] values) {
    double largest = 0;
    for (float[] value : values) {
      for (float x : value) {
        largest = Math.max(largest, Math.abs(x));
      }
    }
    return largest;
  }

  /** Whether a query sees token t, the first n of which are history. */
  private static boolean visible(Attend op, int row, int query, int t, int n) {
    Tensor lengths = op.queryLengths();
    if (lengths != null && query >= lengths.integerAt(lengths.offset(row))) {
      return false;
    }
    if (t < n || op.mask() == Mask.NONE) {
      return true;
    }
    if (op.mask() == Mask.CAUSAL) {
      return t - n <= query;
    }
    Tensor parents = Objects.requireNonNull(op.parents());
    long node = query;
    while (node >= 0 && node != t - n) {
      node = parents.integerAt(parents.offset(row, node));
    }
    return node >= 0;
  }

  /** Output and, behind it, log-sum-exp in binary64. */
  private static double[] exact(
      float[] q, float[][] keys, float[][] values, float scale, IntPredicate visible) {
    double[] out = new double[q.length + 1];
    double[] logits = new double[keys.length];
    double max = Double.NEGATIVE_INFINITY;
    for (int t = 0; t < keys.length; t++) {
      for (int d = 0; d < q.length; d++) {
        logits[t] += (double) q[d] * keys[t][d];
      }
      logits[t] *= scale;
      max = visible.test(t) ? Math.max(max, logits[t]) : max;
    }
    double sum = 0;
    for (int t = 0; t < keys.length; t++) {
      if (visible.test(t)) {
        double weight = Math.exp(logits[t] - max);
        sum += weight;
        for (int d = 0; d < q.length; d++) {
          out[d] += weight * values[t][d];
        }
      }
    }
    for (int d = 0; d < q.length && sum > 0; d++) {
      out[d] /= sum;
    }
    out[q.length] = sum > 0 ? max + Math.log(sum) : Double.NEGATIVE_INFINITY;
    return out;
  }

  /** The same in binary32, as anyone would write it. */
  private static float[] plain(
      float[] q, float[][] keys, float[][] values, float scale, IntPredicate visible) {
    float[] out = new float[q.length + 1];
    float[] logits = new float[keys.length];
    float max = Float.NEGATIVE_INFINITY;
    for (int t = 0; t < keys.length; t++) {
      for (int d = 0; d < q.length; d++) {
        logits[t] += q[d] * keys[t][d];
      }
      logits[t] *= scale;
      max = visible.test(t) ? Math.max(max, logits[t]) : max;
    }
    float sum = 0;
    for (int t = 0; t < keys.length; t++) {
      if (visible.test(t)) {
        float weight = (float) Math.exp(logits[t] - max);
        sum += weight;
        for (int d = 0; d < q.length; d++) {
          out[d] += weight * values[t][d];
        }
      }
    }
    for (int d = 0; d < q.length && sum > 0; d++) {
      out[d] /= sum;
    }
    out[q.length] = sum > 0 ? max + (float) Math.log(sum) : Float.NEGATIVE_INFINITY;
    return out;
  }
}
