package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.FloatFormats;
import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * A weight matrix [V,d] by rows: a language model's head, or an embedding.
 *
 * <p>F32, F16 and BF16 rows stand for themselves. FP8_E4M3, INT8 and INT4 rows are codes with
 * scales, and a weight is code x scale, exact in binary32. A scale belongs to a group of neighbours
 * along d; FP8 rows have one a row.
 *
 * <p>Codes and scales lie apart. Formats that hold a group's scale beside its codes are taken apart
 * once: GGUF's Q8_0 becomes INT8 rows with F16 scales and groups of 32, bit for bit.
 *
 * @param format of the elements: F32, F16, BF16, FP8_E4M3, INT8 or INT4
 * @param codes the elements [V,d] in that format, a row's elements side by side; INT4: bytes
 *     [V,d/2] of dtype INT8, the element with the lower index in the lower four bits
 * @param scales [V,d/group], BF16 or F16, a row's scales side by side; null for F32, F16 and BF16
 */
public record WeightRows(DType format, Tensor codes, @Nullable Tensor scales) {
  /** Elements of a group of INT8 and INT4 rows unless chosen otherwise. */
  public static final int DEFAULT_GROUP = 128;

  /** Most elements of a row. */
  public static final int MOST_COLUMNS = 1 << 16;

  /** Checks shapes, dtypes and that all memory lives in one place. */
  public WeightRows {
    require(
        format.isFloat() || format.isQuantized(),
        "format",
        format,
        "F32, F16, BF16, FP8_E4M3, INT8 or INT4");
    DType held = format == DType.INT4 ? DType.INT8 : format;
    require(codes.dtype() == held, "codes", codes, "dtype " + held + " for rows of " + format);
    require(codes.rank() == 2, "codes", codes, "2 dimensions [rows, elements]");
    Check.lastDimensionContiguous("codes", codes);
    require(codes.size(0) <= Integer.MAX_VALUE, "codes", codes, "fewer than 2^31 rows");
    long columns = columns(format, codes);
    require(
        columns >= 1 && columns <= MOST_COLUMNS,
        "codes",
        codes,
        "1 to " + MOST_COLUMNS + " elements a row");
    require(
        (scales != null) == format.isQuantized(),
        "scales",
        scales == null ? "null" : scales,
        format.isQuantized() ? "scales for rows of " + format : "none for rows of " + format);
    if (scales != null) {
      require(
          scales.dtype() == DType.BF16 || scales.dtype() == DType.F16,
          "scales",
          scales,
          "dtype BF16 or F16");
      require(
          scales.rank() == 2
              && scales.size(0) == codes.size(0)
              && scales.size(1) >= 1
              && columns % scales.size(1) == 0,
          "scales",
          scales,
          "shape [" + codes.size(0) + ", groups] with groups that divide " + columns);
      require(
          format != DType.FP8_E4M3 || scales.size(1) == 1,
          "scales",
          scales,
          "one a row, since the rows are FP8_E4M3");
      Check.lastDimensionContiguous("scales", scales);
      Check.place("scales", scales, codes.place());
    }
  }

  /** The rows of a plain F32, F16 or BF16 matrix [V,d], without a copy. */
  public static WeightRows of(Tensor weight) {
    return new WeightRows(weight.dtype(), weight, null);
  }

  /**
   * Zeroed rows in fresh host memory, codes and scales in one buffer, which {@code
   * codes().buffer().close()} frees.
   *
   * @param group elements that share a scale, a divisor of {@code columns}; INT8 and INT4 only
   * @throws IllegalArgumentException if the format has no such rows
   */
  public static WeightRows allocate(DType format, int rows, int columns, int group) {
    return allocate(format, rows, columns, group, Buffer::allocate);
  }

  /** The same in memory of which {@code memory} gives as many bytes as it is asked for. */
  public static WeightRows allocate(
      DType format, int rows, int columns, int group, LongFunction<Buffer> memory) {
    require(format.isFloat() || format.isQuantized(), "format", format, "a format of weights");
    require(rows >= 0, "rows", rows, "0 or more");
    require(columns >= 1 && columns <= MOST_COLUMNS, "columns", columns, "1 to " + MOST_COLUMNS);
    if (format.isFloat()) {
      Buffer buffer = memory.apply(format.bytes((long) rows * columns));
      return of(Tensor.of(format, buffer, rows, columns));
    }
    boolean grouped = format != DType.FP8_E4M3;
    require(
        !grouped || (group >= 1 && columns % group == 0),
        "group",
        group,
        "a divisor of the row's " + columns + " elements");
    boolean nibbles = format == DType.INT4;
    require(!nibbles || columns % 2 == 0, "columns", columns, "an even number for INT4");
    long[] codes = {rows, nibbles ? columns / 2 : columns};
    long[] scales = {rows, grouped ? columns / group : 1};
    long scalesAt = Math.ceilDiv(rows * codes[1], Buffer.ALIGNMENT) * Buffer.ALIGNMENT;
    Buffer buffer = memory.apply(scalesAt + DType.BF16.bytes(rows * scales[1]));
    return new WeightRows(
        format,
        Tensor.of(nibbles ? DType.INT8 : format, buffer, codes),
        Tensor.strided(DType.BF16, buffer, scalesAt, scales, new long[] {scales[1], 1}));
  }

  private static long columns(DType format, Tensor codes) {
    return format == DType.INT4 ? 2 * codes.size(1) : codes.size(1);
  }

  /** Rows V. */
  public int rows() {
    return (int) codes.size(0);
  }

  /** Elements of a row, d. */
  public int columns() {
    return (int) columns(format, codes);
  }

  /** Elements that share a scale; the whole row where there are no scales. */
  public int group() {
    return scales == null ? columns() : columns() / (int) scales.size(1);
  }

  /** Bytes of codes and scales. */
  public long bytes() {
    long codeBytes = codes.dtype().bytes(codes.elements());
    return scales == null ? codeBytes : codeBytes + scales.dtype().bytes(scales.elements());
  }

  /** Where the memory lives. */
  public Place place() {
    return codes.place();
  }

  /** Whether a tensor spans memory of these rows. */
  boolean overlaps(Tensor tensor) {
    return codes.overlaps(tensor) || (scales != null && scales.overlaps(tensor));
  }

  /**
   * Widens one row of host memory exactly into {@code to[0..d)}: a token's embedding, or a row of
   * the head.
   *
   * @throws IndexOutOfBoundsException if there is no such row, or {@code to} is too short
   */
  public void read(int row, float[] to) {
    int columns = columns();
    Objects.checkIndex(row, rows());
    Objects.checkFromIndexSize(0, columns, to.length);
    long first = codes.offset(row, 0);
    if (scales == null) {
      int bytes = format.bits() / 8;
      for (int i = 0; i < columns; i++) {
        to[i] = codes.floatAt(first + (long) i * bytes);
      }
      return;
    }
    MemorySegment segment = codes.segment();
    int group = group();
    for (int i = 0; i < columns; i++) {
      float code =
          switch (format) {
            case FP8_E4M3 -> FloatFormats.fromFp8(segment.get(ValueLayout.JAVA_BYTE, first + i));
            case INT8 -> segment.get(ValueLayout.JAVA_BYTE, first + i);
            default -> nibble(segment.get(ValueLayout.JAVA_BYTE, first + i / 2), i % 2);
          };
      to[i] = code * scales.floatAt(scales.offset(row, i / group));
    }
  }

  private static int nibble(byte pair, int index) {
    return index == 0 ? pair << 28 >> 28 : pair >> 4;
  }
}
