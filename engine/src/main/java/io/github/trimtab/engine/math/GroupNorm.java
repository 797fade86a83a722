package io.github.trimtab.engine.math;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/**
 * Group normalisation with affine parameters over maps [pixels, channels], optionally followed by
 * SiLU. Immutable, any thread.
 */
public final class GroupNorm {

  private static final int PIXELS = 128;

  private final int groups;
  private final float epsilon;
  private final float[] weight;
  private final float[] bias;

  /**
   * @param groups number of groups; divides the number of channels
   * @param weight,bias [channels]
   */
  public GroupNorm(int groups, float epsilon, float[] weight, float[] bias) {
    if (groups < 1 || weight.length % groups != 0 || bias.length != weight.length) {
      throw new IllegalArgumentException(
          "groups is %d: expected a divisor of the %d weights, of which there are as many as biases (%d)"
              .formatted(groups, weight.length, bias.length));
    }
    this.groups = groups;
    this.epsilon = epsilon;
    this.weight = weight;
    this.bias = bias;
  }

  /** Writes {@code silu(norm(x))}, or {@code norm(x)}, to {@code out}, which may be {@code x}. */
  public void apply(MemorySegment x, int pixels, boolean silu, MemorySegment out) {
    int channels = weight.length;
    float[] scale = new float[channels];
    float[] shift = new float[channels];
    affine(x, pixels, scale, shift);
    Parallel.forRange(
        pixels,
        PIXELS,
        (from, to) -> {
          int bound = Lanes.SPECIES.loopBound(channels);
          for (int pixel = from; pixel < to; pixel++) {
            long at = (long) pixel * channels;
            for (int c = 0; c < bound; c += Lanes.COUNT) {
              FloatVector v = FloatVector.fromArray(Lanes.SPECIES, scale, c);
              v = v.fma(Lanes.load(x, at + c), FloatVector.fromArray(Lanes.SPECIES, shift, c));
              Lanes.store(silu ? Activations.silu(v) : v, out, at + c);
            }
            for (int c = bound; c < channels; c++) {
              float v = Math.fma(scale[c], Lanes.get(x, at + c), shift[c]);
              Lanes.set(out, at + c, silu ? (float) (v / (1 + Math.exp(-v))) : v);
            }
          }
        });
  }

  /** Folds mean, deviation and the affine parameters into one factor and one term per channel. */
  private void affine(MemorySegment x, int pixels, float[] scale, float[] shift) {
    int channels = weight.length;
    int pieces = Math.ceilDiv(pixels, PIXELS);
    double[][] sums = new double[pieces][];
    Parallel.forRange(
        pieces,
        1,
        (piece, end) ->
            sums[piece] = sums(x, piece * PIXELS, Math.min(pixels, (piece + 1) * PIXELS)));
    int size = channels / groups;
    double count = (double) size * pixels;
    for (int g = 0; g < groups; g++) {
      double sum = 0;
      double square = 0;
      for (int c = g * size; c < (g + 1) * size; c++) {
        for (double[] part : sums) {
          sum += part[c];
          square += part[channels + c];
        }
      }
      double mean = sum / count;
      double inverse = 1 / Math.sqrt(Math.max(0, square / count - mean * mean) + epsilon);
      for (int c = g * size; c < (g + 1) * size; c++) {
        scale[c] = (float) (weight[c] * inverse);
        shift[c] = (float) (bias[c] - weight[c] * inverse * mean);
      }
    }
  }

  /** Sums of values and of squares of each channel over a run of pixels, short enough for F32. */
  private double[] sums(MemorySegment x, int from, int to) {
    int channels = weight.length;
    double[] result = new double[2 * channels];
    int bound = Lanes.SPECIES.loopBound(channels);
    for (int c = 0; c < bound; c += Lanes.COUNT) {
      FloatVector sum = FloatVector.zero(Lanes.SPECIES);
      FloatVector square = FloatVector.zero(Lanes.SPECIES);
      for (int pixel = from; pixel < to; pixel++) {
        FloatVector v = Lanes.load(x, (long) pixel * channels + c);
        sum = sum.add(v);
        square = v.fma(v, square);
      }
      for (int lane = 0; lane < Lanes.COUNT; lane++) {
        result[c + lane] = sum.lane(lane);
        result[channels + c + lane] = square.lane(lane);
      }
    }
    for (int c = bound; c < channels; c++) {
      for (int pixel = from; pixel < to; pixel++) {
        double v = x.get(ValueLayout.JAVA_FLOAT, ((long) pixel * channels + c) * Float.BYTES);
        result[c] += v;
        result[channels + c] += v * v;
      }
    }
    return result;
  }
}
