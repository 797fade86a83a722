package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class OutputCorrectionTest {
  private static final int TOKENS = 5;
  private static final int HEADS = 3;
  private static final int DIM = 4;

  /** Scales 2 and 3, two kinds of rows, 2 layers: each value says where it stands. */
  private static OutputCorrection correction(int rank) {
    return new OutputCorrection(
        2,
        2,
        2,
        HEADS,
        DIM,
        counted(2 * 2 * 2 * 12, 1),
        counted(2 * 2 * 24 * rank, 100),
        counted(2 * 2 * 12 * rank, -50));
  }

  private static float[] counted(int length, int first) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = first + i;
    }
    return values;
  }

  /** As the engine's buffers: a token's heads lie side by side. */
  private static Tensor heads(Buffer buffer) {
    return Tensor.strided(
        DType.F32,
        buffer,
        0,
        new long[] {4, HEADS, TOKENS, DIM},
        new long[] {TOKENS * 12, DIM, 12, 1});
  }

  @Test
  void sizesWhoseProductNoArrayHoldsAreRefused() {
    float[] none = {};
    int[][] sizes = {
      {1 << 16, 1 << 16, 1 << 16, 1 << 16}, {1, 1 << 16, 1 << 15, 1}, {1 << 30, 1, 1, 2}
    };
    for (int[] s : sizes) {
      assertThatThrownBy(() -> new OutputCorrection(0, s[0], s[1], s[2], s[3], none, none, none))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("a product below 2^31");
    }
    Schedule schedule = Schedule.ofSides(1, 2);
    assertThatThrownBy(() -> new HeadMass.Recorder(schedule, 1 << 16, 1 << 14, 1))
        .hasMessageContaining("layers, heads: 65536, 16384");
    assertThatThrownBy(() -> new HeadMass.Recorder(schedule, 1, -1, 1))
        .hasMessageContaining("heads: -1");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void everyTokenIsCorrectedByItsQueryItsOutputAndTheBiasOfItsScaleKindLayerAndHead(int rank) {
    OutputCorrection correction = correction(rank);
    for (int scale = 0; scale < 4; scale++) {
      for (int layer = 0; layer < 2; layer++) {
        try (Buffer outputs = Buffer.allocate(4L * TOKENS * 12 * Float.BYTES);
            Buffer queries = Buffer.allocate(outputs.byteSize())) {
          Tensor out = heads(outputs);
          Tensor q = heads(queries);
          for (long at = 0; at < outputs.byteSize(); at += Float.BYTES) {
            out.setFloatAt(at, output(at));
            q.setFloatAt(at, (int) (at / 4 % 7) - 3);
          }
          correction.add(layer, scale, q, out);
          for (int row = 0; row < 4; row++) {
            for (int head = 0; head < HEADS; head++) {
              for (int token = 0; token < TOKENS; token++) {
                for (int i = 0; i < DIM; i++) {
                  long at = out.offset(row, head, token, i);
                  int list = (scale - 2) * 2 + layer;
                  int kind = ((scale - 2) * 2 + row % 2) * 2 + layer;
                  int bias = 1 + (kind * HEADS + head) * DIM + i;
                  float expected = output(at) + bias;
                  for (int k = 0; k < rank; k++) {
                    float inner = 0;
                    for (int j = 0; j < DIM; j++) {
                      long input = out.offset(row, head, token, j);
                      int place = ((list * HEADS + head) * 2 * DIM + j) * rank + k;
                      inner += q.floatAt(input) * (100 + place);
                      inner += output(input) * (100 + place + DIM * rank);
                    }
                    expected += inner * (((list * HEADS + head) * rank + k) * DIM + i - 50);
                  }
                  // Whole numbers below 2^24: their sums are exact.
                  assertThat(out.floatAt(at)).isEqualTo(scale < 2 ? output(at) : expected);
                }
              }
            }
          }
        }
      }
    }
  }

  private static float output(long at) {
    return (int) (at / 4 % 11) - 5;
  }

  @Test
  void oneHeadsCorrectionReplacesAnothers() {
    OutputCorrection other =
        new OutputCorrection(2, 2, 2, HEADS, DIM, new float[96], new float[192], new float[96]);
    OutputCorrection mixed = correction(2).with(4, other);
    float[] biases = correction(2).biases();
    float[] down = correction(2).down();
    float[] up = correction(2).up();
    for (int list = 0; list < 4; list++) {
      Arrays.fill(biases, list * 24 + 4 * DIM, list * 24 + 5 * DIM, 0);
    }
    for (int scale = 0; scale < 2; scale++) {
      Arrays.fill(down, scale * 96 + 4 * 16, scale * 96 + 5 * 16, 0);
      Arrays.fill(up, scale * 48 + 4 * 8, scale * 48 + 5 * 8, 0);
    }
    assertThat(mixed.biases()).containsExactly(biases);
    assertThat(mixed.down()).containsExactly(down);
    assertThat(mixed.up()).containsExactly(up);
    assertThatThrownBy(() -> correction(1).with(4, other)).hasMessageStartingWith("other: ");
    assertThatThrownBy(() -> mixed.with(6, other)).hasMessage("head: 6, expected 0..5");
  }

  @Test
  void whatItIsMadeOfIsCopied() {
    float[] biases = {1, 2};
    float[] down = {3, 4, 5, 6};
    float[] up = {7, 8};
    OutputCorrection correction = new OutputCorrection(0, 1, 1, 1, 2, biases, down, up);
    biases[0] = 9;
    down[0] = 9;
    up[0] = 9;
    correction.biases()[1] = 9;
    correction.down()[1] = 9;
    correction.up()[1] = 9;
    assertThat(correction.biases()).containsExactly(1, 2);
    assertThat(correction.down()).containsExactly(3, 4, 5, 6);
    assertThat(correction.up()).containsExactly(7, 8);
    assertThat(correction.rank()).isEqualTo(1);
    assertThat(correction.shape()).containsExactly(1, 1, 1, 1, 2);
  }

  private static void refused(
      String message, int firstScale, int kinds, int dim, float[] biases, int down, float[] up) {
    assertThatThrownBy(
            () -> new OutputCorrection(firstScale, kinds, 1, 1, dim, biases, new float[down], up))
        .hasMessage(message);
  }

  @Test
  void badInputIsNamed() {
    refused("biases: 12, expected a multiple of 8", 0, 2, 4, new float[12], 0, new float[0]);
    refused("up: 5, expected a multiple of 4", 0, 2, 4, new float[8], 10, new float[5]);
    refused("down: 4, expected twice the size of up", 0, 2, 4, new float[8], 4, new float[4]);
    float[] endless = {0, Float.POSITIVE_INFINITY};
    refused("biases[1]: Infinity, expected finite numbers", 0, 1, 2, endless, 0, new float[0]);
    refused("up[1]: Infinity, expected finite numbers", 0, 1, 2, new float[2], 4, endless);
    refused("firstScale: -1, expected 0 or more", -1, 1, 2, new float[2], 0, new float[0]);
    Tensor out = Tensor.allocate(DType.F32, 1, 3, 1, 4);
    Tensor wide = Tensor.allocate(DType.F32, 1, 3, 1, 8);
    Tensor more = Tensor.allocate(DType.F32, 1, 3, 2, 4);
    Tensor halves = Tensor.allocate(DType.F16, 1, 3, 1, 4);
    OutputCorrection correction = correction(1);
    try {
      assertThatThrownBy(() -> correction.add(0, 2, out, wide)).hasMessageStartingWith("out: ");
      assertThatThrownBy(() -> correction.add(0, 2, out, halves)).hasMessageStartingWith("out: ");
      assertThatThrownBy(() -> correction.add(0, 2, halves, out)).hasMessageStartingWith("q: ");
      assertThatThrownBy(() -> correction.add(0, 2, more, out))
          .hasMessageStartingWith("q: ")
          .hasMessageEndingWith("expected shape [1, 3, 1, 4]");
      assertThatThrownBy(() -> correction.add(2, 2, out, out))
          .hasMessage("layer: 2, expected 0..1");
      assertThatThrownBy(() -> correction.add(0, 4, out, out))
          .hasMessage("scale: 4, expected 0..3");
    } finally {
      for (Tensor tensor : List.of(out, wide, more, halves)) {
        tensor.buffer().close();
      }
    }
  }
}
