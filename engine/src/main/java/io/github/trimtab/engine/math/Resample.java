package io.github.trimtab.engine.math;

import java.util.Arrays;

/** Resizing of square maps [side, side, channels] the way PyTorch's {@code interpolate} does it. */
public final class Resample {

  private static final double A = -0.75;

  private Resample() {}

  /** Bicubic, align_corners=false, a = -0.75, edges repeated, no antialiasing. */
  public static float[] bicubic(float[] map, int side, int channels, int target) {
    double[][] weights = new double[target][];
    int[][] taps = new int[target][];
    for (int i = 0; i < target; i++) {
      double centre = (i + 0.5) * side / target - 0.5;
      int floor = (int) Math.floor(centre);
      double t = centre - floor;
      weights[i] = new double[] {far(1 + t), near(t), near(1 - t), far(2 - t)};
      taps[i] = new int[4];
      for (int k = 0; k < 4; k++) {
        taps[i][k] = Math.clamp(floor - 1L + k, 0, side - 1);
      }
    }
    return separable(map, side, channels, target, taps, weights);
  }

  /** Area: the mean over {@code [floor(i * side / target), ceil((i + 1) * side / target))}. */
  public static float[] area(float[] map, int side, int channels, int target) {
    double[][] weights = new double[target][];
    int[][] taps = new int[target][];
    for (int i = 0; i < target; i++) {
      int from = i * side / target;
      int to = Math.ceilDiv((i + 1) * side, target);
      taps[i] = new int[to - from];
      weights[i] = new double[to - from];
      Arrays.fill(weights[i], 1.0 / (to - from));
      for (int k = 0; k < to - from; k++) {
        taps[i][k] = from + k;
      }
    }
    return separable(map, side, channels, target, taps, weights);
  }

  /** The cubic between 0 and 1 from the sample. */
  private static double near(double x) {
    return ((A + 2) * x - (A + 3)) * x * x + 1;
  }

  /** The cubic between 1 and 2 from the sample. */
  private static double far(double x) {
    return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
  }

  private static float[] separable(
      float[] map, int side, int channels, int target, int[][] taps, double[][] weights) {
    float[] wide = new float[side * target * channels];
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < target; x++) {
        for (int k = 0; k < taps[x].length; k++) {
          int from = (y * side + taps[x][k]) * channels;
          addScaled(wide, (y * target + x) * channels, map, from, channels, (float) weights[x][k]);
        }
      }
    }
    float[] result = new float[target * target * channels];
    int line = target * channels;
    for (int y = 0; y < target; y++) {
      for (int k = 0; k < taps[y].length; k++) {
        addScaled(result, y * line, wide, taps[y][k] * line, line, (float) weights[y][k]);
      }
    }
    return result;
  }

  private static void addScaled(
      float[] sum, int at, float[] term, int from, int count, float factor) {
    for (int i = 0; i < count; i++) {
      sum[at + i] = Math.fma(term[from + i], factor, sum[at + i]);
    }
  }
}
