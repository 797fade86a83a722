package io.github.trimtab.engine.image;

import io.github.trimtab.io.WholeFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;

/** Writes PNG files (W3C Portable Network Graphics, third edition): RGB, 8 bits, not interlaced. */
public final class Png {

  private static final byte[] SIGNATURE = {(byte) 137, 'P', 'N', 'G', '\r', '\n', 26, '\n'};
  private static final byte[] RGB_8_BITS = {8, 2, 0, 0, 0};
  private static final int FILTERS = 5;

  private Png() {}

  /** Writes a file, whole or not at all: it appears under its name when it is complete. */
  public static void write(Picture picture, Path file) throws IOException {
    WholeFile.write(file, encode(picture));
  }

  /** The bytes of a PNG file. */
  public static byte[] encode(Picture picture) {
    ByteBuffer header = ByteBuffer.allocate(13);
    header.putInt(picture.width()).putInt(picture.height()).put(RGB_8_BITS);
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(SIGNATURE);
    chunk(file, "IHDR", header.array());
    chunk(file, "IDAT", deflate(filter(picture)));
    chunk(file, "IEND", new byte[0]);
    return file.toByteArray();
  }

  private static void chunk(ByteArrayOutputStream file, String type, byte[] data) {
    ByteBuffer chunk = ByteBuffer.allocate(data.length + 12);
    chunk.putInt(data.length).put(type.getBytes(StandardCharsets.US_ASCII)).put(data);
    CRC32 crc = new CRC32();
    crc.update(chunk.array(), 4, data.length + 4);
    chunk.putInt((int) crc.getValue());
    file.writeBytes(chunk.array());
  }

  private static byte[] deflate(byte[] data) {
    ByteArrayOutputStream compressed = new ByteArrayOutputStream();
    try (DeflaterOutputStream deflater = new DeflaterOutputStream(compressed)) {
      deflater.write(data);
    } catch (IOException e) {
      throw new AssertionError("memory does not fail", e);
    }
    return compressed.toByteArray();
  }

  /** Each line behind the filter that leaves the smallest sum of absolute differences. */
  private static byte[] filter(Picture picture) {
    int bytes = picture.width() * 3;
    byte[] above = new byte[bytes];
    byte[] line = new byte[bytes];
    byte[] candidate = new byte[bytes + 1];
    byte[] result = new byte[(bytes + 1) * picture.height()];
    for (int y = 0; y < picture.height(); y++) {
      picture.line(y, line, 0);
      long smallest = Long.MAX_VALUE;
      for (int type = 0; type < FILTERS; type++) {
        long sum = filter(type, line, above, candidate);
        if (sum < smallest) {
          smallest = sum;
          System.arraycopy(candidate, 0, result, y * (bytes + 1), bytes + 1);
        }
      }
      byte[] swap = above;
      above = line;
      line = swap;
    }
    return result;
  }

  private static long filter(int type, byte[] line, byte[] above, byte[] out) {
    out[0] = (byte) type;
    long sum = 0;
    for (int i = 0; i < line.length; i++) {
      int left = i < 3 ? 0 : line[i - 3] & 0xff;
      int up = above[i] & 0xff;
      int corner = i < 3 ? 0 : above[i - 3] & 0xff;
      int guess =
          switch (type) {
            case 0 -> 0;
            case 1 -> left;
            case 2 -> up;
            case 3 -> (left + up) / 2;
            default -> paeth(left, up, corner);
          };
      out[i + 1] = (byte) (line[i] - guess);
      sum += Math.abs(out[i + 1]);
    }
    return sum;
  }

  private static int paeth(int left, int up, int corner) {
    int guess = left + up - corner;
    int toLeft = Math.abs(guess - left);
    int toUp = Math.abs(guess - up);
    int toCorner = Math.abs(guess - corner);
    if (toLeft <= toUp && toLeft <= toCorner) {
      return left;
    }
    return toUp <= toCorner ? up : corner;
  }
}
