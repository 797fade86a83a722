package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.checkpoint.JsonObject;
import io.github.trimtab.engine.completion.TextModels;
import io.github.trimtab.engine.text.TextTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Beginnings of held-out texts, by domain.
 *
 * @param domains each domain's prompts as tokens
 */
public record Prompts(Map<String, List<int[]>> domains) {

  /** Keeps the file's order. */
  public Prompts {
    domains = new LinkedHashMap<>(domains);
  }

  /**
   * Reads a file of lines with the keys {@code domain} and {@code text}.
   *
   * @throws IllegalArgumentException naming file, line and key
   */
  public static Prompts read(Path file, TextModels models, TextTokenizer tokenizer)
      throws IOException {
    Map<String, List<int[]>> domains = new LinkedHashMap<>();
    int number = 0;
    for (String line : Files.readAllLines(file)) {
      JsonObject prompt = JsonObject.parse(file + ", line " + ++number, line);
      domains
          .computeIfAbsent(prompt.text("domain"), _ -> new ArrayList<>())
          .add(models.encode(tokenizer, prompt.text("text")));
    }
    return new Prompts(domains);
  }

  /**
   * A domain's prompts.
   *
   * @throws IllegalArgumentException if there are none
   */
  public List<int[]> of(String domain) {
    List<int[]> prompts = domains.get(domain);
    if (prompts == null) {
      throw new IllegalArgumentException(
          "domain: " + domain + ", expected one of " + domains.keySet());
    }
    return prompts;
  }
}
