package io.github.trimtab.engine.image;

/** An RGB picture of 8 bits a channel. */
public final class Picture {

  private final int width;
  private final int height;
  private final byte[] rgb;

  /** A picture filled with one colour, {@code 0xRRGGBB}. */
  public Picture(int width, int height, int colour) {
    if (width < 1 || height < 1) {
      throw new IllegalArgumentException(
          "size: " + width + " x " + height + ", expected at least one pixel");
    }
    this.width = width;
    this.height = height;
    rgb = new byte[Math.multiplyExact(3, Math.multiplyExact(width, height))];
    fill(0, 0, width, height, colour);
  }

  /**
   * A picture from values in [-1, 1], clamped and rounded.
   *
   * @param values [height, width, 3]
   */
  public static Picture of(int width, int height, float[] values) {
    Picture picture = new Picture(width, height, 0);
    if (values.length != picture.rgb.length) {
      throw new IllegalArgumentException(
          "values: " + values.length + ", expected " + picture.rgb.length);
    }
    for (int i = 0; i < values.length; i++) {
      picture.rgb[i] = (byte) Math.round(255 * Math.clamp((values[i] + 1) / 2, 0f, 1f));
    }
    return picture;
  }

  /** Pixels of a line. */
  public int width() {
    return width;
  }

  /** Lines. */
  public int height() {
    return height;
  }

  /** Red (0), green (1) or blue (2) of a pixel, 0 to 255. */
  public int channel(int x, int y, int channel) {
    return rgb[(y * width + x) * 3 + channel] & 0xff;
  }

  /** Sets a pixel to {@code 0xRRGGBB}. */
  public void set(int x, int y, int colour) {
    int at = (y * width + x) * 3;
    rgb[at] = (byte) (colour >> 16);
    rgb[at + 1] = (byte) (colour >> 8);
    rgb[at + 2] = (byte) colour;
  }

  /** Fills a rectangle. */
  public void fill(int left, int top, int wide, int high, int colour) {
    for (int y = top; y < top + high; y++) {
      for (int x = left; x < left + wide; x++) {
        set(x, y, colour);
      }
    }
  }

  /** Copies another picture into this one, its upper left corner at ({@code left}, {@code top}). */
  public void paste(Picture other, int left, int top) {
    for (int y = 0; y < other.height; y++) {
      int to = ((top + y) * width + left) * 3;
      System.arraycopy(other.rgb, y * other.width * 3, rgb, to, other.width * 3);
    }
  }

  /** Copies one line's bytes, red first, to {@code target} from {@code at} on. */
  void line(int y, byte[] target, int at) {
    System.arraycopy(rgb, y * width * 3, target, at, width * 3);
  }
}
