package io.github.trimtab.engine.llama;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The models' formulas in binary64, token by token, with neither cache nor kernels. */
final class PlainLlama {

  private static final double EPSILON = 1e-5;
  private static final double THETA = 100;

  private final Map<String, double[][]> weights;
  private final TinyLlama.Sizes sizes;
  private final boolean scaled;

  PlainLlama(Map<String, double[][]> weights, TinyLlama.Sizes sizes, boolean scaled) {
    this.weights = weights;
    this.sizes = sizes;
    this.scaled = scaled;
  }

  /** What the head reads of each token of a text; {@code parents} make it a tree of texts. */
  double[][] features(int[] tokens, int[] parents) {
    double[][] x = new double[tokens.length][];
    for (int i = 0; i < tokens.length; i++) {
      x[i] = matrix("model.embed_tokens.weight")[tokens[i]].clone();
    }
    for (int layer = 0; layer < sizes.layers(); layer++) {
      block("model.layers." + layer + ".", x, parents);
    }
    return norms(x, "model.norm.weight");
  }

  /** An EAGLE drafter's own features from embeddings and features, place by place. */
  double[][] eagle(double[][] embeddings, double[][] features, int[] parents) {
    double[][] x = new double[embeddings.length][];
    double[][] e = norms(embeddings, "embed_norm.weight");
    double[][] h = norms(features, "hidden_norm.weight");
    for (int i = 0; i < x.length; i++) {
      double[] pair = new double[2 * sizes.width()];
      System.arraycopy(e[i], 0, pair, 0, sizes.width());
      System.arraycopy(h[i], 0, pair, sizes.width(), sizes.width());
      x[i] = product("fc.weight", pair);
    }
    block("layers.0.", x, parents);
    return norms(x, "norm.weight");
  }

  double[] logits(double[] feature, String head) {
    return product(head, feature);
  }

  double[] embedding(int token) {
    return matrix("model.embed_tokens.weight")[token];
  }

  private void block(String name, double[][] x, int[] parents) {
    double[][] y = norms(x, name + "input_layernorm.weight");
    int tokens = x.length;
    double[][] q = new double[tokens][];
    double[][] k = new double[tokens][];
    double[][] v = new double[tokens][];
    for (int t = 0; t < tokens; t++) {
      int depth = path(parents, t).size() - 1;
      q[t] = turned(product(name + "self_attn.q_proj.weight", y[t]), depth);
      k[t] = turned(product(name + "self_attn.k_proj.weight", y[t]), depth);
      v[t] = product(name + "self_attn.v_proj.weight", y[t]);
    }
    for (int t = 0; t < tokens; t++) {
      double[] attended = attend(q[t], k, v, path(parents, t));
      add(x[t], product(name + "self_attn.o_proj.weight", attended));
    }
    double[][] z = norms(x, name + "post_attention_layernorm.weight");
    for (int t = 0; t < tokens; t++) {
      double[] gate = product(name + "mlp.gate_proj.weight", z[t]);
      double[] up = product(name + "mlp.up_proj.weight", z[t]);
      for (int i = 0; i < gate.length; i++) {
        gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
      }
      add(x[t], product(name + "mlp.down_proj.weight", gate));
    }
  }

  /** A token and its ancestors. */
  private static List<Integer> path(int[] parents, int token) {
    List<Integer> path = new ArrayList<>();
    for (int t = token; t >= 0; t = parents[t]) {
      path.add(t);
    }
    return path;
  }

  private double[] attend(double[] q, double[][] k, double[][] v, List<Integer> seen) {
    int dim = TinyLlama.HEAD_DIM;
    double[] out = new double[q.length];
    for (int head = 0; head < sizes.heads(); head++) {
      int kv = head / (sizes.heads() / sizes.kvHeads());
      double[] mass = new double[seen.size()];
      double total = 0;
      for (int i = 0; i < mass.length; i++) {
        double dot = 0;
        for (int c = 0; c < dim; c++) {
          dot += q[head * dim + c] * k[seen.get(i)][kv * dim + c];
        }
        mass[i] = Math.exp(dot / Math.sqrt(dim));
        total += mass[i];
      }
      for (int i = 0; i < mass.length; i++) {
        for (int c = 0; c < dim; c++) {
          out[head * dim + c] += mass[i] / total * v[seen.get(i)][kv * dim + c];
        }
      }
    }
    return out;
  }

  private double[] turned(double[] heads, int position) {
    int half = TinyLlama.HEAD_DIM / 2;
    double[] out = heads.clone();
    for (int first = 0; first < heads.length; first += 2 * half) {
      for (int i = 0; i < half; i++) {
        double frequency = Math.pow(THETA, -(double) i / half);
        if (scaled) {
          // factor 8, wavelengths between 32 / 4 and 32 / 1 blended
          double wavelength = 2 * Math.PI / frequency;
          double smooth = (32 / wavelength - 1) / 3;
          if (wavelength > 32) {
            frequency /= 8;
          } else if (wavelength > 8) {
            frequency = (1 - smooth) * frequency / 8 + smooth * frequency;
          }
        }
        double cos = Math.cos(position * frequency);
        double sin = Math.sin(position * frequency);
        double a = heads[first + i];
        double b = heads[first + half + i];
        out[first + i] = a * cos - b * sin;
        out[first + half + i] = b * cos + a * sin;
      }
    }
    return out;
  }

  private double[][] norms(double[][] x, String gain) {
    double[] g = matrix(gain)[0];
    double[][] out = new double[x.length][g.length];
    for (int t = 0; t < x.length; t++) {
      double square = 0;
      for (double value : x[t]) {
        square += value * value;
      }
      for (int i = 0; i < g.length; i++) {
        out[t][i] = x[t][i] / Math.sqrt(square / g.length + EPSILON) * g[i];
      }
    }
    return out;
  }

  private double[] product(String name, double[] x) {
    double[][] w = matrix(name);
    double[] y = new double[w.length];
    for (int o = 0; o < w.length; o++) {
      for (int i = 0; i < x.length; i++) {
        y[o] += w[o][i] * x[i];
      }
    }
    return y;
  }

  private double[][] matrix(String name) {
    return Objects.requireNonNull(weights.get(name), name);
  }

  private static void add(double[] sum, double[] term) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += term[i];
    }
  }
}
