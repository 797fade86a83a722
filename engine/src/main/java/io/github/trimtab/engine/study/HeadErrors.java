package io.github.trimtab.engine.study;

import io.github.trimtab.engine.var.Attention;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.OutputBias;

/**
 * What heads' outputs lack on average when a cache forgets: attends with a cache that forgets and
 * with one that does not, to the same keys with the same queries, and goes on with the latter's
 * outputs, so that every head's error is its own and all heads are measured at once. Rows are those
 * of guidance.
 */
final class HeadErrors {
  private static final int ROWS = 2;

  private final VarConfig config;
  private int pictures;
  // Means over queries, summed over pictures: [scale][row][layer][head x head_dim].
  private final double[][][][] missing;

  HeadErrors(VarConfig config) {
    this.config = config;
    VarConfig.Transformer shape = config.transformer();
    missing =
        new double[config.schedule().scales()][ROWS][shape.depth()]
            [shape.heads() * shape.headDim()];
  }

  /** Attention that measures one picture. */
  Attention measuring(Attention full, Attention forgetting) {
    pictures++;
    return (layer, scale, q, k, v, out) -> {
      forgetting.attend(layer, scale, q, k, v, out);
      add(layer, scale, out, -1);
      full.attend(layer, scale, q, k, v, out);
      add(layer, scale, out, 1);
    };
  }

  private void add(int layer, int scale, Tensor out, int sign) {
    double part = (double) sign / config.schedule().tokens(scale);
    for (int row = 0; row < ROWS; row++) {
      double[] sums = missing[scale][row][layer];
      int headDim = (int) out.size(3);
      for (int head = 0; head < out.size(1); head++) {
        for (int token = 0; token < out.size(2); token++) {
          long at = out.offset(row, head, token);
          for (int i = 0; i < headDim; i++, at += Float.BYTES) {
            sums[head * headDim + i] += part * out.floatAt(at);
          }
        }
      }
    }
  }

  /** Adds what was measured of other pictures. */
  void add(HeadErrors other) {
    pictures += other.pictures;
    for (int scale = 0; scale < missing.length; scale++) {
      for (int row = 0; row < ROWS; row++) {
        for (int layer = 0; layer < missing[scale][row].length; layer++) {
          double[] sums = missing[scale][row][layer];
          for (int i = 0; i < sums.length; i++) {
            sums[i] += other.missing[scale][row][layer][i];
          }
        }
      }
    }
  }

  /** The mean error of each head. */
  OutputBias bias(int firstScale) {
    VarConfig.Transformer shape = config.transformer();
    int token = shape.depth() * shape.heads() * shape.headDim();
    float[] values = new float[(missing.length - firstScale) * ROWS * token];
    int at = 0;
    for (int scale = firstScale; scale < missing.length; scale++) {
      for (double[][] row : missing[scale]) {
        for (double[] layer : row) {
          for (double sum : layer) {
            values[at++] = (float) (sum / pictures);
          }
        }
      }
    }
    return new OutputBias(firstScale, ROWS, shape.depth(), shape.heads(), shape.headDim(), values);
  }
}
