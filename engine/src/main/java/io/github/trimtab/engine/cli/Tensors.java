package io.github.trimtab.engine.cli;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

/** Tensors that a command makes itself; the garbage collector frees them. */
final class Tensors {
  private Tensors() {}

  /** A contiguous tensor of zeros. */
  static Tensor zeros(DType dtype, long... shape) {
    long elements = 1;
    for (long size : shape) {
      elements = Math.multiplyExact(elements, size);
    }
    var memory = Arena.ofAuto().allocate(dtype.bytes(elements), Buffer.ALIGNMENT);
    return Tensor.of(dtype, Buffer.wrap(memory), shape);
  }

  /** I32 [rows, columns]. */
  static Tensor matrix(int[][] rows, int columns) {
    Tensor matrix = zeros(DType.I32, rows.length, columns);
    for (int row = 0; row < rows.length; row++) {
      for (int i = 0; i < columns; i++) {
        matrix.setIntegerAt(matrix.offset(row, i), rows[row][i]);
      }
    }
    return matrix;
  }

  /** The same elements in F32; the tensor itself if it is F32 already. */
  static Tensor toF32(Tensor source) {
    if (source.dtype() == DType.F32) {
      return source;
    }
    Tensor wide = zeros(DType.F32, source.shape());
    int bytes = source.dtype().bits() / 8;
    for (long i = 0; i < wide.elements(); i++) {
      wide.setFloatAt(i * Float.BYTES, source.floatAt(source.offset() + i * bytes));
    }
    return wide;
  }

  /** The elements of a contiguous I32 tensor in I64. */
  static Tensor toI64(Tensor source) {
    Tensor wide = zeros(DType.I64, source.shape());
    for (long i = 0; i < wide.elements(); i++) {
      int value = source.segment().getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i);
      wide.setIntegerAt(i * Long.BYTES, value);
    }
    return wide;
  }
}
