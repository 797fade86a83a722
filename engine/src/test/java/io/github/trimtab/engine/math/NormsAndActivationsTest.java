package io.github.trimtab.engine.math;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NormsAndActivationsTest {

  private static final int COUNT = 4003;

  /** -30 to 30, off every lane grid. */
  private static float[] ramp() {
    float[] x = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      x[i] = 60f * i / (COUNT - 1) - 30;
    }
    return x;
  }

  @Test
  void geluIsTheTanhForm() {
    float[] x = ramp();
    MemorySegment segment = TestData.offHeap(x);
    Activations.gelu(segment, 0, COUNT);
    float[] actual = TestData.array(segment);
    for (int i = 0; i < COUNT; i++) {
      double v = x[i];
      double exact = 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v * v * v)));
      assertEquals(exact, actual[i], 1e-6 * Math.max(1, Math.abs(exact)), "gelu of " + v);
    }
  }

  @Test
  void siluIsXTimesSigmoid() {
    float[] x = ramp();
    MemorySegment segment = TestData.offHeap(x);
    Activations.silu(segment, 3, COUNT);
    float[] actual = TestData.array(segment);
    for (int i = 0; i < COUNT; i++) {
      double exact = i < 3 ? x[i] : x[i] / (1 + Math.exp(-x[i]));
      assertEquals(exact, actual[i], 1e-6 * Math.max(1, Math.abs(exact)), "silu of " + x[i]);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 64, 77, 256})
  void layerNormModulates(int width) {
    float[] x = TestData.random(3 * width, 1);
    float[] modulation = TestData.random(4 * width, 2);
    float[] out = new float[2 * width];
    LayerNorm.modulate(
        TestData.offHeap(x), 2, width, 1e-6f, modulation, width, 3 * width, out, width);
    double mean = 0;
    for (int i = 0; i < width; i++) {
      mean += x[2 * width + i] / (double) width;
    }
    double variance = 0;
    for (int i = 0; i < width; i++) {
      variance += Math.pow(x[2 * width + i] - mean, 2) / width;
    }
    double[] expected = new double[2 * width];
    for (int i = 0; i < width; i++) {
      expected[width + i] =
          (x[2 * width + i] - mean) / Math.sqrt(variance + 1e-6) * (1 + modulation[width + i])
              + modulation[3 * width + i];
    }
    TestData.assertClose(expected, out, 1e-5);
  }

  @ParameterizedTest
  @CsvSource({"12,4,9,true", "48,8,2500,true", "48,16,1024,false"})
  void groupNormAgreesWithPlainLoops(int channels, int groups, int pixels, boolean silu) {
    float[] x = TestData.random(pixels * channels, 1);
    for (int i = 0; i < x.length; i++) {
      x[i] += 0.1f * (i % channels);
    }
    float[] weight = TestData.random(channels, 2);
    float[] bias = TestData.random(channels, 3);
    MemorySegment out = TestData.empty(x.length);
    new GroupNorm(groups, 1e-6f, weight, bias).apply(TestData.offHeap(x), pixels, silu, out);
    int size = channels / groups;
    double[] expected = new double[x.length];
    for (int g = 0; g < groups; g++) {
      double sum = 0;
      double square = 0;
      for (int p = 0; p < pixels; p++) {
        for (int c = g * size; c < (g + 1) * size; c++) {
          sum += x[p * channels + c];
          square += (double) x[p * channels + c] * x[p * channels + c];
        }
      }
      double mean = sum / pixels / size;
      double deviation = Math.sqrt(square / pixels / size - mean * mean + 1e-6);
      for (int p = 0; p < pixels; p++) {
        for (int c = g * size; c < (g + 1) * size; c++) {
          double v = (x[p * channels + c] - mean) / deviation * weight[c] + bias[c];
          expected[p * channels + c] = silu ? v / (1 + Math.exp(-v)) : v;
        }
      }
    }
    TestData.assertClose(expected, TestData.array(out), 1e-5);
  }

  @ParameterizedTest
  @ValueSource(ints = {8, 19, 64})
  void normalizeGivesTheAskedLength(int count) {
    float[] x = TestData.random(count + 5, 1);
    MemorySegment segment = TestData.offHeap(x);
    Rows.normalize(segment, 5, count, 3);
    float[] actual = TestData.array(segment);
    double square = 0;
    double dot = 0;
    double before = 0;
    for (int i = 5; i < count + 5; i++) {
      square += (double) actual[i] * actual[i];
      dot += (double) actual[i] * x[i];
      before += (double) x[i] * x[i];
    }
    assertEquals(3, Math.sqrt(square), 1e-5, "length");
    assertEquals(3 * Math.sqrt(before), dot, 1e-5, "direction");
    assertEquals(x[4], actual[4], "the float before the run");
  }
}
