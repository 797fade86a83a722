package io.github.trimtab.engine.text;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads a stream in pieces that end where it may be cut, so that each is counted by itself. Memory
 * is a piece, whatever the stream's length.
 */
public final class Chunks {
  /** Longest stretch without a place to cut, in bytes. */
  public static final int MOST_BYTES = 1 << 26;

  /** Where a stream may be cut. */
  @FunctionalInterface
  public interface Cut {
    /** The last place up to {@code length} that the bytes may be cut at; 0: none. */
    int before(byte[] bytes, int length);
  }

  private final String name;
  private final InputStream in;
  private final int size;
  private final Cut cut;
  private byte[] rest = new byte[0];
  private long position;

  /**
   * Starts at the stream's place.
   *
   * @param name names the stream in messages
   * @param position bytes of the stream that were passed before
   * @param size bytes of a usual piece
   */
  public Chunks(String name, InputStream in, long position, int size, Cut cut) {
    this.name = name;
    this.in = in;
    this.position = position;
    this.size = size;
    this.cut = cut;
  }

  /** Bytes of the stream up to the end of the last piece. */
  public long position() {
    return position;
  }

  /**
   * The next piece, or null at the end. Only the last one may end at another place than a cut.
   *
   * @throws IllegalArgumentException if a stretch of {@link #MOST_BYTES} has no place to cut
   */
  public byte @Nullable [] next() throws IOException {
    int wanted = Math.max(size, rest.length + size / 2);
    while (true) {
      byte[] bytes = Arrays.copyOf(rest, wanted);
      int length = rest.length + in.readNBytes(bytes, rest.length, wanted - rest.length);
      boolean isLast = length < wanted;
      int end = isLast ? length : cut.before(bytes, length);
      if (end > 0 || isLast) {
        rest = Arrays.copyOfRange(bytes, end, length);
        position += end;
        return end == 0 ? null : end == bytes.length ? bytes : Arrays.copyOf(bytes, end);
      }
      if (wanted >= MOST_BYTES) {
        throw new IllegalArgumentException(
            name
                + ": no line ends in "
                + wanted
                + " bytes from byte "
                + position
                + ", expected shorter lines");
      }
      rest = bytes;
      wanted = 2 * wanted;
    }
  }

  /** Cuts between elements of a width in bytes. */
  public static Cut elements(int width) {
    return (bytes, length) -> length - length % width;
  }

  /** Cuts behind a line. */
  public static int lines(byte[] bytes, int length) {
    int end = length;
    while (end > 0 && bytes[end - 1] != '\n') {
      end--;
    }
    return end;
  }

  /**
   * Cuts running text where tokenizers do too: between two lines without white space around the
   * line's end, as it may belong to the same token. Where there is no such place: behind a line;
   * where there is none of that either: between characters.
   */
  public static int text(byte[] bytes, int length) {
    for (int end = length - 1; end > 1; end--) {
      if (bytes[end - 1] == '\n' && !isSpace(bytes[end - 2]) && !isSpace(bytes[end])) {
        return end;
      }
    }
    int end = lines(bytes, length);
    if (end > 0) {
      return end;
    }
    end = length - 1;
    // Bytes within a character begin with the bits 10.
    while (end > 0 && (bytes[end] & 0xc0) == 0x80) {
      end--;
    }
    return end;
  }

  /** White space and control characters; bytes of other characters are negative. */
  private static boolean isSpace(byte value) {
    return value >= 0 && value <= ' ';
  }
}
