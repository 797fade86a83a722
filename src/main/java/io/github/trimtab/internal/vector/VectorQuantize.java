package io.github.trimtab.internal.vector;

import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Rounds weight rows to FP8, INT8 or INT4, some rows a task. */
final class VectorQuantize {
  /** Rows of a task. */
  private static final int ROWS = 64;

  private VectorQuantize() {}

  static void run(Quantize op, Workers workers, Workspace shared) {
    HeadChecks.check(op);
    workers.run(op, Math.ceilDiv(op.rows().rows(), ROWS), shared, VectorQuantize::task);
  }

  private static void task(Quantize op, int index, Workspace shared, Workspace own) {
    WeightRows rows = op.rows();
    Tensor scales = op.scales();
    int columns = rows.columns();
    int group = rows.group();
    float[] row = own.floats(Floats.ROW, columns);
    int end = Math.min((index + 1) * ROWS, rows.rows());
    MemorySegment codes = rows.codes().segment();
    for (int r = index * ROWS; r < end; r++) {
      long at = rows.codes().offset(r, 0);
      Tensor weight = op.weight();
      Widen.tokens(
          weight.dtype(), weight.segment(), weight.offset(r, 0), 0, 0, 1, columns, row, 0, 0);
      for (int start = 0; start < columns; start += group) {
        short scale = Narrow.scaleBits(rows.format(), row, start, group);
        long to = scales.offset(r, start / group);
        scales.segment().set(ValueLayout.JAVA_SHORT_UNALIGNED, to, scale);
        float widened = FloatFormats.fromBf16(scale);
        if (rows.format() == DType.INT4) {
          Narrow.int4(row, start, group, widened);
        } else {
          Narrow.codes(rows.format(), row, start, group, widened, codes, at + start);
        }
      }
      if (rows.format() == DType.INT4) {
        pairs(row, columns, codes, at);
      }
    }
  }

  private static void pairs(float[] row, int columns, MemorySegment to, long offset) {
    for (int i = 0; i < columns; i += 2) {
      int low = Float.floatToRawIntBits(row[i]) & 15;
      int high = Float.floatToRawIntBits(row[i + 1]) << 4;
      to.set(ValueLayout.JAVA_BYTE, offset + i / 2, (byte) (low | high));
    }
  }
}
