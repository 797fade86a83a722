package io.github.trimtab.engine.llama;

import io.github.trimtab.engine.checkpoint.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * The shape of a model of Llama layout, as {@code config.json} holds it in Hugging Face's spelling.
 *
 * @param vocabulary V, rows of the embedding and of the head
 * @param width d, of the residual stream
 * @param hidden width of the MLP's inner layer
 * @param layers number of blocks
 * @param heads query heads H
 * @param kvHeads key/value heads G, a divisor of H
 * @param headDim D, a multiple of 8
 * @param epsilon of the norms
 * @param positions longest text in tokens
 * @param rope the rotary embedding's frequencies
 * @param tied whether the head is the embedding
 * @param begin the token that a text begins with
 * @param ends tokens that end a text
 */
public record LlamaConfig(
    int vocabulary,
    int width,
    int hidden,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    float epsilon,
    int positions,
    RopeFrequencies rope,
    boolean tied,
    int begin,
    List<Integer> ends) {

  /** Copies the ends. */
  public LlamaConfig {
    ends = List.copyOf(ends);
  }

  /**
   * Reads a model's {@code config.json}.
   *
   * @throws IllegalArgumentException naming file, key, value and what was expected
   */
  public static LlamaConfig read(Path file) throws IOException {
    JsonObject json = JsonObject.read(file);
    int width = json.integer("hidden_size");
    int heads = json.integer("num_attention_heads");
    require(heads >= 1, file, "num_attention_heads", heads, "1 or more");
    LlamaConfig config =
        new LlamaConfig(
            json.integer("vocab_size"),
            width,
            json.integer("intermediate_size"),
            json.integer("num_hidden_layers"),
            heads,
            json.has("num_key_value_heads") ? json.integer("num_key_value_heads") : heads,
            json.has("head_dim") ? json.integer("head_dim") : width / heads,
            (float) json.number("rms_norm_eps"),
            json.integer("max_position_embeddings"),
            RopeFrequencies.read(json),
            json.has("tie_word_embeddings") && json.flag("tie_word_embeddings"),
            json.has("bos_token_id") ? json.integer("bos_token_id") : -1,
            ends(json));
    config.check(file);
    for (String bias : List.of("attention_bias", "mlp_bias")) {
      require(!json.has(bias) || !json.flag(bias), file, bias, true, "false");
    }
    String activation = json.has("hidden_act") ? json.text("hidden_act") : "silu";
    require(activation.equals("silu"), file, "hidden_act", activation, "silu");
    return config;
  }

  private static List<Integer> ends(JsonObject json) {
    if (!json.has("eos_token_id")) {
      return List.of();
    }
    return json.isArray("eos_token_id")
        ? json.integers("eos_token_id")
        : List.of(json.integer("eos_token_id"));
  }

  private void check(Path file) {
    require(vocabulary >= 1, file, "vocab_size", vocabulary, "1 or more");
    require(width >= 1, file, "hidden_size", width, "1 or more");
    require(hidden >= 1, file, "intermediate_size", hidden, "1 or more");
    require(layers >= 1, file, "num_hidden_layers", layers, "1 or more");
    require(
        kvHeads >= 1 && heads % kvHeads == 0,
        file,
        "num_key_value_heads",
        kvHeads,
        "a divisor of the " + heads + " query heads");
    require(
        headDim >= 8 && headDim <= 256 && headDim % 8 == 0,
        file,
        "head_dim",
        headDim,
        "a multiple of 8, at most 256");
    require(epsilon > 0, file, "rms_norm_eps", epsilon, "a positive number");
    require(positions >= 1, file, "max_position_embeddings", positions, "1 or more");
  }

  static void require(boolean holds, Object where, String key, Object value, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(
          where + ": " + key + ": " + value + ", expected " + expected);
    }
  }

  /** Refuses tokens that are outside the vocabulary; a place with position -1 has none. */
  void requireTokens(int[] tokens, int from, int[] positions) {
    for (int i = 0; i < positions.length; i++) {
      int token = tokens[from + i];
      if (positions[i] >= 0 && (token < 0 || token >= vocabulary)) {
        throw new IllegalArgumentException(
            "token: " + token + ", expected 0 to " + (vocabulary - 1));
      }
    }
  }

  /** Width of the queries of a token, its keys and its values side by side. */
  int qkvWidth() {
    return (heads + 2 * kvHeads) * headDim;
  }
}
