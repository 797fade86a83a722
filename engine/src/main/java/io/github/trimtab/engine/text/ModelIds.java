package io.github.trimtab.engine.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;

/** Which ids a draft head must not lose. */
public final class ModelIds {
  private ModelIds() {}

  /**
   * Added tokens (ends of text and turns, template and tool tokens), single bytes, and what the
   * model's configuration beside the tokenizer names as end, begin or padding: one id or a list.
   *
   * @param path what the tokenizer was read from
   * @throws IllegalArgumentException if a configuration is not JSON
   */
  public static BitSet protectedIds(Path path, TextTokenizer tokenizer) throws IOException {
    BitSet ids = new BitSet();
    tokenizer.addedIds().forEach(ids::set);
    tokenizer.byteIds().forEach(ids::set);
    for (String name : List.of("generation_config.json", "config.json")) {
      Path file = Files.isDirectory(path) ? path.resolve(name) : path.resolveSibling(name);
      if (Files.isRegularFile(file)) {
        addConfigured(file, ids);
      }
    }
    ids.and(tokenizer.ids());
    return ids;
  }

  private static void addConfigured(Path file, BitSet ids) throws IOException {
    List<String> keys = List.of("eos_token_id", "bos_token_id", "pad_token_id");
    try (JsonParser parser = new JsonFactory().createParser(Files.newInputStream(file))) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        boolean isWanted = keys.contains(parser.currentName());
        JsonToken value = parser.nextToken();
        if (isWanted && value == JsonToken.START_ARRAY) {
          while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
            ids.set(parser.getIntValue());
          }
        } else if (isWanted && value == JsonToken.VALUE_NUMBER_INT && parser.getIntValue() >= 0) {
          ids.set(parser.getIntValue());
        } else {
          parser.skipChildren();
        }
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(file + ": " + e.getOriginalMessage(), e);
    }
  }
}
