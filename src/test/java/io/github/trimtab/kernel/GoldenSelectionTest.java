package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Selections of the released ScaleKV class on a made-up cache: K[j][d] = sin(0.37 j + 1.3 d),
 * Q[i][d] = cos(0.11 i - 0.7 d), head dim 4 (here padded with zeros to 8), 16 window queries on a 4
 * x 4 grid of the current map, pooling of width 5. The last row is average pooling by this
 * library's rule.
 */
class GoldenSelectionTest {
  private static final int HEAD_DIM = 8;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          521 | 20 |  632 | MAX |  290413 | 6,7,8,9,10,11,12,13        | 911,912,913,914,915,916
          521 | 20 |  920 | MAX |  422740 | 0,1,2,3                    | 914,915,916,917,918,919
          632 | 24 |  594 | MAX |  357360 | 1,2,3,4,5,6,7,8,18         | 1192,1193,1194,1195,1196,1197
          465 | 64 |  465 | MAX | 1178865 | 614,615,616,617,618,631    | 4541,4554,4555,4556,4557,4558
          521 | 20 |  632 | AVG |  292851 | 6,7,8,9                    | 912,913,914,915,916
          """)
  void keepsWhatThePublishedMethodKeeps(
      int history,
      int side,
      int capacity,
      Scoring.Pooling pooling,
      int sum,
      String first,
      String last) {
    for (String backend : TestBackends.NAMES) {
      int[] kept = kept(backend, history, side, capacity, pooling);
      assertThat(kept).hasSize(capacity);
      assertThat(Arrays.stream(kept).sum()).as(backend).isEqualTo(sum);
      int[] head = ints(first);
      int[] tail = ints(last);
      assertThat(Arrays.copyOf(kept, head.length)).isEqualTo(head);
      assertThat(Arrays.copyOfRange(kept, capacity - tail.length, capacity)).isEqualTo(tail);
    }
  }

  private static int[] ints(String list) {
    return Arrays.stream(list.split(",")).mapToInt(Integer::parseInt).toArray();
  }

  private static int[] kept(
      String backend, int history, int side, int capacity, Scoring.Pooling pooling) {
    Operands operands = new Operands(new Random(1), false, Operands.Values.NORMAL);
    int fresh = side * side;
    PageLayout layout = new PageLayout(DType.F32, 64, 1, HEAD_DIM);
    PagedKv pages = operands.empty(layout, 1, 1, history);
    Kernels kernels = Backends.named(backend).kernels();
    kernels.append(new Append(tokens(operands, 0, history), pages));
    int[] queries = observation(side);
    int[] window = Arrays.stream(queries).map(i -> history + i).toArray();
    Score score =
        new Score(
            vectors(operands, fresh, (i, d) -> Math.cos(0.11 * i - 0.7 * d)),
            operands.ints(new int[][] {queries}),
            pages,
            tokens(operands, history, fresh),
            operands.ints(new int[][] {window}),
            new Scoring(Scoring.Mode.RAW, 0.5f, Mask.NONE, pooling, 5),
            operands.result(DType.F32, 1, 1, history + fresh));
    Tensor indices = operands.result(DType.I32, 1, 1, capacity);
    Tensor capacities = operands.ints(new int[][] {{capacity}});
    kernels.evict(new Evict(score, capacities, indices, operands.empty(layout, 1, 1, capacity)));
    return IntStream.range(0, capacity)
        .map(place -> (int) indices.integerAt(indices.offset(0, 0, place)))
        .toArray();
  }

  private static NewTokens tokens(Operands operands, int first, int count) {
    Tensor k = vectors(operands, count, (j, d) -> Math.sin(0.37 * (first + j) + 1.3 * d));
    return new NewTokens(k, k);
  }

  private interface Element {
    double at(int token, int d);
  }

  private static Tensor vectors(Operands operands, int count, Element element) {
    Tensor tensor = operands.result(DType.F32, 1, 1, count, HEAD_DIM);
    for (int t = 0; t < count; t++) {
      for (int d = 0; d < HEAD_DIM; d++) {
        tensor.setFloatAt(tensor.offset(0, 0, t, d), d < 4 ? (float) element.at(t, d) : 0f);
      }
    }
    return tensor;
  }

  /** Centres of 4 x 4 patches of a square map, in row-major order. */
  private static int[] observation(int side) {
    int patch = side / 4;
    return IntStream.range(0, 16)
        .map(i -> centre(i / 4, patch) * side + centre(i % 4, patch))
        .toArray();
  }

  private static int centre(int i, int patch) {
    return i * patch + (patch - 1) / 2;
  }
}
