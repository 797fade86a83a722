package io.github.trimtab.vocab;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Counts token ids as they stream by, in memory for one count an id, whatever the text's length.
 *
 * <p>Threads: one at a time. Several counters count in parallel; {@link TokenCounts#plus} joins
 * what they counted.
 */
public final class TokenCounter {
  private static final VarHandle SHORTS =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final Provenance provenance;
  private final long[] counts;

  /** Starts at zero. */
  public TokenCounter(Provenance provenance) {
    this.provenance = provenance;
    counts = new long[provenance.vocabularySize()];
  }

  /**
   * Counts one token.
   *
   * @throws IllegalArgumentException if the id is outside the vocabulary
   */
  public void add(int id) {
    add((long) id);
  }

  private void add(long id) {
    if (id < 0 || id >= counts.length) {
      throw new IllegalArgumentException(
          "token id: " + id + ", expected 0 to " + (counts.length - 1));
    }
    counts[(int) id]++;
  }

  /**
   * Counts tokens.
   *
   * @throws IllegalArgumentException if an id is outside the vocabulary; those before it are
   *     counted
   */
  public void add(int[] ids) {
    for (int id : ids) {
      add((long) id);
    }
  }

  /**
   * Counts tokens as they lie in a token file, little endian.
   *
   * @param bytes the tokens
   * @param length bytes that count, a multiple of the width
   * @param width bytes a token: 2 (unsigned), 4 or 8
   * @throws IllegalArgumentException if an id is outside the vocabulary; those before it are
   *     counted
   */
  public void add(byte[] bytes, int length, int width) {
    switch (width) {
      case 2 -> {
        for (int i = 0; i < length; i += 2) {
          add((long) ((short) SHORTS.get(bytes, i) & 0xffff));
        }
      }
      case 4 -> {
        for (int i = 0; i < length; i += 4) {
          add((long) (int) INTS.get(bytes, i));
        }
      }
      case 8 -> {
        for (int i = 0; i < length; i += 8) {
          add((long) LONGS.get(bytes, i));
        }
      }
      default ->
          throw new IllegalArgumentException("width: " + width + ", expected 2, 4 or 8 bytes");
    }
  }

  /** What was counted so far. */
  public TokenCounts counts() {
    return new TokenCounts(provenance, counts);
  }
}
