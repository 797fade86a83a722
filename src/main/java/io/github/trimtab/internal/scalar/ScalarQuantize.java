package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Rounds weight rows to FP8, INT8 or INT4. */
final class ScalarQuantize {
  private ScalarQuantize() {}

  static void run(Quantize op) {
    HeadChecks.check(op);
    WeightRows rows = op.rows();
    Tensor scales = op.scales();
    int group = rows.group();
    for (int row = 0; row < rows.rows(); row++) {
      for (int start = 0; start < rows.columns(); start += group) {
        float max = 0f;
        for (int i = start; i < start + group; i++) {
          max = Math.max(max, Math.abs(weight(op, row, i)));
        }
        short scaleBits = TokenFormat.scaleBits(rows.format(), max);
        scales
            .segment()
            .set(ValueLayout.JAVA_SHORT_UNALIGNED, scales.offset(row, start / group), scaleBits);
        float scale = FloatFormats.fromBf16(scaleBits);
        for (int i = start; i < start + group; i++) {
          byte code = TokenFormat.code(rows.format(), weight(op, row, i), scale);
          store(rows, row, i, code);
        }
      }
    }
  }

  private static float weight(Quantize op, int row, int column) {
    return op.weight().floatAt(op.weight().offset(row, column));
  }

  private static void store(WeightRows rows, int row, int column, byte code) {
    MemorySegment segment = rows.codes().segment();
    if (rows.format() != DType.INT4) {
      segment.set(ValueLayout.JAVA_BYTE, rows.codes().offset(row, column), code);
      return;
    }
    long place = rows.codes().offset(row, column / 2);
    byte pair = segment.get(ValueLayout.JAVA_BYTE, place);
    int merged = column % 2 == 0 ? (pair & 0xf0) | (code & 15) : (pair & 15) | (code << 4);
    segment.set(ValueLayout.JAVA_BYTE, place, (byte) merged);
  }
}
