package io.github.trimtab.engine.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import java.util.zip.CRC32;
import java.util.zip.InflaterInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PngTest {

  @TempDir Path folder;

  /** Noise above, a gradient below, so that lines choose different filters. */
  private static Picture picture() {
    Picture picture = new Picture(37, 40, 0);
    SplittableRandom random = new SplittableRandom(1);
    for (int y = 0; y < 40; y++) {
      for (int x = 0; x < 37; x++) {
        picture.set(x, y, y < 10 ? random.nextInt(1 << 24) : 0x010203 * (x + y));
      }
    }
    return picture;
  }

  @Test
  void decodesToTheSamePixels() throws IOException {
    Picture picture = picture();
    ByteBuffer file = ByteBuffer.wrap(Png.encode(picture));
    byte[] signature = new byte[8];
    file.get(signature);
    assertArrayEquals(new byte[] {(byte) 137, 80, 78, 71, 13, 10, 26, 10}, signature);
    byte[] header = chunk(file, "IHDR");
    assertEquals(37, ByteBuffer.wrap(header).getInt(0));
    assertEquals(40, ByteBuffer.wrap(header).getInt(4));
    assertArrayEquals(
        new byte[] {8, 2, 0, 0, 0}, java.util.Arrays.copyOfRange(header, 8, 13), "RGB, 8 bits");
    byte[] lines =
        new InflaterInputStream(new ByteArrayInputStream(chunk(file, "IDAT"))).readAllBytes();
    assertEquals(0, chunk(file, "IEND").length);
    assertEquals(0, file.remaining(), "bytes after the end");
    assertArrayEquals(pixels(picture), unfilter(lines, 37, 40));
  }

  @Test
  void replacesAFileAndLeavesNothingElse() throws IOException {
    Path file = folder.resolve("picture.png");
    Files.writeString(file, "old");
    Png.write(picture(), file);
    assertArrayEquals(Png.encode(picture()), Files.readAllBytes(file));
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  void aMissingFolderIsAnError() {
    Path file = folder.resolve("missing").resolve("picture.png");
    assertThrows(NoSuchFileException.class, () -> Png.write(picture(), file));
  }

  private static byte[] chunk(ByteBuffer file, String type) {
    byte[] data = new byte[file.getInt()];
    byte[] name = new byte[4];
    file.get(name).get(data);
    assertEquals(type, new String(name, StandardCharsets.US_ASCII));
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data);
    assertEquals((int) crc.getValue(), file.getInt(), "checksum of " + type);
    return data;
  }

  private static byte[] pixels(Picture picture) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int y = 0; y < picture.height(); y++) {
      for (int x = 0; x < picture.width(); x++) {
        for (int c = 0; c < 3; c++) {
          bytes.write(picture.channel(x, y, c));
        }
      }
    }
    return bytes.toByteArray();
  }

  private static byte[] unfilter(byte[] lines, int width, int height) {
    int bytes = width * 3;
    byte[] out = new byte[bytes * height];
    for (int y = 0; y < height; y++) {
      int type = lines[y * (bytes + 1)];
      for (int i = 0; i < bytes; i++) {
        int a = i < 3 ? 0 : out[y * bytes + i - 3] & 255;
        int b = y == 0 ? 0 : out[(y - 1) * bytes + i] & 255;
        int c = i < 3 || y == 0 ? 0 : out[(y - 1) * bytes + i - 3] & 255;
        int p = a + b - c;
        int paeth =
            Math.abs(p - a) <= Math.abs(p - b) && Math.abs(p - a) <= Math.abs(p - c)
                ? a
                : Math.abs(p - b) <= Math.abs(p - c) ? b : c;
        int guess = new int[] {0, a, b, (a + b) >> 1, paeth}[type];
        out[y * bytes + i] = (byte) (lines[y * (bytes + 1) + 1 + i] + guess);
      }
    }
    return out;
  }
}
