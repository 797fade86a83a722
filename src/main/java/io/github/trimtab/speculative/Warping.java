package io.github.trimtab.speculative;

import static io.github.trimtab.internal.Arguments.require;

/**
 * How logits become the distribution that tokens are drawn from, applied in this order: repetition
 * penalty, temperature, top-k, top-p.
 *
 * @param temperature divides the logits; 0 is greedy: all mass on the highest logit (ties: the
 *     lower id)
 * @param topK only the k highest logits stay (ties: the lower id); 0 keeps all
 * @param topP only the fewest most probable ids stay whose mass reaches this (ties: the lower id),
 *     in (0, 1]; 1 keeps all
 * @param repetitionPenalty divides positive and multiplies negative logits of ids that the text
 *     already has (Keskar et al. 2019, as common libraries apply it); 1 changes nothing
 */
public record Warping(float temperature, int topK, float topP, float repetitionPenalty) {
  /** Checks the ranges. */
  public Warping {
    require(
        temperature >= 0 && temperature < Float.POSITIVE_INFINITY,
        "temperature",
        temperature,
        "0 or a positive number");
    require(topK >= 0, "topK", topK, "0 or more");
    require(topP > 0 && topP <= 1, "topP", topP, "a number in (0, 1]");
    require(
        repetitionPenalty > 0 && repetitionPenalty < Float.POSITIVE_INFINITY,
        "repetitionPenalty",
        repetitionPenalty,
        "a positive number");
  }

  /** Always the highest logit. */
  public static Warping greedy() {
    return new Warping(0f, 0, 1f, 1f);
  }

  /** The softmax of logits divided by a temperature. */
  public static Warping temperature(float temperature) {
    return new Warping(temperature, 0, 1f, 1f);
  }

  /** Whether the result has all mass on one id. */
  public boolean isGreedy() {
    return temperature == 0;
  }
}
