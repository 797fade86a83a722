package io.github.trimtab.engine.var;

import io.github.trimtab.engine.math.Parallel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Draws codes: classifier-free guidance that rises from scale to scale, then top-k, then top-p,
 * then one draw from what is left.
 */
public final class Sampler implements CodeChooser {

  private final VarConfig config;
  private final VarConfig.Sampling sampling;
  private final Noise noise;

  /** Draws as the configuration says, with the given noise. */
  public Sampler(VarConfig config, Noise noise) {
    this(config, config.sampling(), noise);
  }

  private Sampler(VarConfig config, VarConfig.Sampling sampling, Noise noise) {
    this.config = config;
    this.sampling = sampling;
    this.noise = noise;
  }

  /** Draws from the model's own distribution: no guidance, nothing dropped. Needs one row only. */
  public static Sampler ancestral(VarConfig config, Noise noise) {
    return new Sampler(config, new VarConfig.Sampling(0, config.codebookSize(), 1), noise);
  }

  @Override
  public int[] choose(int scale, MemorySegment logits, int tokens) {
    int codes = config.codebookSize();
    float t = guidance(scale);
    int[] chosen = new int[tokens];
    Parallel.forRange(
        tokens,
        16,
        (from, to) -> {
          float[] with = new float[codes];
          float[] without = new float[codes];
          for (int token = from; token < to; token++) {
            copy(logits, token, with);
            if (t != 0) {
              copy(logits, tokens + token, without);
              for (int i = 0; i < codes; i++) {
                with[i] = (1 + t) * with[i] - t * without[i];
              }
            }
            chosen[token] =
                draw(with, sampling.topK(), sampling.topP(), noise.uniform(scale, token));
          }
        });
    return chosen;
  }

  /** Guidance at a scale. */
  public float guidance(int scale) {
    return (float) (sampling.guidance() * scale / Math.max(1, config.schedule().scales() - 1));
  }

  /** How codes are drawn. */
  VarConfig.Sampling sampling() {
    return sampling;
  }

  /** Where draws get their uniform numbers from. */
  Noise noise() {
    return noise;
  }

  private static void copy(MemorySegment logits, int row, float[] target) {
    long offset = (long) row * target.length * Float.BYTES;
    MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT, offset, target, 0, target.length);
  }

  /**
   * Draws one code.
   *
   * <p>Top-k drops what is below the k-th largest logit (ties with it stay). Of what is left, top-p
   * drops, from the smallest on, all that together have at most {@code 1 - topP} of the
   * probability; the largest always stays. Equal logits are dropped in rising order of code.
   *
   * @param uniform in [0, 1): which of the codes, by their share of the probability in rising order
   */
  static int draw(float[] logits, int topK, double topP, double uniform) {
    float[] sorted = logits.clone();
    Arrays.sort(sorted);
    int first = Math.max(0, sorted.length - topK);
    while (first > 0 && sorted[first - 1] == sorted[first]) {
      first--;
    }
    float largest = sorted[sorted.length - 1];
    double[] masses = new double[sorted.length - first];
    double total = 0;
    for (int i = 0; i < masses.length; i++) {
      masses[i] = Math.exp((double) sorted[first + i] - largest);
      total += masses[i];
    }
    int kept = 0;
    double left = total;
    double dropped = masses[0];
    while (kept < masses.length - 1 && dropped <= (1 - topP) * total) {
      left -= masses[kept];
      kept++;
      dropped += masses[kept];
    }
    float smallest = sorted[first + kept];
    int droppedTies = 0;
    while (kept - droppedTies > 0 && sorted[first + kept - droppedTies - 1] == smallest) {
      droppedTies++;
    }
    return pick(logits, smallest, droppedTies, largest, uniform * left);
  }

  private static int pick(
      float[] logits, float smallest, int droppedTies, float largest, double target) {
    int last = -1;
    int ties = droppedTies;
    double sum = 0;
    for (int code = 0; code < logits.length; code++) {
      if (logits[code] < smallest || (logits[code] == smallest && ties-- > 0)) {
        continue;
      }
      last = code;
      sum += Math.exp((double) logits[code] - largest);
      if (sum > target) {
        return code;
      }
    }
    return last; // where rounding leaves a remainder
  }
}
