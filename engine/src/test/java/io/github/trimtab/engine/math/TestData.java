package io.github.trimtab.engine.math;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Random arrays and their off-heap copies. */
final class TestData {

  private TestData() {}

  /** Values in [-1, 1). */
  static float[] random(int count, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = random.nextFloat() * 2 - 1;
    }
    return values;
  }

  static MemorySegment offHeap(float[] values) {
    MemorySegment segment = empty(values.length);
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
    return segment;
  }

  /** A segment of exactly this many floats: a store past its end throws. */
  static MemorySegment empty(int floats) {
    return Arena.ofAuto().allocate((long) floats * Float.BYTES, 64);
  }

  static float[] array(MemorySegment segment) {
    return segment.toArray(ValueLayout.JAVA_FLOAT);
  }

  static void assertClose(double[] expected, float[] actual, double tolerance) {
    assertEquals(expected.length, actual.length, "length");
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], tolerance, "at " + i);
    }
  }
}
