package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.IS_NAN;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.OR;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;

/**
 * Writes tokens in the format of pages. Rounding to F16, FP8 and INT8 is {@link TokenFormat}'s, an
 * element at a time: a token is rounded once in its life and read many times.
 */
final class PageWriter {
  private PageWriter() {}

  /** Writes the vector (row, head, from) of a [rows, heads, tokens, head_dim] tensor. */
  static void write(
      Tensor tokens,
      int row,
      int head,
      int from,
      PagedKv target,
      int to,
      boolean value,
      Workspace own) {
    int headDim = target.layout().headDim();
    if (tokens.dtype() == target.layout().dtype()) {
      RowCopy.row(
          tokens.segment(),
          tokens.offset(row, head, from),
          target.slab().segment(),
          KvAccess.key(target, row, head, to) + part(target, value),
          (int) target.layout().tokenBytes());
      return;
    }
    float[] x = own.floats(Floats.ROW, headDim);
    Source.tensor(tokens, row, head, from, 1, x, 0, headDim);
    write(x, target, row, head, to, value);
  }

  /** Writes one key or value of a head. */
  static void write(float[] x, PagedKv target, int row, int head, int token, boolean value) {
    DType dtype = target.layout().dtype();
    int headDim = target.layout().headDim();
    MemorySegment slab = target.slab().segment();
    long to = KvAccess.key(target, row, head, token) + part(target, value);
    if (dtype == DType.F32) {
      MemorySegment.copy(x, 0, slab, ValueLayout.JAVA_FLOAT_UNALIGNED, to, headDim);
    } else if (dtype == DType.BF16 && headDim % Lanes.COUNT == 0) {
      writeBf16(x, headDim, slab, to);
    } else {
      long scale = KvAccess.keyScale(target, row, head, token) + part(target, value);
      TokenFormat.write(dtype, x, headDim, slab, to, scale);
    }
  }

  /** As {@link FloatFormats#toBf16}: to nearest even, and NaN stays NaN. */
  private static void writeBf16(float[] x, int n, MemorySegment to, long offset) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      FloatVector value = Lanes.load(x, i);
      IntVector bits = value.reinterpretAsInts();
      IntVector upper = bits.lanewise(LSHR, 16);
      IntVector rounded = bits.add(upper.lanewise(AND, 1)).add(0x7fff).lanewise(LSHR, 16);
      IntVector narrow =
          rounded.blend(upper.lanewise(OR, 0x40), value.test(IS_NAN).cast(Lanes.INTS));
      ((ShortVector) narrow.convertShape(I2S, Lanes.SHORTS, 0))
          .intoMemorySegment(to, offset + 2L * i, Lanes.ORDER);
    }
  }

  private static long part(PagedKv target, boolean value) {
    return value ? KvAccess.keyToValue(target) : 0;
  }
}
