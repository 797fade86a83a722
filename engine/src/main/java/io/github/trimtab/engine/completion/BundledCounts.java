package io.github.trimtab.engine.completion;

import io.github.trimtab.engine.text.ModelIds;
import io.github.trimtab.engine.text.TextTokenizer;
import io.github.trimtab.vocab.KeptVocabulary;
import io.github.trimtab.vocab.Provenance;
import io.github.trimtab.vocab.TokenCounts;
import io.github.trimtab.vocab.Trim;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.zip.GZIPInputStream;

/**
 * Token counts beside models, {@code counts/SOURCE-DOMAIN.txt.gz}: a count a line, the line's place
 * being the id.
 *
 * @param folder of the models
 * @param vocabulary size V of the models' vocabulary
 */
public record BundledCounts(Path folder, TextTokenizer tokenizer, int vocabulary) {

  /**
   * Reads counts.
   *
   * @param name source and domain: whose text was counted (target, draft or raw), and which text
   *     ({@code target-java})
   * @throws IllegalArgumentException naming the file and what does not fit
   */
  public TokenCounts read(String name) throws IOException {
    Path file = folder.resolve("counts").resolve(name + ".txt.gz");
    long[] counts = new long[vocabulary];
    int id = 0;
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine(), id++) {
        if (id < vocabulary) {
          counts[id] = Long.parseLong(line.strip());
        }
      }
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          file + ": line " + (id + 1) + ": " + e.getMessage() + ", expected a count", e);
    }
    if (id != vocabulary) {
      throw new IllegalArgumentException(
          file + ": " + id + " counts, expected one for each of " + vocabulary + " ids");
    }
    return new TokenCounts(new Provenance(name, tokenizer.sha256(), vocabulary), counts);
  }

  /**
   * The most frequent ids, with those that no draft head may lose.
   *
   * @param rows how many
   */
  public KeptVocabulary keep(TokenCounts counts, int rows) throws IOException {
    BitSet isProtected = ModelIds.protectedIds(folder, tokenizer);
    return new Trim(counts, tokenizer.ids(), isProtected, 1).topK(rows);
  }
}
