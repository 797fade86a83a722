package io.github.trimtab.engine.study;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Ridge regression of reduced rank, from moments (Izenman 1975): y = x down up by least squares,
 * with a penalty that draws what few samples say towards nothing, then only the directions of y
 * that the fit varies most in.
 */
final class ReducedRank {
  /** Until the leading directions stand, as far as a map in half precision tells. */
  private static final int STEPS = 40;

  private final double[] down;
  private final double[] up;

  private ReducedRank(double[] down, double[] up) {
    this.down = down;
    this.up = up;
  }

  /** [size of x][rank]; not to be written to. */
  double[] down() {
    return down;
  }

  /** [rank][size of y], orthogonal rows of length 1; not to be written to. */
  double[] up() {
    return up;
  }

  /**
   * Fits.
   *
   * @param size of y
   * @param rank at most {@code size}
   * @param xx second moments of x about its mean, [size of x][size of x]; the lower triangle counts
   * @param xy those of x with y, [size of x][size of y]
   * @param penalty on the squares of what each of x is multiplied by; above 0
   */
  static ReducedRank fit(int size, int rank, double[] xx, double[] xy, double[] penalty) {
    int inputs = penalty.length;
    double[] lower = xx.clone();
    for (int i = 0; i < inputs; i++) {
      lower[i * inputs + i] += penalty[i];
    }
    decompose(inputs, lower);
    double[] map = xy.clone();
    solve(inputs, size, lower, map);
    double[] up = leading(size, rank, fitted(inputs, size, xx, map));
    double[] down = new double[inputs * rank];
    for (int i = 0; i < inputs; i++) {
      for (int k = 0; k < rank; k++) {
        down[i * rank + k] = dot(map, i * size, up, k * size, size);
      }
    }
    return new ReducedRank(down, up);
  }

  /** Cholesky: the lower triangle becomes L of L L'. */
  private static void decompose(int size, double[] lower) {
    for (int j = 0; j < size; j++) {
      for (int i = j; i < size; i++) {
        double left = lower[i * size + j] - dot(lower, i * size, lower, j * size, j);
        lower[i * size + j] = i == j ? Math.sqrt(left) : left / lower[j * size + j];
      }
    }
  }

  /** Replaces the columns of {@code map} by what L L' makes them of. */
  private static void solve(int inputs, int size, double[] lower, double[] map) {
    for (int i = 0; i < inputs; i++) {
      for (int k = 0; k < i; k++) {
        addScaled(-lower[i * inputs + k], map, k * size, map, i * size, size);
      }
      scale(1 / lower[i * inputs + i], map, i * size, size);
    }
    for (int i = inputs - 1; i >= 0; i--) {
      for (int k = i + 1; k < inputs; k++) {
        addScaled(-lower[k * inputs + i], map, k * size, map, i * size, size);
      }
      scale(1 / lower[i * inputs + i], map, i * size, size);
    }
  }

  /** Second moments of what a map makes of x. */
  private static double[] fitted(int inputs, int size, double[] xx, double[] map) {
    double[] moments = new double[size * size];
    double[] mapped = new double[size];
    for (int i = 0; i < inputs; i++) {
      Arrays.fill(mapped, 0);
      for (int j = 0; j < inputs; j++) {
        double moment = j <= i ? xx[i * inputs + j] : xx[j * inputs + i];
        addScaled(moment, map, j * size, mapped, 0, size);
      }
      for (int d = 0; d < size; d++) {
        addScaled(map[i * size + d], mapped, 0, moments, d * size, size);
      }
    }
    return moments;
  }

  /** Eigenvectors of the largest eigenvalues, by subspace iteration; zeros where they are none. */
  private static double[] leading(int size, int count, double[] symmetric) {
    double[] vectors = new SplittableRandom(1).doubles((long) count * size, -1, 1).toArray();
    for (int step = 0; step < STEPS; step++) {
      double[] next = new double[count * size];
      for (int k = 0; k < count; k++) {
        for (int d = 0; d < size; d++) {
          next[k * size + d] = dot(symmetric, d * size, vectors, k * size, size);
        }
        double before = dot(next, k * size, next, k * size, size);
        for (int j = 0; j < k; j++) {
          double along = dot(next, k * size, next, j * size, size);
          addScaled(-along, next, j * size, next, k * size, size);
        }
        double left = dot(next, k * size, next, k * size, size);
        // What rounding leaves has no direction.
        scale(left <= 1e-24 * before ? 0 : 1 / Math.sqrt(left), next, k * size, size);
      }
      vectors = next;
    }
    return vectors;
  }

  private static double dot(double[] a, int fromA, double[] b, int fromB, int length) {
    double sum = 0;
    for (int i = 0; i < length; i++) {
      sum += a[fromA + i] * b[fromB + i];
    }
    return sum;
  }

  private static void addScaled(
      double factor, double[] values, int from, double[] sums, int to, int length) {
    for (int i = 0; i < length; i++) {
      sums[to + i] += factor * values[from + i];
    }
  }

  private static void scale(double factor, double[] values, int from, int length) {
    for (int i = from; i < from + length; i++) {
      values[i] *= factor;
    }
  }
}
