package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.checkpoint.JsonObject;
import org.jspecify.annotations.Nullable;

/**
 * Frequencies of the rotary embedding: theta^(-2i/D), for long texts stretched as Llama 3 does it.
 *
 * @param theta the base
 * @param scaling the stretching, or null
 */
public record RopeFrequencies(double theta, @Nullable Scaling scaling) {

  /**
   * Llama 3's stretching ({@code rope_type} "llama3"): wavelengths above {@code original / low} are
   * divided by the factor, those below {@code original / high} stay, and those between are blended.
   *
   * @param factor how much longer texts may be
   * @param low low_freq_factor
   * @param high high_freq_factor, above {@code low}
   * @param original positions that the model was first trained on
   */
  public record Scaling(double factor, double low, double high, double original) {}

  /**
   * Reads the keys of a {@code config.json}.
   *
   * @throws IllegalArgumentException naming the key, its value and what was expected
   */
  static RopeFrequencies read(JsonObject json) {
    double theta = json.has("rope_theta") ? json.number("rope_theta") : 10000;
    LlamaConfig.require(theta > 1, "config.json", "rope_theta", theta, "a number above 1");
    if (!json.has("rope_scaling")) {
      return new RopeFrequencies(theta, null);
    }
    JsonObject scaling = json.object("rope_scaling");
    String type = scaling.text(scaling.has("rope_type") ? "rope_type" : "type");
    LlamaConfig.require(type.equals("llama3"), "config.json", "rope_type", type, "llama3 or none");
    Scaling values =
        new Scaling(
            scaling.number("factor"),
            scaling.number("low_freq_factor"),
            scaling.number("high_freq_factor"),
            scaling.number("original_max_position_embeddings"));
    LlamaConfig.require(
        values.factor >= 1 && values.low > 0 && values.high > values.low && values.original > 0,
        "config.json",
        "rope_scaling",
        values,
        "factor from 1 on and 0 < low_freq_factor < high_freq_factor");
    return new RopeFrequencies(theta, values);
  }

  /** Radians a position for each pair of a head. */
  double[] of(int headDim) {
    double[] frequencies = new double[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      double plain = Math.pow(theta, -2.0 * i / headDim);
      frequencies[i] = scaling == null ? plain : stretch(plain, scaling);
    }
    return frequencies;
  }

  private static double stretch(double plain, Scaling scaling) {
    double turns = scaling.original * plain / (2 * Math.PI);
    double share = (turns - scaling.low) / (scaling.high - scaling.low);
    double kept = Math.clamp(share, 0.0, 1.0);
    return plain * (kept + (1 - kept) / scaling.factor);
  }
}
