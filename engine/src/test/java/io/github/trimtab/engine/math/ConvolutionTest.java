package io.github.trimtab.engine.math;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConvolutionTest {

  @ParameterizedTest
  @CsvSource({"3,5,7,3,8,1", "3,8,12,16,20,2", "1,9,4,5,3,1", "3,1,1,2,2,1", "3,40,38,24,17,2"})
  void agreesWithPlainLoops(int size, int height, int width, int in, int out, int zoom) {
    float[] x = TestData.random(height / zoom * (width / zoom) * in, 1);
    float[] w = TestData.random(out * in * size * size, 2);
    float[] bias = TestData.random(out, 3);
    MemorySegment result = TestData.empty(height * width * out);
    new Convolution(w, bias, size)
        .apply(TestData.offHeap(x), height, width, zoom, result, PackedMatrix.Epilogue.NONE);
    double[] expected = new double[height * width * out];
    for (int y = 0; y < height; y++) {
      for (int px = 0; px < width; px++) {
        for (int o = 0; o < out; o++) {
          double sum = bias[o];
          for (int ky = 0; ky < size; ky++) {
            for (int kx = 0; kx < size; kx++) {
              int sy = y + ky - size / 2;
              int sx = px + kx - size / 2;
              if (sy < 0 || sy >= height || sx < 0 || sx >= width) {
                continue;
              }
              for (int c = 0; c < in; c++) {
                sum +=
                    (double) x[((sy / zoom) * (width / zoom) + sx / zoom) * in + c]
                        * w[((o * in + c) * size + ky) * size + kx];
              }
            }
          }
          expected[(y * width + px) * out + o] = sum;
        }
      }
    }
    TestData.assertClose(expected, TestData.array(result), 1e-5);
  }

  @Test
  void otherSizesAreRefused() {
    assertThrows(
        IllegalArgumentException.class, () -> new Convolution(new float[25], new float[1], 5));
  }
}
