package io.github.trimtab.memory;

/**
 * How a page of keys and values lies in memory.
 *
 * <p>A page is {@code [K|V][head]{tokens x head_dim codes, then tokens x scale where quantised}};
 * each part starts on a multiple of {@link Buffer#ALIGNMENT} bytes. A scale is one BF16 per token
 * and head: value = code x scale.
 *
 * @param dtype F32, F16, BF16, FP8_E4M3 or INT8
 * @param tokens tokens of a page: 16, 32, 64 or 128
 * @param heads key/value heads that share a page, 1 or more
 * @param headDim elements of a head's key or value, a multiple of 8 from 8 to 256
 */
public record PageLayout(DType dtype, int tokens, int heads, int headDim) {
  /** Tokens of a page unless chosen otherwise. */
  public static final int DEFAULT_TOKENS = 64;

  /** Checks each component. */
  public PageLayout {
    if (!dtype.isFloat() && dtype != DType.FP8_E4M3 && dtype != DType.INT8) {
      throw new IllegalArgumentException(
          "dtype: " + dtype + ", expected F32, F16, BF16, FP8_E4M3 or INT8");
    }
    if (tokens != 16 && tokens != 32 && tokens != 64 && tokens != 128) {
      throw new IllegalArgumentException(
          "tokens: " + tokens + ", expected 16, 32, 64 or 128 tokens a page");
    }
    if (heads < 1) {
      throw new IllegalArgumentException("heads: " + heads + ", expected 1 or more");
    }
    if (headDim < 8 || headDim > 256 || headDim % 8 != 0) {
      throw new IllegalArgumentException(
          "headDim: " + headDim + ", expected a multiple of 8 from 8 to 256");
    }
  }

  /** Bytes of one page. */
  public long pageBytes() {
    return 2L * heads * headBytes();
  }

  /** Pages that hold {@code count} tokens. */
  public int pagesFor(int count) {
    return Math.ceilDiv(count, tokens);
  }

  /** Offset in a page of the key codes of {@code head}: tokens x headDim elements. */
  public long keys(int head) {
    return head * headBytes();
  }

  /** Offset in a page of the value codes of {@code head}: tokens x headDim elements. */
  public long values(int head) {
    return (heads + head) * headBytes();
  }

  /**
   * Distance from a head's codes to its scales (tokens x BF16); meaningful for quantised formats
   * only.
   */
  public long scalesAfterCodes() {
    return align(dtype.bytes((long) tokens * headDim));
  }

  /** Bytes of the codes of one token of one head. */
  public long tokenBytes() {
    return dtype.bytes(headDim);
  }

  private long headBytes() {
    return scalesAfterCodes() + (dtype.isQuantized() ? align(DType.BF16.bytes(tokens)) : 0);
  }

  private static long align(long bytes) {
    return Math.ceilDiv(bytes, Buffer.ALIGNMENT) * Buffer.ALIGNMENT;
  }
}
