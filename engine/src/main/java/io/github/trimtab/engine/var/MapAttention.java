package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.math.Convolution;
import io.github.trimtab.engine.math.GroupNorm;
import io.github.trimtab.engine.math.PackedMatrix;
import io.github.trimtab.engine.math.Rows;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Attention of a decoder's map to itself, with one head as wide as the map, added to its input.
 *
 * <p>The maps are small (16 or 32 a side), so queries meet keys as one matrix product.
 */
final class MapAttention {

  private final int channels;
  private final GroupNorm norm;
  private final Convolution qkv;
  private final Convolution projection;

  MapAttention(Checkpoint checkpoint, String name, VarConfig.Tokenizer shape, int channels) {
    this.channels = channels;
    norm = Layers.norm(checkpoint, name + ".norm", shape, channels);
    qkv = Layers.convolution(checkpoint, name + ".qkv", 3 * channels, channels, 1);
    projection = Layers.convolution(checkpoint, name + ".proj_out", channels, channels, 1);
  }

  /** Replaces the current map of {@code side} x {@code side} pixels. */
  void apply(int side, DecoderBuffers buffers) {
    int pixels = side * side;
    MemorySegment x = buffers.current();
    MemorySegment inner = buffers.inner();
    MemorySegment y = buffers.next();
    norm.apply(x, pixels, false, inner);
    qkv.apply(inner, side, side, 1, y, PackedMatrix.Epilogue.NONE);
    float[] weights =
        new PackedMatrix(part(y, pixels, 1), new float[pixels])
            .multiply(pixels, part(y, pixels, 0));
    softmax(weights, pixels, 1 / Math.sqrt(channels));
    float[] attended =
        new PackedMatrix(transposed(part(y, pixels, 2), pixels), new float[channels])
            .multiply(pixels, weights);
    MemorySegment.copy(attended, 0, inner, ValueLayout.JAVA_FLOAT, 0, attended.length);
    projection.apply(
        inner,
        side,
        side,
        1,
        y,
        (from, to, columnFrom, columnTo) -> {
          long at = (long) from * channels;
          Rows.add(y, at, x, at, (long) (to - from) * channels);
        });
    buffers.swap();
  }

  /** Queries (0), keys (1) or values (2) of all pixels, [pixels, channels]. */
  private float[] part(MemorySegment qkv, int pixels, int part) {
    float[] result = new float[pixels * channels];
    for (int pixel = 0; pixel < pixels; pixel++) {
      long from = (3L * pixel + part) * channels * Float.BYTES;
      MemorySegment.copy(qkv, ValueLayout.JAVA_FLOAT, from, result, pixel * channels, channels);
    }
    return result;
  }

  private float[] transposed(float[] rows, int pixels) {
    float[] result = new float[rows.length];
    for (int pixel = 0; pixel < pixels; pixel++) {
      for (int channel = 0; channel < channels; channel++) {
        result[channel * pixels + pixel] = rows[pixel * channels + channel];
      }
    }
    return result;
  }

  private static void softmax(float[] rows, int width, double scale) {
    for (int from = 0; from < rows.length; from += width) {
      float largest = Float.NEGATIVE_INFINITY;
      for (int i = from; i < from + width; i++) {
        largest = Math.max(largest, rows[i]);
      }
      double sum = 0;
      for (int i = from; i < from + width; i++) {
        rows[i] = (float) Math.exp((rows[i] - largest) * scale);
        sum += rows[i];
      }
      for (int i = from; i < from + width; i++) {
        rows[i] = (float) (rows[i] / sum);
      }
    }
  }
}
