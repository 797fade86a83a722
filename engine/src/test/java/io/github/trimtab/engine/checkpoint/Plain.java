package io.github.trimtab.engine.checkpoint;

/** The parts of a transformer in the plainest loops, in double. */
public final class Plain {

  private Plain() {}

  /** x W^T + b of one row. */
  public static double[] linear(double[] weight, double[] bias, double[] x) {
    double[] y = bias.clone();
    for (int o = 0; o < y.length; o++) {
      for (int i = 0; i < x.length; i++) {
        y[o] += weight[o * x.length + i] * x[i];
      }
    }
    return y;
  }

  public static double[] silu(double[] x) {
    double[] y = x.clone();
    for (int i = 0; i < y.length; i++) {
      y[i] /= 1 + Math.exp(-x[i]);
    }
    return y;
  }

  /** Scales {@code x[from, from + count)} to a length. */
  public static void normalize(double[] x, int from, int count, double length) {
    double square = 0;
    for (int i = from; i < from + count; i++) {
      square += x[i] * x[i];
    }
    for (int i = from; i < from + count; i++) {
      x[i] *= length / Math.sqrt(square);
    }
  }

  /**
   * Attention of one query to tokens, for one head.
   *
   * @param at where the head begins in each vector
   * @param out receives the head's result at the same place
   */
  public static void attend(
      double[] q,
      Iterable<double[]> keys,
      Iterable<double[]> values,
      int at,
      int dim,
      double[] out) {
    double sum = 0;
    double[] result = new double[dim];
    double largest = Double.NEGATIVE_INFINITY;
    for (double[] key : keys) {
      largest = Math.max(largest, dot(q, key, at, dim));
    }
    var value = values.iterator();
    for (double[] key : keys) {
      double[] v = value.next();
      double weight = Math.exp(dot(q, key, at, dim) - largest);
      sum += weight;
      for (int i = 0; i < dim; i++) {
        result[i] += weight * v[at + i];
      }
    }
    for (int i = 0; i < dim; i++) {
      out[at + i] = result[i] / sum;
    }
  }

  public static double dot(double[] a, double[] b, int at, int dim) {
    double sum = 0;
    for (int i = at; i < at + dim; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }
}
