package io.github.trimtab.vocab;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.github.trimtab.io.WholeFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A JSON array of ids, or an object whose {@code ids} is one and whose other values may be {@code
 * ranked} (true: most frequent first) and the provenance. Other keys are passed over.
 *
 * @param ids as they stand in the file
 * @param isRanked whether they are in the order of frequency
 * @param texts the provenance, as other formats keep it
 */
record KeptJson(List<Long> ids, boolean isRanked, Map<String, String> texts) {
  private static final String PREFIX = "trimtab.";

  static KeptJson read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file);
        JsonParser parser = new JsonFactory().createParser(in)) {
      List<Long> ids = List.of();
      boolean hasIds = false;
      boolean isRanked = false;
      Map<String, String> texts = new HashMap<>();
      JsonToken first = parser.nextToken();
      if (first == JsonToken.START_ARRAY) {
        hasIds = true;
        ids = integers(file, parser);
      } else if (first == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String key = parser.currentName();
          JsonToken value = parser.nextToken();
          switch (key) {
            case "ids" -> {
              if (value != JsonToken.START_ARRAY) {
                throw bad(file, "ids: " + parser.getText(), "an array of ids");
              }
              hasIds = true;
              ids = integers(file, parser);
            }
            case "ranked" -> isRanked = value == JsonToken.VALUE_TRUE;
            case "vocabulary_size", "tokenizer", "source" ->
                texts.put(PREFIX + key, parser.getText());
            default -> parser.skipChildren();
          }
        }
      }
      if (!hasIds || parser.nextToken() != null) {
        throw bad(file, "other JSON", "an array of ids, or an object with ids");
      }
      return new KeptJson(ids, isRanked, texts);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(file + ": " + e.getOriginalMessage(), e);
    }
  }

  private static List<Long> integers(Path file, JsonParser parser) throws IOException {
    List<Long> values = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      boolean fits =
          parser.currentToken() == JsonToken.VALUE_NUMBER_INT
              && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
      if (!fits) {
        throw bad(file, "element " + values.size() + ": " + parser.getText(), "an id");
      }
      if (values.size() == Provenance.MOST_IDS) {
        throw bad(file, "more than " + Provenance.MOST_IDS + " ids", "fewer");
      }
      values.add(parser.getLongValue());
    }
    return values;
  }

  private static IllegalArgumentException bad(Path file, String value, String expected) {
    return new IllegalArgumentException(file + ": " + value + ", expected " + expected);
  }

  static void write(Path file, KeptVocabulary kept) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
      json.writeStartObject();
      for (var text : KeptFile.texts(kept.provenance()).entrySet()) {
        json.writeStringField(text.getKey().substring(PREFIX.length()), text.getValue());
      }
      json.writeBooleanField("ranked", kept.isRanked());
      int[] ids = kept.idsByRank();
      json.writeFieldName("ids");
      json.writeArray(ids, 0, ids.length);
      json.writeEndObject();
    }
    out.write('\n');
    WholeFile.write(file, out.toByteArray());
  }
}
