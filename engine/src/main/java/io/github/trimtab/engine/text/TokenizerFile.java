package io.github.trimtab.engine.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What a tokenizer.json says about its tokens: their texts, which were added, and the decoder. */
final class TokenizerFile {
  /** One more than the highest id that is believed; real vocabularies stay far below. */
  static final int MOST_IDS = 1 << 24;

  private final String where;

  /** Text of each id that has a token. */
  final Map<Integer, String> tokens = new HashMap<>();

  /** Ids outside the model's own vocabulary: control, template and tool tokens. */
  final TreeSet<Integer> added = new TreeSet<>();

  /** Those of the added ids that decoding may leave out. */
  final TreeSet<Integer> special = new TreeSet<>();

  /** Whether tokens are bytes in the alphabet of {@link ByteLevel}. */
  boolean byteLevel;

  private TokenizerFile(String where) {
    this.where = where;
  }

  /**
   * Parses a tokenizer.json.
   *
   * @param where names the file in messages
   * @throws IllegalArgumentException if it is not one
   */
  static TokenizerFile parse(String where, String json) {
    TokenizerFile file = new TokenizerFile(where);
    try (JsonParser parser = new JsonFactory().createParser(json)) {
      file.read(parser);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(where + ": " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new IllegalArgumentException(where + ": " + e.getMessage(), e);
    }
    if (file.tokens.isEmpty()) {
      throw file.bad("model.vocab", "no token", "at least one");
    }
    return file;
  }

  private void read(JsonParser parser) throws IOException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "JSON", "an object");
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      if (key.equals("model") && value == JsonToken.START_OBJECT) {
        readModel(parser);
      } else if (key.equals("added_tokens") && value == JsonToken.START_ARRAY) {
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          readAdded(parser);
        }
      } else if (key.equals("decoder") && value == JsonToken.START_OBJECT) {
        readDecoder(parser);
      } else {
        parser.skipChildren();
      }
    }
  }

  private void readModel(JsonParser parser) throws IOException {
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      if (key.equals("vocab") && value == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String token = parser.currentName();
          parser.nextToken();
          put(integer(parser, "model.vocab: " + token), token);
        }
      } else if (key.equals("vocab") && value == JsonToken.START_ARRAY) {
        readScoredTokens(parser);
      } else {
        parser.skipChildren();
      }
    }
  }

  /** A list of [token, score], the ids being the places. */
  private void readScoredTokens(JsonParser parser) throws IOException {
    for (int id = 0; parser.nextToken() != JsonToken.END_ARRAY; id++) {
      expect(parser.currentToken(), JsonToken.START_ARRAY, "model.vocab", "[token, score]");
      expect(parser.nextToken(), JsonToken.VALUE_STRING, "model.vocab", "[token, score]");
      put(id, parser.getText());
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        parser.skipChildren();
      }
    }
  }

  private void readAdded(JsonParser parser) throws IOException {
    expect(parser.currentToken(), JsonToken.START_OBJECT, "added_tokens", "objects");
    int id = -1;
    String content = null;
    boolean isSpecial = false;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (key) {
        case "id" -> id = integer(parser, "added_tokens: id");
        case "content" -> {
          expect(value, JsonToken.VALUE_STRING, "added_tokens: content", "a text");
          content = parser.getText();
        }
        case "special" -> isSpecial = value == JsonToken.VALUE_TRUE;
        default -> parser.skipChildren();
      }
    }
    if (id < 0 || content == null) {
      throw bad("added_tokens", "id or content missing", "both");
    }
    put(id, content);
    added.add(id);
    if (isSpecial) {
      special.add(id);
    }
  }

  /** Looks for the byte-level decoder, which may stand in a sequence of several. */
  private void readDecoder(JsonParser parser) throws IOException {
    int depth = 1;
    while (depth > 0) {
      JsonToken token = parser.nextToken();
      if (token == null) {
        throw bad("decoder", "the end of the file", "an object");
      }
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
      if (token == JsonToken.VALUE_STRING && "type".equals(parser.currentName())) {
        byteLevel |= parser.getText().equals("ByteLevel");
      }
    }
  }

  private void put(int id, String token) {
    String other = tokens.put(id, token);
    if (other != null && !other.equals(token)) {
      throw bad("id " + id, "tokens " + other + " and " + token, "one");
    }
  }

  private int integer(JsonParser parser, String what) throws IOException {
    boolean fits =
        parser.currentToken() == JsonToken.VALUE_NUMBER_INT
            && parser.getNumberType() == JsonParser.NumberType.INT
            && parser.getIntValue() >= 0
            && parser.getIntValue() < MOST_IDS;
    if (!fits) {
      throw bad(what, parser.getText(), "an id from 0 to " + (MOST_IDS - 1));
    }
    return parser.getIntValue();
  }

  private void expect(@Nullable JsonToken actual, JsonToken wanted, String what, String expected) {
    if (actual != wanted) {
      throw bad(what, Objects.toString(actual, "nothing"), expected);
    }
  }

  private IllegalArgumentException bad(String what, String value, String expected) {
    return new IllegalArgumentException(
        where + ": " + what + ": " + value + ", expected " + expected);
  }
}
