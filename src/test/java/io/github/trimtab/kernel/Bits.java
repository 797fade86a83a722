package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.Tensor;
import java.lang.foreign.ValueLayout;

/**
 * Equality of results, bit for bit; a NaN equals any NaN, since its payload is no part of the
 * contract.
 */
final class Bits {
  private Bits() {}

  /** Compares F32 tensors of three or four dimensions. */
  static void assertSameFloats(Tensor actual, Tensor expected, String what) {
    long last = actual.rank() == 4 ? actual.size(3) : 1;
    for (int i = 0; i < actual.size(0); i++) {
      for (int j = 0; j < actual.size(1); j++) {
        for (int k = 0; k < actual.size(2); k++) {
          for (int l = 0; l < last; l++) {
            long place = actual.rank() == 4 ? actual.offset(i, j, k, l) : actual.offset(i, j, k);
            long other =
                expected.rank() == 4 ? expected.offset(i, j, k, l) : expected.offset(i, j, k);
            float a = actual.floatAt(place);
            float e = expected.floatAt(other);
            assertSame(a, e, what, i, j, k, l);
          }
        }
      }
    }
  }

  /** Compares contiguous F32 tensors of one shape. */
  static void assertSameElements(Tensor actual, Tensor expected, String what) {
    for (int i = 0; i < expected.elements(); i++) {
      long place = (long) i * Float.BYTES;
      float a = actual.floatAt(actual.offset() + place);
      assertSame(a, expected.floatAt(expected.offset() + place), what, i, 0, 0, 0);
    }
  }

  private static void assertSame(
      float actual, float expected, String what, int i, int j, int k, int l) {
    // Not assertThat(float), which tells neither NaN from NaN nor -0 from +0.
    if (Float.floatToIntBits(actual) != Float.floatToIntBits(expected)) {
      throw new AssertionError(
          "%s [%d, %d, %d, %d]: %s (%a), expected %s (%a)"
              .formatted(what, i, j, k, l, actual, actual, expected, expected));
    }
  }

  /** Compares whole buffers byte for byte. */
  static void assertSameBytes(Tensor actual, Tensor expected, String what) {
    assertThat(actual.segment().mismatch(expected.segment())).as(what).isEqualTo(-1);
  }

  /** Compares lengths, every token, and (where no value is special) every byte of the slab. */
  static void assertSamePages(PagedKv actual, PagedKv expected, boolean special, String what) {
    assertSameBytes(actual.lengths(), expected.lengths(), what + " lengths");
    if (!special) {
      assertThat(actual.slab().segment().mismatch(expected.slab().segment()))
          .as(what + ": first byte of the slab that differs")
          .isEqualTo(-1);
      return;
    }
    for (int row = 0; row < actual.rows(); row++) {
      for (int head = 0; head < actual.heads(); head++) {
        for (int t = 0; t < PageReader.length(actual, row, head); t++) {
          for (int d = 0; d < actual.layout().headDim(); d++) {
            for (boolean value : new boolean[] {false, true}) {
              float a = PageReader.element(actual, value, row, head, t, d);
              float e = PageReader.element(expected, value, row, head, t, d);
              assertSame(a, e, what, row, head, t, d);
            }
          }
        }
      }
    }
  }

  /** A copy of a buffer's bytes. */
  static byte[] bytes(Tensor tensor) {
    return tensor.segment().toArray(ValueLayout.JAVA_BYTE);
  }
}
