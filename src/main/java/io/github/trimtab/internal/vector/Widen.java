package io.github.trimtab.internal.vector;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.B2I;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.OR;
import static jdk.incubator.vector.VectorOperators.S2I;

import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;

/**
 * Exact widening of every page and tensor format to binary32, {@link Lanes#COUNT} elements a load.
 */
final class Widen {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  /** Where byte i of an int sits, for widths whose bytes fill no species. */
  static final IntVector BYTE_SHIFTS =
      IntVector.zero(Lanes.INTS).addIndex(1).lanewise(AND, 3).lanewise(LSHL, 3);

  /** What brings nibble i of an int to the top. */
  private static final IntVector NIBBLE_SHIFTS =
      IntVector.broadcast(Lanes.INTS, 28)
          .sub(IntVector.zero(Lanes.INTS).addIndex(1).lanewise(AND, 7).lanewise(LSHL, 2));

  private static final VectorMask<Integer> UPPER_HALF =
      IntVector.zero(Lanes.INTS).addIndex(1).compare(GE, Lanes.COUNT / 2);

  private Widen() {}

  static FloatVector f32(MemorySegment from, long offset) {
    return FloatVector.fromMemorySegment(Lanes.FLOATS, from, offset, Lanes.ORDER);
  }

  static FloatVector bf16(MemorySegment from, long offset) {
    return shorts(from, offset).lanewise(LSHL, 16).reinterpretAsFloats();
  }

  /**
   * Puts exponent and mantissa into place and multiplies by 2^(127 - 15), which is exact for
   * subnormals too; what had the largest exponent (infinity, NaN) gets the largest again.
   */
  static FloatVector f16(MemorySegment from, long offset) {
    IntVector bits = shorts(from, offset);
    IntVector magnitude = bits.lanewise(AND, 0x7fff);
    IntVector widened =
        magnitude.lanewise(LSHL, 13).reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
    widened = widened.lanewise(OR, 0x7f800000, magnitude.compare(GE, 0x7c00));
    return widened
        .lanewise(OR, bits.lanewise(AND, 0x8000).lanewise(LSHL, 16))
        .reinterpretAsFloats();
  }

  /** Without the scale. As {@link #f16}, by 2^(127 - 7); only S.1111.111 is no number. */
  static FloatVector fp8(MemorySegment from, long offset) {
    IntVector bits = bytes(from, offset);
    IntVector magnitude = bits.lanewise(AND, 0x7f);
    FloatVector widened = magnitude.lanewise(LSHL, 20).reinterpretAsFloats().mul(0x1p120f);
    widened = widened.blend(Float.NaN, magnitude.compare(EQ, 0x7f).cast(Lanes.FLOATS));
    return widened
        .reinterpretAsInts()
        .lanewise(OR, bits.lanewise(AND, 0x80).lanewise(LSHL, 24))
        .reinterpretAsFloats();
  }

  /** Without the scale. */
  static FloatVector int8(MemorySegment from, long offset) {
    return (FloatVector) bytes(from, offset).convertShape(I2F, Lanes.FLOATS, 0);
  }

  /** Without the scale: {@link Lanes#COUNT} elements, the first in the lower half of a byte. */
  static FloatVector int4(MemorySegment from, long offset) {
    IntVector nibbles =
        IntVector.broadcast(
            Lanes.INTS, Lanes.COUNT == 4 ? from.get(SHORT, offset) : from.get(INT, offset));
    if (Lanes.COUNT == 16) {
      nibbles = nibbles.blend(from.get(INT, offset + Integer.BYTES), UPPER_HALF);
    }
    return (FloatVector)
        nibbles.lanewise(LSHL, NIBBLE_SHIFTS).lanewise(ASHR, 28).convertShape(I2F, Lanes.FLOATS, 0);
  }

  private static IntVector shorts(MemorySegment from, long offset) {
    return (IntVector)
        ShortVector.fromMemorySegment(Lanes.SHORTS, from, offset, Lanes.ORDER)
            .convertShape(S2I, Lanes.INTS, 0);
  }

  private static IntVector bytes(MemorySegment from, long offset) {
    if (Lanes.COUNT == 4) {
      return IntVector.broadcast(Lanes.INTS, from.get(INT, offset))
          .lanewise(LSHR, BYTE_SHIFTS)
          .lanewise(LSHL, 24)
          .lanewise(ASHR, 24);
    }
    return (IntVector)
        ByteVector.fromMemorySegment(Lanes.CODES, from, offset, Lanes.ORDER)
            .convertShape(B2I, Lanes.INTS, 0);
  }

