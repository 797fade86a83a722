package io.github.trimtab.engine.math;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PackedMatrixTest {

  @ParameterizedTest
  @CsvSource({"1,1,1", "2,16,16", "5,7,3", "6,64,33", "7,256,48", "97,40,100", "300,129,17"})
  void productAgreesWithPlainLoops(int rows, int in, int out) {
    float[] x = TestData.random(rows * in, 1);
    float[] w = TestData.random(out * in, 2);
    float[] bias = TestData.random(out, 3);
    MemorySegment result = TestData.empty(rows * out);
    new PackedMatrix(w, bias)
        .multiply(
            rows, PackedMatrix.rows(TestData.offHeap(x), in), result, PackedMatrix.Epilogue.NONE);
    double[] expected = new double[rows * out];
    for (int r = 0; r < rows; r++) {
      for (int o = 0; o < out; o++) {
        double sum = bias[o];
        for (int i = 0; i < in; i++) {
          sum += (double) x[r * in + i] * w[o * in + i];
        }
        expected[r * out + o] = sum;
      }
    }
    TestData.assertClose(expected, TestData.array(result), 1e-6 * in);
  }

  @ParameterizedTest
  @CsvSource({"1,8,40", "13,8,40", "500,8,40"})
  void epilogueSeesEachPlaceOnce(int rows, int in, int out) {
    MemorySegment result = TestData.empty(rows * out);
    new PackedMatrix(new float[out * in], new float[out])
        .multiply(
            rows,
            (from, to, block) -> {},
            result,
            (rowFrom, rowTo, columnFrom, columnTo) -> {
              for (int r = rowFrom; r < rowTo; r++) {
                for (int c = columnFrom; c < columnTo; c++) {
                  long at = (long) r * out + c;
                  Lanes.set(result, at, Lanes.get(result, at) + 1);
                }
              }
            });
    double[] ones = new double[rows * out];
    java.util.Arrays.fill(ones, 1);
    TestData.assertClose(ones, TestData.array(result), 0);
  }

  @Test
  void weightThatDoesNotFitItsBiasIsRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> new PackedMatrix(new float[10], new float[3]));
  }
}
