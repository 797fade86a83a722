package io.github.trimtab.engine.math;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SoftmaxTest {

  private static final int AT = 3;

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 8, 24, 77, 1024})
  void agreesWithABinary64Computation(int count) {
    float[] x = TestData.random(AT + count, count);
    for (int i = 0; i < x.length; i++) {
      x[i] *= 20;
    }
    double sum = 0;
    for (int i = AT; i < x.length; i++) {
      sum += Math.exp(x[i]);
    }
    double expected = Math.log(sum);
    MemorySegment logits = TestData.offHeap(x);
    double logSumExp = Softmax.logSumExp(logits, AT, count);
    assertEquals(expected, logSumExp, 3e-6);
    float[] probabilities = new float[2 + count];
    Softmax.probabilities(logits, AT, count, logSumExp, probabilities, 2);
    double mean = 0;
    int largest = 0;
    for (int i = 0; i < count; i++) {
      double p = Math.exp(x[AT + i] - expected);
      assertEquals(p, probabilities[2 + i], 5e-6 * p + 1e-12);
      mean += p * x[AT + i];
      largest = x[AT + i] > x[AT + largest] ? i : largest;
    }
    assertEquals(mean, Softmax.mean(probabilities, 2, logits, AT, count), 1e-4);
    assertEquals(largest, Softmax.argmax(logits, AT, count));
  }

  @Test
  void farLogitsOverflowNothingAndOfEqualOnesTheFirstIsLargest() {
    float[] x = new float[19];
    x[7] = 300;
    x[18] = 300;
    x[2] = -300;
    MemorySegment logits = TestData.offHeap(x);
    assertEquals(300 + Math.log(2), Softmax.logSumExp(logits, 0, x.length), 1e-5);
    assertEquals(7, Softmax.argmax(logits, 0, x.length));
  }
}
