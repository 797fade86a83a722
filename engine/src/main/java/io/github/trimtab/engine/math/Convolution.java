package io.github.trimtab.engine.math;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A 1 x 1 or 3 x 3 convolution with stride 1 and zero padding over maps [height, width, channels].
 *
 * <p>A band of lines is copied into a zero-framed scratch once; there the three lines under a row
 * of the kernel are runs of memory, so the product with the packed weights needs no unfolded copy
 * of the input. Immutable, any thread.
 */
public final class Convolution {

  private static final int BAND_FLOATS = 48 * 1024;

  private final int size;
  private final int in;
  private final PackedMatrix weights;

  /**
   * @param weight [out, in, size, size], as checkpoints hold it
   * @param bias [out]
   * @param size 1 or 3
   */
  public Convolution(float[] weight, float[] bias, int size) {
    if (size != 1 && size != 3) {
      throw new IllegalArgumentException("size is " + size + ": expected 1 or 3");
    }
    this.size = size;
    int area = size * size;
    int out = bias.length;
    this.in = weight.length / (out * area);
    float[] ordered = new float[weight.length];
    for (int o = 0; o < out; o++) {
      for (int c = 0; c < in; c++) {
        for (int tap = 0; tap < area; tap++) {
          ordered[(o * area + tap) * in + c] = weight[(o * in + c) * area + tap];
        }
      }
    }
    this.weights = new PackedMatrix(ordered, bias);
  }

  /** Channels of the result. */
  public int out() {
    return weights.out();
  }

  /** Channels of the input. */
  public int in() {
    return in;
  }

  /**
   * Convolves a map.
   *
   * @param input [height / zoom, width / zoom, in]
   * @param zoom 1, or 2 to double the input on the fly by repeating each pixel
   * @param result [height, width, out]; not the memory of the input
   * @param epilogue sees pixels as rows
   */
  public void apply(
      MemorySegment input,
      int height,
      int width,
      int zoom,
      MemorySegment result,
      PackedMatrix.Epilogue epilogue) {
    int frame = size / 2;
    int line = (width + 2 * frame) * in;
    int bandLines = Math.clamp(BAND_FLOATS / line, 1, Math.ceilDiv(height, 2 * Parallel.THREADS));
    Parallel.forRange(
        height,
        bandLines,
        (from, to) -> {
          // The last tile of a line may read (not store) up to a tile beyond the frame.
          float[] band =
              PackedMatrix.block((to - from + 2 * frame) * line + PackedMatrix.TILE * in);
          for (int y = from - frame; y < to + frame; y++) {
            load(input, y, height, width, zoom, band, (y - from + frame) * line);
          }
          for (int panel = 0; panel * PackedMatrix.PANEL < weights.out(); panel++) {
            for (int y = from; y < to; y++) {
              for (int x = 0; x < width; x += PackedMatrix.TILE) {
                weights.tile(
                    band,
                    (y - from) * line + x * in,
                    in,
                    size,
                    line,
                    panel,
                    result,
                    (long) y * width + x,
                    Math.min(PackedMatrix.TILE, width - x));
              }
            }
          }
          epilogue.apply(from * width, to * width, 0, weights.out());
        });
  }

  /** Convolves a small map on the heap. */
  public float[] apply(float[] input, int height, int width) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment source = Lanes.allocate(arena, input.length);
      MemorySegment.copy(input, 0, source, ValueLayout.JAVA_FLOAT, 0, input.length);
      MemorySegment result = Lanes.allocate(arena, (long) height * width * out());
      apply(source, height, width, 1, result, PackedMatrix.Epilogue.NONE);
      return result.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /**
   * Copies line {@code y} of the zoomed input between zeros; a line outside the map is all zeros.
   */
  private void load(
      MemorySegment input, int y, int height, int width, int zoom, float[] band, int at) {
    int frame = size / 2 * in;
    int end = at + 2 * frame + width * in;
    if (y < 0 || y >= height) {
      Arrays.fill(band, at, end, 0);
      return;
    }
    Arrays.fill(band, at, at + frame, 0);
    Arrays.fill(band, end - frame, end, 0);
    int sourceWidth = width / zoom;
    long source = (long) (y / zoom) * sourceWidth * in * Float.BYTES;
    MemorySegment.copy(input, ValueLayout.JAVA_FLOAT, source, band, at + frame, sourceWidth * in);
    if (zoom > 1) {
      // From the right, so that no pixel is overwritten before it is repeated.
      for (int x = width - 1; x > 0; x--) {
        System.arraycopy(band, at + frame + x / zoom * in, band, at + frame + x * in, in);
      }
    }
  }
}
