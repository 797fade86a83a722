package io.github.trimtab.internal.vector;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;

/** Exact widening of whole weight rows. */
final class WidenRows {
  private WidenRows() {}

  /** Widens a row into {@code to[at .. at + d)}. */
  static void row(WeightRows rows, int row, float[] to, int at) {
    Tensor codes = rows.codes();
    Tensor scales = rows.scales();
    MemorySegment segment = codes.segment();
    long offset = codes.offset(row, 0);
    int columns = rows.columns();
    if (scales == null) {
      Widen.tokens(rows.format(), segment, offset, 0, 0, 1, columns, to, at, 0);
      return;
    }
    int group = rows.group();
    for (int start = 0; start < columns; start += group) {
      float scale = scales.floatAt(scales.offset(row, start / group));
      if (rows.format() == DType.INT4) {
        Widen.int4(segment, offset, start, group, scale, to, at + start);
      } else {
        Widen.codes(rows.format(), segment, offset + start, group, scale, to, at + start);
      }
    }
  }
}