  /**
   * Widens {@code count} tokens of one head.
   *
   * @param codes byte offset of the first token's elements
   * @param stride bytes from token to token
   * @param scales byte offset of the first token's BF16 scale, unused by formats without one
   * @param headDim elements of a token
   * @param to receives token t at {@code toIndex + t * toStride}
   */
  static void tokens(
      DType dtype,
      MemorySegment from,
      long codes,
      long stride,
      long scales,
      int count,
      int headDim,
      float[] to,
      int toIndex,
      int toStride) {
    if (dtype == DType.F32) {
      copy(from, codes, stride, count, headDim, to, toIndex, toStride);
      return;
    }
    for (int t = 0; t < count; t++) {
      int done = headDim - headDim % Lanes.COUNT;
      switch (dtype) {
        case F16 -> f16Row(from, codes, done, to, toIndex);
        case BF16 -> bf16Row(from, codes, done, to, toIndex);
        case FP8_E4M3 -> fp8Row(from, codes, scaleAt(from, scales), done, to, toIndex);
        default -> int8Row(from, codes, scaleAt(from, scales), done, to, toIndex);
      }
      for (int i = done; i < headDim; i++) {
        to[toIndex + i] = element(dtype, from, codes, scales, i);
      }
      codes += stride;
      scales += Short.BYTES;
      toIndex += toStride;
    }
  }

  /** Widens {@code n} FP8 or INT8 codes of one scale. */
  static void codes(
      DType dtype, MemorySegment from, long offset, int n, float scale, float[] to, int at) {
    int done = n - n % Lanes.COUNT;
    if (dtype == DType.FP8_E4M3) {
      fp8Row(from, offset, scale, done, to, at);
    } else {
      int8Row(from, offset, scale, done, to, at);
    }
    for (int i = done; i < n; i++) {
      to[at + i] = TokenFormat.value(dtype, from.get(ValueLayout.JAVA_BYTE, offset + i)) * scale;
    }
  }

  /**
   * Widens {@code n} INT4 codes of one scale, the first of them the {@code index}th from offset.
   */
  static void int4(
      MemorySegment from, long offset, int index, int n, float scale, float[] to, int at) {
    int i = 0;
    if (index % 2 == 0) {
      for (; i + Lanes.COUNT <= n; i += Lanes.COUNT) {
        int4(from, offset + (index + i) / 2).mul(scale).intoArray(to, at + i);
      }
    }
    for (; i < n; i++) {
      int pair = from.get(ValueLayout.JAVA_BYTE, offset + (index + i) / 2);
      int code = (index + i) % 2 == 0 ? pair << 28 >> 28 : pair >> 4;
      to[at + i] = code * scale;
    }
  }

  private static float scaleAt(MemorySegment from, long scale) {
    return FloatFormats.fromBf16(from.get(SHORT, scale));
  }

  private static float element(DType dtype, MemorySegment from, long codes, long scale, int index) {
    return switch (dtype) {
      case F16 -> FloatFormats.fromF16(from.get(SHORT, codes + 2L * index));
      case BF16 -> FloatFormats.fromBf16(from.get(SHORT, codes + 2L * index));
      default ->
          TokenFormat.value(dtype, from.get(ValueLayout.JAVA_BYTE, codes + index))
              * scaleAt(from, scale);
    };
  }

  /** F32 tokens, in one piece where they lie as they shall. */
  private static void copy(
      MemorySegment from,
      long codes,
      long stride,
      int count,
      int headDim,
      float[] to,
      int toIndex,
      int toStride) {
    boolean whole = stride == 4L * headDim && toStride == headDim;
    int elements = whole ? count * headDim : headDim;
    for (int t = 0; t < (whole ? Math.min(count, 1) : count); t++) {
      long at = codes + t * stride;
      MemorySegment.copy(from, Workspace.FLOAT, at, to, toIndex + t * toStride, elements);
    }
  }

  private static void f16Row(MemorySegment from, long offset, int n, float[] to, int at) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      f16(from, offset + 2L * i).intoArray(to, at + i);
    }
  }

  private static void bf16Row(MemorySegment from, long offset, int n, float[] to, int at) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      bf16(from, offset + 2L * i).intoArray(to, at + i);
    }
  }

  private static void fp8Row(
      MemorySegment from, long offset, float scale, int n, float[] to, int at) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      fp8(from, offset + i).mul(scale).intoArray(to, at + i);
    }
  }

  private static void int8Row(
      MemorySegment from, long offset, float scale, int n, float[] to, int at) {
    for (int i = 0; i < n; i += Lanes.COUNT) {
      int8(from, offset + i).mul(scale).intoArray(to, at + i);
    }
  }
}
