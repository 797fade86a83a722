package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Plain;
import io.github.trimtab.engine.checkpoint.RandomWeights;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A decoder's attention in plain loops, in double, for norms whose groups are single channels. */
final class PlainMapAttention {

  private PlainMapAttention() {}

  static double[][] apply(RandomWeights weights, int channels, int pixels) {
    double[] x = weights.doubles("x");
    double[] gain = weights.doubles("a.norm.weight");
    double[] offset = weights.doubles("a.norm.bias");
    double[][] normed = new double[pixels][channels];
    for (int c = 0; c < channels; c++) {
      double sum = 0;
      double square = 0;
      for (int p = 0; p < pixels; p++) {
        sum += x[p * channels + c] / pixels;
        square += x[p * channels + c] * x[p * channels + c] / pixels;
      }
      for (int p = 0; p < pixels; p++) {
        double n = (x[p * channels + c] - sum) / Math.sqrt(square - sum * sum + 1e-6);
        normed[p][c] = n * gain[c] + offset[c];
      }
    }
    List<double[]> queries = new ArrayList<>();
    List<double[]> keys = new ArrayList<>();
    List<double[]> values = new ArrayList<>();
    for (double[] row : normed) {
      double[] qkv =
          Plain.linear(weights.doubles("a.qkv.weight"), weights.doubles("a.qkv.bias"), row);
      double[] q = Arrays.copyOf(qkv, channels);
      Arrays.setAll(q, i -> q[i] / Math.sqrt(channels));
      queries.add(q);
      keys.add(Arrays.copyOfRange(qkv, channels, 2 * channels));
      values.add(Arrays.copyOfRange(qkv, 2 * channels, 3 * channels));
    }
    double[][] result = new double[pixels][];
    for (int p = 0; p < pixels; p++) {
      double[] attended = new double[channels];
      Plain.attend(queries.get(p), keys, values, 0, channels, attended);
      result[p] =
          Plain.linear(
              weights.doubles("a.proj_out.weight"), weights.doubles("a.proj_out.bias"), attended);
      for (int c = 0; c < channels; c++) {
        result[p][c] += x[p * channels + c];
      }
    }
    return result;
  }
}
