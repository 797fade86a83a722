package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.ABS;

import io.github.trimtab.internal.host.HeadChecks;
import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.internal.vector.Workspace.Floats;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Rounds weight rows to FP8, INT8 or INT4, some rows a task. */
final class VectorQuantize {
  /** Rows of a task. */
  private static final int ROWS = 64;

  /** 1.5 x 2^23: adding it rounds a code to an integer in the low bits, ties to even. */
  private static final float ROUND = 0x1.8p23f;

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
    for (int r = index * ROWS; r < end; r++) {
      Tensor weight = op.weight();
      Widen.tokens(
          weight.dtype(), weight.segment(), weight.offset(r, 0), 0, 0, 1, columns, row, 0, 0);
      for (int start = 0; start < columns; start += group) {
        short scaleBits = TokenFormat.scaleBits(rows.format(), largest(row, start, group));
        scales
            .segment()
            .set(ValueLayout.JAVA_SHORT_UNALIGNED, scales.offset(r, start / group), scaleBits);
        code(rows.format(), row, start, group, FloatFormats.fromBf16(scaleBits));
      }
      store(rows, r, row);
    }
  }

  private static float largest(float[] row, int start, int count) {
    FloatVector max = FloatVector.zero(Lanes.FLOATS);
    int i = 0;
    for (; i + Lanes.COUNT <= count; i += Lanes.COUNT) {
      max = max.max(Lanes.load(row, start + i).lanewise(ABS));
    }
    float largest = max.reduceLanes(VectorOperators.MAX);
    for (; i < count; i++) {
      largest = Math.max(largest, Math.abs(row[start + i]));
    }
    return largest;
  }

  /** Replaces weights by their codes, as floats whose lowest byte is the code. */
  private static void code(DType format, float[] row, int start, int count, float scale) {
    int i = 0;
    if (format != DType.FP8_E4M3 && scale > 0f) {
      float top = TokenFormat.top(format);
      for (; i + Lanes.COUNT <= count; i += Lanes.COUNT) {
        Lanes.load(row, start + i)
            .div(scale)
            .max(-top)
            .min(top)
            .add(ROUND)
            .intoArray(row, start + i);
      }
    }
    for (; i < count; i++) {
      byte code = TokenFormat.code(format, row[start + i], scale);
      row[start + i] = Float.intBitsToFloat(code & 0xff);
    }
  }

  private static void store(WeightRows rows, int r, float[] codes) {
    MemorySegment segment = rows.codes().segment();
    long at = rows.codes().offset(r, 0);
    if (rows.format() == DType.INT4) {
      for (int i = 0; i < rows.columns(); i += 2) {
        int pair = (bits(codes[i]) & 15) | (bits(codes[i + 1]) << 4);
        segment.set(ValueLayout.JAVA_BYTE, at + i / 2, (byte) pair);
      }
    } else {
      for (int i = 0; i < rows.columns(); i++) {
        segment.set(ValueLayout.JAVA_BYTE, at + i, (byte) bits(codes[i]));
      }
    }
  }

  private static int bits(float code) {
    return Float.floatToRawIntBits(code);
  }
}
