package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.Tensor;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A query gets the same bits alone, as in decoding, as among many. */
@Tag("parity")
class AttendAloneTest {
  private static final int HEADS = 2;
  private static final int QUERIES = 61;
  private static final int KEYS = 203;

  private final Kernels kernels = Backends.named("vector").kernels();
  private final Random random = new Random(1);

  @ParameterizedTest
  @ValueSource(ints = {8, 24, 64, 136})
  void sameBits(int headDim) {
    float[] q = numbers(HEADS * QUERIES * headDim);
    Tensor k = Tensor.wrap(numbers(HEADS * KEYS * headDim), 1, HEADS, KEYS, headDim);
    Tensor v = Tensor.wrap(numbers(HEADS * KEYS * headDim), 1, HEADS, KEYS, headDim);
    var tokens = new NewTokens(k, v);
    float[][] all = attend(q, QUERIES, tokens);
    for (int i = 0; i < QUERIES; i++) {
      float[][] alone = attend(rows(q, i, headDim), 1, tokens);
      assertThat(alone[0]).isEqualTo(rows(all[0], i, headDim));
      assertThat(alone[1]).isEqualTo(rows(all[1], i, 1));
    }
  }

  /** Results and log-sum-exps. */
  private float[][] attend(float[] q, int queries, NewTokens tokens) {
    int headDim = tokens.headDim();
    float[] out = new float[q.length];
    float[] lse = new float[HEADS * queries];
    kernels.attend(
        new Attend(
            Tensor.wrap(q, 1, HEADS, queries, headDim),
            null,
            null,
            tokens,
            Mask.NONE,
            null,
            0.3f,
            Tensor.wrap(out, 1, HEADS, queries, headDim),
            Tensor.wrap(lse, 1, HEADS, queries)));
    return new float[][] {out, lse};
  }

  /** The {@code i}th of the queries' rows of each head. */
  private static float[] rows(float[] from, int i, int size) {
    float[] rows = new float[HEADS * size];
    for (int head = 0; head < HEADS; head++) {
      System.arraycopy(from, (head * QUERIES + i) * size, rows, head * size, size);
    }
    return rows;
  }

  private float[] numbers(int count) {
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = (float) random.nextGaussian();
    }
    return numbers;
  }
}
