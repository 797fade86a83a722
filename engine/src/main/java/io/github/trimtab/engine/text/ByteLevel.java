package io.github.trimtab.engine.text;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The alphabet of byte-level BPE: each byte is written as one printable character, as in GPT-2's
 * vocabulary. Bytes that print in Latin-1 stand for themselves; the others follow from U+0100 on,
 * in rising order.
 */
final class ByteLevel {
  private static final char[] CHARACTERS = new char[256];
  private static final int[] BYTES = new int[0x100 + 256];

  static {
    Arrays.fill(BYTES, -1);
    int next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean prints = (b > ' ' && b < 0x7f) || (b > 0xa0 && b != 0xad);
      CHARACTERS[b] = (char) (prints ? b : next++);
      BYTES[CHARACTERS[b]] = b;
    }
  }

  private ByteLevel() {}

  /** The character that stands for a byte from 0 to 255. */
  static char character(int unsignedByte) {
    return CHARACTERS[unsignedByte];
  }

  /**
   * The bytes that a token of the vocabulary stands for; one outside the alphabet is plain text.
   */
  static byte[] bytes(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char character = token.charAt(i);
      int value = character < BYTES.length ? BYTES[character] : -1;
      if (value < 0) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) value;
    }
    return bytes;
  }
}
