package io.github.trimtab.io;

import java.nio.file.Path;

/** How many integers a file's vector may hold: they are read to the heap, whatever its size. */
final class Vectors {
  /** Sixty times the largest vocabularies, in 128 MiB. */
  static final int MOST = 1 << 24;

  private Vectors() {}

  /**
   * A vector's length as an int.
   *
   * @param length 0 or more
   * @throws FileFormatException if it is too long
   */
  static int length(Path file, String what, long length) throws FileFormatException {
    if (length > MOST) {
      throw new FileFormatException(
          file, what + ": " + length + " elements, expected at most " + MOST);
    }
    return (int) length;
  }
}
