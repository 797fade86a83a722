package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import org.junit.jupiter.api.Test;

final class OutputBiasTest {
  private static final int TOKENS = 5;

  /** Scales 2 and 3, two kinds of rows, 2 layers, 3 heads of 4: each value says where it stands. */
  private static OutputBias bias() {
    float[] values = new float[2 * 2 * 2 * 3 * 4];
    for (int i = 0; i < values.length; i++) {
      values[i] = i + 1;
    }
    return new OutputBias(2, 2, 2, 3, 4, values);
  }

  @Test
  void everyTokenOfAHeadGetsTheBiasOfItsScaleKindAndLayer() {
    OutputBias bias = bias();
    for (int scale = 0; scale < 4; scale++) {
      for (int layer = 0; layer < 2; layer++) {
        // As the engine's buffers: a token's heads lie side by side.
        try (Buffer buffer = Buffer.allocate(4L * TOKENS * 12 * Float.BYTES)) {
          Tensor out =
              Tensor.strided(
                  DType.F32,
                  buffer,
                  0,
                  new long[] {4, 3, TOKENS, 4},
                  new long[] {TOKENS * 12, 4, 12, 1});
          for (long at = 0; at < buffer.byteSize(); at += Float.BYTES) {
            out.setFloatAt(at, (float) at);
          }
          bias.add(layer, scale, out);
          for (int row = 0; row < 4; row++) {
            for (int head = 0; head < 3; head++) {
              for (int token = 0; token < TOKENS; token++) {
                for (int i = 0; i < 4; i++) {
                  long at = out.offset(row, head, token, i);
                  int place = ((((scale - 2) * 2 + row % 2) * 2 + layer) * 3 + head) * 4 + i;
                  assertThat(out.floatAt(at)).isEqualTo((float) (scale < 2 ? at : at + place + 1));
                }
              }
            }
          }
        }
      }
    }
  }

  @Test
  void whatItIsMadeOfIsCopied() {
    float[] values = {1, 2};
    OutputBias bias = new OutputBias(0, 1, 1, 1, 2, values);
    values[0] = 9;
    bias.values()[1] = 9;
    assertThat(bias.values()).containsExactly(1, 2);
    assertThat(bias.shape()).containsExactly(1, 1, 1, 1, 2);
  }

  @Test
  void badInputIsNamed() {
    assertThatThrownBy(() -> new OutputBias(0, 2, 1, 1, 4, new float[12]))
        .hasMessage("values: 12, expected a multiple of 8");
    assertThatThrownBy(() -> new OutputBias(0, 1, 1, 1, 2, new float[] {0, Float.NaN}))
        .hasMessage("values[1]: NaN, expected finite numbers");
    assertThatThrownBy(() -> new OutputBias(-1, 1, 1, 1, 2, new float[2]))
        .hasMessage("firstScale: -1, expected 0 or more");
    Tensor out = Tensor.allocate(DType.F32, 1, 3, 1, 8);
    Tensor halves = Tensor.allocate(DType.F16, 1, 3, 1, 4);
    try {
      assertThatThrownBy(() -> bias().add(0, 2, out)).hasMessageStartingWith("out: ");
      assertThatThrownBy(() -> bias().add(0, 2, halves)).hasMessageStartingWith("out: ");
      assertThatThrownBy(() -> bias().add(2, 2, out)).hasMessage("layer: 2, expected 0..1");
      assertThatThrownBy(() -> bias().add(0, 4, out)).hasMessage("scale: 4, expected 0..3");
    } finally {
      out.buffer().close();
      halves.buffer().close();
    }
  }
}
