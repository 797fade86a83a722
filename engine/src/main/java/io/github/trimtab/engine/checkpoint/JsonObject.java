package io.github.trimtab.engine.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A JSON object whose errors name the file, the key and what was expected. */
public final class JsonObject {

  private final String where;
  private final Map<?, ?> values;

  private JsonObject(String where, Map<?, ?> values) {
    this.where = where;
    this.values = values;
  }

  /** Reads a file that holds one object. */
  public static JsonObject read(Path file) throws IOException {
    try {
      return parse(file.toString(), Files.readString(file));
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(file + ": not UTF-8, expected one JSON object", e);
    }
  }

  /**
   * Parses a text that is one object.
   *
   * @param where for messages
   */
  public static JsonObject parse(String where, String text) {
    try (JsonParser parser = new JsonFactory().createParser(text)) {
      if (parser.nextToken() == JsonToken.START_OBJECT
          && value(parser) instanceof Map<?, ?> object
          && parser.nextToken() == null) {
        return new JsonObject(where, object);
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(where + ": " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    throw new IllegalArgumentException(where + ": expected one JSON object");
  }

  private static @Nullable Object value(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case START_OBJECT -> {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String key = parser.currentName();
          parser.nextToken();
          object.put(key, value(parser));
        }
        yield object;
      }
      case START_ARRAY -> {
        List<@Nullable Object> array = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          array.add(value(parser));
        }
        yield array;
      }
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_TRUE, VALUE_FALSE -> parser.getBooleanValue();
      case VALUE_NULL -> null;
      default -> parser.getText();
    };
  }

  /** Whether there is a key with another value than null. */
  public boolean has(String key) {
    return values.get(key) != null;
  }

  /** Whether the value of a key is an array. */
  public boolean isArray(String key) {
    return values.get(key) instanceof List;
  }

  /** The value of a key, which must be there and a whole number. */
  public int integer(String key) {
    return integer(key, get(key, Double.class, "a whole number"));
  }

  /** The value of a key, which must be there and a number. */
  public double number(String key) {
    return get(key, Double.class, "a number");
  }

  /** The value of a key, which must be there and true or false. */
  public boolean flag(String key) {
    return get(key, Boolean.class, "true or false");
  }

  /** The value of a key, which must be there and a text. */
  public String text(String key) {
    return get(key, String.class, "a text");
  }

  /** The value of a key, which must be there and an object. */
  public JsonObject object(String key) {
    return new JsonObject(where + ": " + key, get(key, Map.class, "an object"));
  }

  /** The value of a key, which must be there and whole numbers. */
  public List<Integer> integers(String key) {
    List<Integer> result = new ArrayList<>();
    for (Object element : get(key, List.class, "an array of whole numbers")) {
      result.add(integer(key, element));
    }
    return List.copyOf(result);
  }

  /** An array of numbers. */
  public double[] numbers(String key) {
    List<?> values = get(key, List.class, "an array of numbers");
    double[] result = new double[values.size()];
    for (int i = 0; i < result.length; i++) {
      if (!(values.get(i) instanceof Double number)) {
        throw unexpected(key, values.get(i), "numbers only");
      }
      result[i] = number;
    }
    return result;
  }

  /** The keys, in the order of the text. */
  public List<String> keys() {
    return values.keySet().stream().map(String.class::cast).toList();
  }

  /** The value of a key, which must be there and objects. */
  public List<JsonObject> objects(String key) {
    List<JsonObject> result = new ArrayList<>();
    for (Object element : get(key, List.class, "an array of objects")) {
      if (!(element instanceof Map<?, ?> object)) {
        throw unexpected(key, element, "an object");
      }
      result.add(new JsonObject(where + ": " + key + "[" + result.size() + "]", object));
    }
    return List.copyOf(result);
  }

  private int integer(String key, @Nullable Object value) {
    if (value instanceof Double number && number == number.intValue()) {
      return number.intValue();
    }
    throw unexpected(key, value, "a whole number");
  }

  private <T> T get(String key, Class<T> type, String expected) {
    Object value = values.get(key);
    if (!type.isInstance(value)) {
      throw unexpected(key, value, expected);
    }
    return type.cast(value);
  }

  private IllegalArgumentException unexpected(String key, @Nullable Object value, String expected) {
    return new IllegalArgumentException(
        where + ": " + key + ": " + value + ", expected " + expected);
  }
}
