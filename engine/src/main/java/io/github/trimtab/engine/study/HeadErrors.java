package io.github.trimtab.engine.study;

import io.github.trimtab.engine.var.Attention;
import io.github.trimtab.engine.var.Noise;
import io.github.trimtab.engine.var.Sampler;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.OutputCorrection;
import java.util.Arrays;

/**
 * What heads' outputs lack when a cache forgets: attends with a cache that forgets and with one
 * that does not, to the same keys with the same queries, and goes on with the latter's outputs, so
 * that every head's error is its own and all heads are measured at once. Rows are those of
 * guidance.
 *
 * <p>The function of query and output is the same for both rows. It is fitted to the row with the
 * class and to what guidance makes of both, in which their errors' difference counts most.
 */
final class HeadErrors {
  private static final int ROWS = 2;

  /**
   * Penalty, of the mean variance of a query's or an output's components. Queries of one map are
   * alike, so that few pictures say little about most directions.
   */
  private static final double RIDGE = 1;

  /**
   * Of the functions: a quarter of what the bundled model's heads have is nearly as good as all.
   */
  private static final int MOST_RANK = 16;

  private final VarConfig.Transformer shape;
  private final int firstScale;
  private final Sampler guidance;
  private int pictures;
  // Means over queries, summed over pictures: [scale][layer][head].
  private final Moments[][][] moments;

  /** Moments of a head's queries and outputs x, and errors y. */
  private static final class Moments {
    final double[][] x;
    final double[][] y;
    // Of the row with the class and of guided sums; of xx the lower triangle.
    private final double[] xx;
    private final double[] xy;

    Moments(int size) {
      x = new double[ROWS][2 * size];
      y = new double[ROWS][size];
      xx = new double[2 * size * 2 * size];
      xy = new double[2 * size * size];
    }

    void addMeans(double weight, double[][] inputs, double[][] errors) {
      for (int row = 0; row < ROWS; row++) {
        addScaled(weight, inputs[row], x[row]);
        addScaled(weight, errors[row], y[row]);
      }
    }

    void addProducts(double weight, double[] inputs, double[] errors) {
      for (int i = 0; i < inputs.length; i++) {
        double value = weight * inputs[i];
        for (int j = 0; j <= i; j++) {
          xx[i * inputs.length + j] += value * inputs[j];
        }
        for (int j = 0; j < errors.length; j++) {
          xy[i * errors.length + j] += value * errors[j];
        }
      }
    }

    void add(Moments other) {
      addMeans(1, other.x, other.y);
      addScaled(1, other.xx, xx);
      addScaled(1, other.xy, xy);
    }

    /** Takes products of means off those of values. */
    Moments aboutMeans(int pictures, double t) {
      Moments centred = new Moments(y[0].length);
      centred.add(this);
      centred.addProducts(-1.0 / pictures, x[0], y[0]);
      centred.addProducts(-guidedWeight(t) / pictures, guided(t, x), guided(t, y));
      return centred;
    }

