package io.github.trimtab.scalekv;

import static io.github.trimtab.internal.Arguments.require;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Budget tables in the released JSON format: an object of {@code "Scale r"}, each an object of
 * {@code "Block 0"} to {@code "Block L-1"} (1: drafter, 0: refiner) and the integers {@code "High"}
 * (number of drafters), {@code "Max"} (a drafter's tokens), {@code "Min"} (a refiner's) and {@code
 * "Limit"}.
 *
 * <p>Reading is strict: every key is required, none is unknown or repeated, all scales have the
 * same layers, and errors name the key, its value and what was expected. Whether the numbers make
 * sense together is for {@link BudgetReport} to say.
 */
public final class BudgetJson {
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
  private static final Pattern NUMBERED = Pattern.compile("(Scale|Block) (0|[1-9][0-9]{0,5})");
  private static final Set<String> NUMBERS = Set.of("High", "Max", "Min", "Limit");

  private BudgetJson() {}

  /**
   * Reads a table from a file.
   *
   * @throws IllegalArgumentException if it is not such a table; the message names the file
   */
  public static BudgetTable read(Path file) throws IOException {
    try {
      return parse(Files.readString(file));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(file + ": " + e.getMessage(), e);
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(file + ": not UTF-8, expected JSON", e);
    }
  }

  /**
   * Parses a table.
   *
   * @throws IllegalArgumentException if it is not such a table
   */
  public static BudgetTable parse(String json) {
    List<BudgetTable.Row> rows = new ArrayList<>();
    try (JsonParser parser = JSON.createParser(json)) {
      expect(parser.nextToken() == JsonToken.START_OBJECT, "JSON", parser, "an object of scales");
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String key = parser.currentName();
        int scale = number(key, "Scale");
        require(scale >= 1, "key", quoted(key), "\"Scale r\" with r from 1");
        rows.add(row(key, scale, parser));
      }
      expect(parser.nextToken() == null, "JSON", parser, "nothing behind the object");
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    require(!rows.isEmpty(), "JSON", "no scale", "at least one \"Scale r\"");
    BudgetTable.Row first = rows.getFirst();
    for (BudgetTable.Row row : rows) {
      require(
          row.roles().size() == first.roles().size(),
          "Scale " + row.scale(),
          row.roles().size() + " blocks",
          first.roles().size() + " as Scale " + first.scale() + " has");
    }
    return new BudgetTable(first.roles().size(), rows);
  }

  private static BudgetTable.Row row(String key, int scale, JsonParser parser) throws IOException {
    Map<Integer, Integer> blocks = new TreeMap<>();
    Map<String, Integer> numbers = new TreeMap<>();
    expect(parser.nextToken() == JsonToken.START_OBJECT, key, parser, "an object");
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = parser.currentName();
      String path = key + ", " + name;
      parser.nextToken();
      if (NUMBERS.contains(name)) {
        numbers.put(name, integer(path, parser, Integer.MAX_VALUE, "an integer from 0"));
      } else {
        int block = number(name, "Block");
        require(block >= 0, key + ", key", quoted(name), "\"Block i\", High, Max, Min or Limit");
        blocks.put(block, integer(path, parser, 1, "1 (drafter) or 0 (refiner)"));
      }
    }
    List<LayerRole> roles = new ArrayList<>();
    for (Map.Entry<Integer, Integer> block : blocks.entrySet()) {
      require(
          block.getKey() == roles.size(),
          key,
          "Block " + block.getKey() + " without Block " + roles.size(),
          "blocks 0 to L-1");
      roles.add(block.getValue() == 1 ? LayerRole.DRAFTER : LayerRole.REFINER);
    }
    require(!roles.isEmpty(), key, "no block", "\"Block 0\" to \"Block L-1\"");
    return new BudgetTable.Row(
        scale,
        roles,
        required(key, numbers, "High"),
        required(key, numbers, "Max"),
        required(key, numbers, "Min"),
        required(key, numbers, "Limit"));
  }

  private static int required(String key, Map<String, Integer> numbers, String name) {
    Integer value = numbers.get(name);
    if (value == null) {
      throw new IllegalArgumentException(key + ", " + name + ": missing, expected an integer");
    }
    return value;
  }

  /** The number behind a word, or -1 if the key is another one. */
  private static int number(String key, String word) {
    Matcher matcher = NUMBERED.matcher(key);
    return matcher.matches() && matcher.group(1).equals(word)
        ? Integer.parseInt(matcher.group(2))
        : -1;
  }

  private static int integer(String path, JsonParser parser, int most, String expected)
      throws IOException {
    expect(parser.currentToken() == JsonToken.VALUE_NUMBER_INT, path, parser, expected);
    boolean small = parser.getNumberType() == JsonParser.NumberType.INT;
    int value = small ? parser.getIntValue() : -1;
    expect(value >= 0 && value <= most, path, parser, expected);
    return value;
  }

  private static void expect(boolean holds, String path, JsonParser parser, String expected)
      throws IOException {
    if (!holds) {
      String text = parser.currentToken() == null ? "nothing" : parser.getText();
      throw new IllegalArgumentException(path + ": " + text + ", expected " + expected);
    }
  }

  private static String quoted(String key) {
    return '"' + key + '"';
  }

  /** Formats a table, one key a line, with a newline at the end. */
  public static String format(BudgetTable table) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      for (BudgetTable.Row row : table.rows()) {
        json.writeObjectFieldStart("Scale " + row.scale());
        for (int layer = 0; layer < table.layers(); layer++) {
          boolean drafter = row.roles().get(layer) == LayerRole.DRAFTER;
          json.writeNumberField("Block " + layer, drafter ? 1 : 0);
        }
        json.writeNumberField("High", row.high());
        json.writeNumberField("Max", row.max());
        json.writeNumberField("Min", row.min());
        json.writeNumberField("Limit", row.limit());
        json.writeEndObject();
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.append('\n').toString();
  }
}
