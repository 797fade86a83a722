package io.github.trimtab.engine.var;

import io.github.trimtab.engine.checkpoint.Plain;
import io.github.trimtab.engine.checkpoint.RandomWeights;
import io.github.trimtab.scalekv.Schedule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A VAR transformer in plain loops, in double, one guidance row at a time. */
final class PlainVar {

  private static final int WIDTH = OfficialWeights.WIDTH;

  private final RandomWeights weights;
  private final Schedule schedule;
  private final boolean shared;
  private final double[] condition;
  private final List<List<double[]>> keys = new ArrayList<>();
  private final List<List<double[]>> values = new ArrayList<>();

  PlainVar(RandomWeights weights, Schedule schedule, boolean shared, int label) {
    this.weights = weights;
    this.schedule = schedule;
    this.shared = shared;
    condition =
        Arrays.copyOfRange(weights.doubles("class_emb.weight"), label * WIDTH, (label + 1) * WIDTH);
    for (int layer = 0; layer < OfficialWeights.DEPTH; layer++) {
      keys.add(new ArrayList<>());
      values.add(new ArrayList<>());
    }
  }

  private double[] linear(String name, double[] x) {
    return Plain.linear(weights.doubles(name + ".weight"), weights.doubles(name + ".bias"), x);
  }

  /** Logits of a scale's tokens; {@code map} is its input, [tokens, codeDim], unused at first. */
  double[][] predict(int scale, float[] map) {
    double[][] x = new double[schedule.tokens(scale)][];
    double[] position = weights.doubles("pos_1LC");
    double[] level = weights.doubles("lvl_embed.weight");
    double[] start = weights.doubles("pos_start");
    int dim = OfficialWeights.CODE_DIM;
    for (int token = 0; token < x.length; token++) {
      double[] code = new double[dim];
      for (int c = 0; scale > 0 && c < dim; c++) {
        code[c] = map[token * dim + c];
      }
      x[token] = scale == 0 ? condition.clone() : linear("word_embed", code);
      for (int i = 0; i < WIDTH; i++) {
        x[token][i] +=
            position[(schedule.history(scale) + token) * WIDTH + i]
                + level[scale * WIDTH + i]
                + (scale == 0 ? start[i] : 0);
      }
    }
    for (int layer = 0; layer < OfficialWeights.DEPTH; layer++) {
      block(layer, x);
    }
    double[] m = linear("head_nm.ada_lin.1", Plain.silu(condition));
    double[] headWeight = weights.doubles("head.weight");
    double[] headBias = weights.doubles("head.bias");
    for (int token = 0; token < x.length; token++) {
      x[token] = Plain.linear(headWeight, headBias, modulated(x[token], m, 0, 1));
    }
    return x;
  }

  private void block(int layer, double[][] x) {
    String name = "blocks." + layer + ".";
    double[] m = linear(shared ? "shared_ada_lin.1" : name + "ada_lin.1", Plain.silu(condition));
    double[] own = shared ? weights.doubles(name + "ada_gss") : new double[m.length];
    Arrays.setAll(m, i -> m[i] + own[i]);
    double[] qkvWeight = weights.doubles(name + "attn.mat_qkv.weight");
    double[] qkvBias = Arrays.copyOf(weights.doubles(name + "attn.q_bias"), 3 * WIDTH);
    System.arraycopy(weights.doubles(name + "attn.v_bias"), 0, qkvBias, 2 * WIDTH, WIDTH);
    double[] scales = weights.doubles(name + "attn.scale_mul_1H11");
    double[][] queries = new double[x.length][];
    for (int token = 0; token < x.length; token++) {
      double[] qkv = Plain.linear(qkvWeight, qkvBias, modulated(x[token], m, 2, 4));
      for (int head = 0; head < scales.length; head++) {
        Plain.normalize(qkv, head * 64, 64, Math.min(100, Math.exp(scales[head])));
        Plain.normalize(qkv, WIDTH + head * 64, 64, 1);
      }
      queries[token] = Arrays.copyOf(qkv, WIDTH);
      keys.get(layer).add(Arrays.copyOfRange(qkv, WIDTH, 2 * WIDTH));
      values.get(layer).add(Arrays.copyOfRange(qkv, 2 * WIDTH, 3 * WIDTH));
    }
    for (int token = 0; token < x.length; token++) {
      double[] attended = new double[WIDTH];
      for (int head = 0; head < scales.length; head++) {
        Plain.attend(queries[token], keys.get(layer), values.get(layer), head * 64, 64, attended);
      }
      add(x[token], m, 0, linear(name + "attn.proj", attended));
      double[] hidden = linear(name + "ffn.fc1", modulated(x[token], m, 3, 5));
      for (int i = 0; i < hidden.length; i++) {
        double h = hidden[i];
        hidden[i] = h / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (h + 0.044715 * h * h * h)));
      }
      add(x[token], m, 1, linear(name + "ffn.fc2", hidden));
    }
  }

  private static void add(double[] x, double[] m, int gamma, double[] term) {
    for (int i = 0; i < WIDTH; i++) {
      x[i] += m[gamma * WIDTH + i] * term[i];
    }
  }

  /** LN(x) (1 + scale) + shift, both vectors of {@code m}. */
  private static double[] modulated(double[] x, double[] m, int scale, int shift) {
    double mean = Arrays.stream(x).average().orElseThrow();
    double variance = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).average().orElseThrow();
    double[] y = new double[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
      double n = (x[i] - mean) / Math.sqrt(variance + 1e-6);
      y[i] = n * (1 + m[scale * WIDTH + i]) + m[shift * WIDTH + i];
    }
    return y;
  }
}
