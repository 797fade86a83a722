package io.github.trimtab.engine.math;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RowMatrixTest {

  private static WeightRows rows(DType format, int out, int in, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    WeightRows rows = WeightRows.allocate(format, out, in, in);
    Tensor codes = rows.codes();
    for (int o = 0; o < out; o++) {
      Tensor scales = rows.scales();
      if (scales != null) {
        scales.setFloatAt(scales.offset(o, 0), 0.01f * (1 + o % 3));
      }
      for (int i = 0; i < in; i++) {
        if (format == DType.INT8) {
          byte code = (byte) random.nextInt(-127, 128);
          codes.segment().set(ValueLayout.JAVA_BYTE, codes.offset(o, i), code);
        } else {
          codes.setFloatAt(codes.offset(o, i), random.nextFloat() - 0.5f);
        }
      }
    }
    return rows;
  }

  private static double[] expected(List<WeightRows> parts, float[] x, int count, int in) {
    int out = parts.stream().mapToInt(WeightRows::rows).sum();
    double[] y = new double[count * out];
    float[] row = new float[in];
    int o = 0;
    for (WeightRows part : parts) {
      for (int r = 0; r < part.rows(); r++, o++) {
        part.read(r, row);
        for (int n = 0; n < count; n++) {
          for (int i = 0; i < in; i++) {
            y[n * out + o] += (double) row[i] * x[n * in + i];
          }
        }
      }
    }
    return y;
  }

  @ParameterizedTest
  @CsvSource({
    "INT8,INT8",
    "BF16,BF16",
    "F32,F32",
    "F16,F16",
    "INT8,BF16",
  })
  void productsAgreeWithPlainLoops(DType first, DType second) {
    for (int in : new int[] {1, 24, 100}) {
      List<WeightRows> parts = List.of(rows(first, 70, in, 1), rows(second, 45, in, 2));
      RowMatrix matrix = new RowMatrix(parts);
      assertEquals(115, matrix.out());
      for (int count : new int[] {1, 2, 3, 4, 5, 6, 7, 9, 11, 40}) {
        float[] x = TestData.random(count * in, count);
        float[] y = new float[count * 115];
        matrix.multiply(count, x, y, false);
        double[] expected = expected(parts, x, count, in);
        TestData.assertClose(expected, y, 1e-6 * in);
        matrix.multiply(count, x, y, true);
        TestData.assertClose(Arrays.stream(expected).map(e -> 2 * e).toArray(), y, 2e-6 * in);
      }
    }
  }

  @Test
  void aRowsBitsDoNotDependOnItsNeighbours() {
    RowMatrix matrix = new RowMatrix(List.of(rows(DType.INT8, 300, 90, 3)));
    float[] x = TestData.random(13 * 90, 4);
    float[] all = new float[13 * 300];
    matrix.multiply(13, x, all, false);
    for (int n = 0; n < 13; n++) {
      float[] one = new float[300];
      matrix.multiply(1, Arrays.copyOfRange(x, n * 90, (n + 1) * 90), one, false);
      assertArrayEquals(Arrays.copyOfRange(all, n * 300, (n + 1) * 300), one);
    }
  }

  @Test
  void partsOfOtherWidthsAreRefused() {
    List<WeightRows> parts = List.of(rows(DType.F32, 2, 8, 1), rows(DType.F32, 2, 9, 1));
    assertThatThrownBy(() -> new RowMatrix(parts)).hasMessageContaining("rows of 9, expected 8");
  }
}
