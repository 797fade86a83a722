package io.github.trimtab.engine.study;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.trimtab.engine.checkpoint.JsonObject;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What one run measured on one item, as a line of the records.
 *
 * @param set which items: drawn maps, recorded maps, pictures
 * @param item which of them, from 0
 * @param run id of the run
 * @param values by name; an array where there is a value for each scale, else one element
 */
record Measurement(String set, int item, String run, Map<String, double[]> values) {

  private static final JsonFactory JSON = new JsonFactory();
  private static final List<String> PLACE = List.of("set", "item", "run");

  /** Which measurement this is. */
  record Key(String set, int item, String run) {}

  Key key() {
    return new Key(set, item, run);
  }

  static Measurement parse(String where, String line) {
    JsonObject json = JsonObject.parse(where, line);
    Map<String, double[]> values = new LinkedHashMap<>();
    for (String key : json.keys()) {
      if (!PLACE.contains(key)) {
        values.put(key, json.numbers(key));
      }
    }
    return new Measurement(json.text("set"), json.integer("item"), json.text("run"), values);
  }

  /** The line, without its end. */
  String format() {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("set", set);
      json.writeNumberField("item", item);
      json.writeStringField("run", run);
      for (Map.Entry<String, double[]> entry : values.entrySet()) {
        json.writeFieldName(entry.getKey());
        json.writeArray(entry.getValue(), 0, entry.getValue().length);
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }
}
