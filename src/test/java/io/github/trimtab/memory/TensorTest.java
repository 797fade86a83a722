package io.github.trimtab.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class TensorTest {
  private static final Buffer BYTES = Buffer.allocate(96);

  @Test
  void elementsLieWhereTheStridesSay() {
    float[] values = new float[24];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Tensor tensor = Tensor.wrap(values, 2, 3, 4);
    assertThat(tensor.floatAt(tensor.offset(1, 2, 3))).isEqualTo(23);
    assertThat(tensor.isContiguous()).isTrue();
    Tensor swapped = tensor.permute(2, 0, 1);
    assertThat(swapped.shape()).containsExactly(4, 2, 3);
    assertThat(swapped.floatAt(swapped.offset(3, 1, 2))).isEqualTo(23);
    assertThat(swapped.isContiguous()).isFalse();
    Tensor middle = tensor.narrow(1, 1, 2);
    assertThat(middle.floatAt(middle.offset(1, 1, 3))).isEqualTo(23);
    assertThat(middle.floatAt(middle.offset(0, 0, 0))).isEqualTo(4);
    assertThat(tensor.narrow(2, 4, 0).elements()).isZero();
  }

  @Test
  void integersAndNarrowFloatsAreReadAndWritten() {
    Tensor ints = Tensor.wrap(new int[] {5, -6}, 2);
    assertThat(ints.integerAt(ints.offset(1))).isEqualTo(-6);
    try (Buffer buffer = Buffer.allocate(16)) {
      Tensor longs = Tensor.of(DType.I64, buffer, 2);
      longs.setIntegerAt(8, 1L << 40);
      assertThat(longs.integerAt(longs.offset(1))).isEqualTo(1L << 40);
      for (DType dtype : new DType[] {DType.F16, DType.BF16}) {
        Tensor half = Tensor.of(dtype, buffer, 2);
        half.setFloatAt(half.offset(1), -1.5f);
        assertThat(half.floatAt(half.offset(1))).isEqualTo(-1.5f);
      }
    }
  }

  @Test
  void shapesBeyondTheBufferAreRefused() {
    assertThat(Tensor.of(DType.F32, BYTES, 4, 6).elements()).isEqualTo(24);
    refuse("but the buffer has 96", DType.F32, 0, new long[] {25}, new long[] {1});
    refuse("but the buffer has 96", DType.F32, 4, new long[] {24}, new long[] {1});
    refuse("but the buffer has 96", DType.F32, -4, new long[] {1}, new long[] {1});
    refuse("but the buffer has 96", DType.F32, 100, new long[] {0}, new long[] {1});
    refuse("but the buffer has 96", DType.F32, 0, new long[] {2, 4}, new long[] {21, 1});
    assertThat(Tensor.strided(DType.F32, BYTES, 0, new long[] {2, 4}, new long[] {20, 1}).rank())
        .isEqualTo(2);
  }

  @Test
  void negativeAndOverflowingShapesAreRefused() {
    long huge = Long.MAX_VALUE / 2;
    refuse("sizes of 0 or more", DType.F32, 0, new long[] {-1}, new long[] {1});
    refuse("values of 0 or more", DType.F32, 0, new long[] {1}, new long[] {-1});
    refuse("1 values", DType.F32, 0, new long[] {1}, new long[] {1, 1});
    refuse("whole bytes", DType.INT4, 0, new long[] {2}, new long[] {1});
    refuse("64-bit address", DType.F32, 0, new long[] {huge, 8}, new long[] {8, 1});
    refuse("64-bit address", DType.F32, 0, new long[] {huge}, new long[] {1});
    refuse("64-bit address", DType.F32, 0, new long[] {3, 3}, new long[] {huge, huge});
    // One element that strides of 0 repeat.
    long[] still = {0, 0};
    refuse("64-bit address", DType.F32, 0, new long[] {1L << 32, 1L << 32}, still);
    refuse("64-bit address", DType.F32, 0, new long[] {1L << 31, 1L << 30}, still);
    Tensor most = Tensor.strided(DType.F32, BYTES, 0, new long[] {1L << 29, 1L << 28}, still);
    assertThat(most.elements()).isEqualTo(1L << 57);
    long[] none = {1L << 32, 1L << 32, 0};
    assertThat(Tensor.strided(DType.F32, BYTES, 0, none, new long[3]).elements()).isZero();
    refuse("", DType.F32, Long.MAX_VALUE, new long[] {1}, new long[] {1});
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Tensor.of(DType.I64, BYTES, 1L << 40, 1L << 40));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Tensor.allocate(DType.F32, 1L << 32, 1L << 32));
  }

  private static void refuse(
      String message, DType dtype, long offset, long[] shape, long[] strides) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Tensor.strided(dtype, BYTES, offset, shape, strides))
        .withMessageContaining(message);
  }

  @Test
  void viewsOutsideTheTensorAreRefused() {
    Tensor tensor = Tensor.of(DType.F32, BYTES, 4, 6);
    assertThatIllegalArgumentException().isThrownBy(() -> tensor.narrow(0, 3, 2));
    assertThatIllegalArgumentException().isThrownBy(() -> tensor.narrow(0, -1, 1));
    assertThatIllegalArgumentException().isThrownBy(() -> tensor.narrow(0, 1, Long.MAX_VALUE));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> tensor.narrow(2, 0, 0))
        .withMessageStartingWith("dim: 2, expected ");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> tensor.narrow(-1, 0, 0))
        .withMessageStartingWith("dim: -1, expected ");
    assertThatIllegalArgumentException().isThrownBy(() -> tensor.permute(0, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> tensor.permute(0));
    assertThatIllegalArgumentException().isThrownBy(() -> tensor.permute(0, 2));
  }

  @Test
  void viewsOfEmptyTensorsAreEmpty() {
    try (Buffer none = Buffer.allocate(0)) {
      Tensor empty = Tensor.of(DType.F32, none, 4, 0, 6);
      assertThat(empty.narrow(0, 2, 2).shape()).containsExactly(2, 0, 6);
      assertThat(empty.narrow(2, 6, 0).elements()).isZero();
      assertThatIllegalArgumentException().isThrownBy(() -> empty.narrow(0, 3, 2));
    }
  }

  @Test
  void overlapIsByBytes() {
    Tensor all = Tensor.of(DType.F32, BYTES, 4, 6);
    assertThat(all.narrow(0, 0, 2).overlaps(all.narrow(0, 2, 2))).isFalse();
    assertThat(all.narrow(0, 0, 2).overlaps(all.narrow(0, 1, 2))).isTrue();
    assertThat(all.narrow(0, 0, 0).overlaps(all)).isFalse();
    Buffer again = Buffer.wrap(BYTES.segment().asSlice(0, 8));
    assertThat(Tensor.of(DType.F32, again, 2).overlaps(all)).isTrue();
    Buffer device = Buffer.ofDevicePointer(0, BYTES.segment().address(), 96);
    assertThat(Tensor.of(DType.F32, device, 24).overlaps(all)).isFalse();
  }
}
