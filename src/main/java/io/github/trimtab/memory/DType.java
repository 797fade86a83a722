package io.github.trimtab.memory;

/**
 * Element formats of buffers, pages and weight rows.
 *
 * <p>{@link #FP8_E4M3}, {@link #INT8} and {@link #INT4} are codes that mean a number only together
 * with a scale; the others stand for themselves. The integer formats {@link #I32} and {@link #I64}
 * hold lengths, positions, page ids and token ids, never keys or values.
 */
public enum DType {
  /** IEEE 754 binary32. */
  F32(32),
  /** IEEE 754 binary16. */
  F16(16),
  /** bfloat16: the upper half of a binary32. */
  BF16(16),
  /** OCP 8-bit float, 4 exponent and 3 mantissa bits, no infinities, largest finite value 448. */
  FP8_E4M3(8),
  /** Symmetric signed codes -127..127. */
  INT8(8),
  /** Symmetric signed codes -7..7, two to a byte, the lower nibble first. */
  INT4(4),
  /** Signed 32-bit integers. */
  I32(32),
  /** Signed 64-bit integers. */
  I64(64);

  private final int bits;

  DType(int bits) {
    this.bits = bits;
  }

  /** Bits of one element. */
  public int bits() {
    return bits;
  }

  /**
   * Bytes that {@code elements} consecutive elements take, rounded up to whole bytes.
   *
   * @throws ArithmeticException if the count of bits overflows a long
   */
  public long bytes(long elements) {
    return Math.ceilDiv(Math.multiplyExact(elements, (long) bits), 8L);
  }

  /** Whether the format is a floating-point number that needs no scale: F32, F16 or BF16. */
  public boolean isFloat() {
    return this == F32 || this == F16 || this == BF16;
  }

  /** Whether an element is a code that needs a scale: FP8_E4M3, INT8 or INT4. */
  public boolean isQuantized() {
    return this == FP8_E4M3 || this == INT8 || this == INT4;
  }

  /** Whether the format is one of the integer formats I32 and I64. */
  public boolean isInteger() {
    return this == I32 || this == I64;
  }
}