    private static void addScaled(double factor, double[] values, double[] sums) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += factor * values[i];
      }
    }
  }

  /**
   * Nothing measured yet.
   *
   * @param firstScale the first scale that anything is missing at, from 0
   */
  HeadErrors(VarConfig config, int firstScale) {
    shape = config.transformer();
    this.firstScale = firstScale;
    guidance = new Sampler(config, new Noise(0, 0));
    moments = new Moments[config.schedule().scales() - firstScale][shape.depth()][shape.heads()];
    for (Moments[][] scale : moments) {
      for (Moments[] layer : scale) {
        for (int head = 0; head < layer.length; head++) {
          layer[head] = new Moments(shape.headDim());
        }
      }
    }
  }

  /** Attention that measures one picture. */
  Attention measuring(Attention full, Attention forgetting) {
    pictures++;
    return (layer, scale, q, k, v, out) -> {
      forgetting.attend(layer, scale, q, k, v, out);
      float[][][][] kept = values(out);
      full.attend(layer, scale, q, k, v, out);
      if (scale >= firstScale) {
        add(layer, scale, values(q), kept, values(out));
      }
    };
  }

  /** [head][token][row][head_dim]. */
  private static float[][][][] values(Tensor tensor) {
    int size = (int) tensor.size(3);
    float[][][][] values =
        new float[(int) tensor.size(1)][(int) tensor.size(2)][(int) tensor.size(0)][size];
    for (int head = 0; head < values.length; head++) {
      for (int token = 0; token < values[head].length; token++) {
        for (int row = 0; row < ROWS; row++) {
          long at = tensor.offset(row, head, token);
          for (int i = 0; i < size; i++, at += Float.BYTES) {
            values[head][token][row][i] = tensor.floatAt(at);
          }
        }
      }
    }
    return values;
  }

  private void add(
      int layer, int scale, float[][][][] queries, float[][][][] kept, float[][][][] whole) {
    int size = shape.headDim();
    double t = guidance.guidance(scale);
    double[][] x = new double[ROWS][2 * size];
    double[][] y = new double[ROWS][size];
    for (int head = 0; head < kept.length; head++) {
      Moments sums = moments[scale - firstScale][layer][head];
      double part = 1.0 / kept[head].length;
      for (int token = 0; token < kept[head].length; token++) {
        for (int row = 0; row < ROWS; row++) {
          for (int i = 0; i < size; i++) {
            x[row][i] = queries[head][token][row][i];
            x[row][size + i] = kept[head][token][row][i];
            y[row][i] = whole[head][token][row][i] - kept[head][token][row][i];
          }
        }
        sums.addMeans(part, x, y);
        sums.addProducts(part, x[0], y[0]);
        sums.addProducts(part * guidedWeight(t), guided(t, x), guided(t, y));
      }
    }
  }

  private static double[] guided(double t, double[][] rows) {
    double[] guided = new double[rows[0].length];
    for (int i = 0; i < guided.length; i++) {
      guided[i] = (1 + t) * rows[0][i] - t * rows[1][i];
    }
    return guided;
  }

  /** Makes guided sums, which are larger, count about as much as the row. */
  private static double guidedWeight(double t) {
    return 1 / (1 + t);
  }

  /** Adds what was measured of other pictures. */
  void add(HeadErrors other) {
    pictures += other.pictures;
    for (int scale = 0; scale < moments.length; scale++) {
      for (int layer = 0; layer < shape.depth(); layer++) {
        for (int head = 0; head < shape.heads(); head++) {
          moments[scale][layer][head].add(other.moments[scale][layer][head]);
        }
      }
    }
  }

  /** The mean error of each head. */
  OutputCorrection means() {
    return correction(0);
  }

  /** What a head's query and output say of its error. */
  OutputCorrection fitted() {
    return correction(Math.min(MOST_RANK, shape.headDim()));
  }

  private OutputCorrection correction(int rank) {
    int size = shape.headDim();
    int heads = moments.length * shape.depth() * shape.heads();
    float[] biases = new float[heads * ROWS * size];
    float[] down = new float[heads * 2 * size * rank];
    float[] up = new float[heads * rank * size];
    int at = 0;
    for (int scale = 0; scale < moments.length; scale++) {
      double t = guidance.guidance(firstScale + scale);
      for (int layer = 0; layer < shape.depth(); layer++) {
        for (int head = 0; head < shape.heads(); head++, at++) {
          Moments sums = moments[scale][layer][head];
          if (rank > 0) {
            ReducedRank fit = fit(sums.aboutMeans(pictures, t), rank);
            half(fit.down(), down, at * 2 * size * rank);
            half(fit.up(), up, at * rank * size);
          }
          for (int row = 0; row < ROWS; row++) {
            int list = (scale * ROWS + row) * shape.depth() + layer;
            double[] left = sums.y[row].clone();
            subtract(sums.x[row], rank, down, at * 2 * size * rank, up, at * rank * size, left);
            for (int i = 0; i < size; i++) {
              biases[(list * shape.heads() + head) * size + i] = (float) (left[i] / pictures);
            }
          }
        }
      }
    }
    return new OutputCorrection(
        firstScale, ROWS, shape.depth(), shape.heads(), size, biases, down, up);
  }

  private static ReducedRank fit(Moments about, int rank) {
    int size = about.y[0].length;
    double[] penalty = new double[2 * size];
    for (int from = 0; from < penalty.length; from += size) {
      double variance = 0;
      for (int i = from; i < from + size; i++) {
        variance += about.xx[i * penalty.length + i] / size;
      }
      Arrays.fill(penalty, from, from + size, variance > 0 ? RIDGE * variance : 1);
    }
    return ReducedRank.fit(size, rank, about.xx, about.xy, penalty);
  }

  /** Rounds to what the file holds, so that biases fit what is read. */
  private static void half(double[] values, float[] to, int from) {
    for (int i = 0; i < values.length; i++) {
      to[from + i] = Float.float16ToFloat(Float.floatToFloat16((float) values[i]));
    }
  }

  /** Takes x times down times up off y. */
  private static void subtract(
      double[] x, int rank, float[] down, int fromDown, float[] up, int fromUp, double[] y) {
    for (int k = 0; k < rank; k++) {
      double inner = 0;
      for (int i = 0; i < x.length; i++) {
        inner += x[i] * down[fromDown + i * rank + k];
      }
      for (int i = 0; i < y.length; i++) {
        y[i] -= inner * up[fromUp + k * y.length + i];
      }
    }
  }
}
