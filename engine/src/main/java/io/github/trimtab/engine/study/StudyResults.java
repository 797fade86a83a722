package io.github.trimtab.engine.study;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.github.trimtab.engine.checkpoint.JsonObject;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A study's results, as its JSON file holds them.
 *
 * @param model name of the model
 * @param seed of the evaluation's noise
 * @param tokens of each scale's map
 * @param runs in the order in which tables list them, set by set
 */
public record StudyResults(String model, long seed, List<Integer> tokens, List<RunResult> runs) {

  private static final MathContext DIGITS = new MathContext(6);

  /** Copies the lists. */
  public StudyResults {
    tokens = List.copyOf(tokens);
    runs = List.copyOf(runs);
  }

  /** The run of an id in a set, if it was measured. */
  public Optional<RunResult> run(String set, String id) {
    return runs.stream().filter(run -> run.set().equals(set) && run.id().equals(id)).findFirst();
  }

  /** Tokens of history that the last scale sees: what a budget of 100 % holds. */
  public int history() {
    return tokens.stream().mapToInt(Integer::intValue).sum() - tokens.getLast();
  }

  /** Tokens of a budget. */
  public int budget(int percent) {
    return budget(history(), percent);
  }

  static int budget(int history, int percent) {
    return Math.round(history * percent / 100f);
  }

  /** The JSON text, with a newline at the end. */
  public String format() {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("model", model);
      json.writeNumberField("seed", seed);
      json.writeFieldName("tokens");
      json.writeArray(tokens.stream().mapToInt(Integer::intValue).toArray(), 0, tokens.size());
      json.writeRaw(",\n");
      json.writeRaw("\"runs\":[");
      for (int i = 0; i < runs.size(); i++) {
        json.writeRaw(i == 0 ? "\n" : ",\n");
        json.flush();
        text.write(run(runs.get(i)));
      }
      json.writeRaw("\n]");
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.append('\n').toString();
  }

  private static String run(RunResult run) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("set", run.set());
      json.writeStringField("id", run.id());
      json.writeStringField("policy", run.policy());
      json.writeNumberField("tokens", run.tokens());
      json.writeStringField("pages", run.pages());
      json.writeObjectFieldStart("measures");
      for (String name : run.each().keySet()) {
        Statistic all = run.statistic(name);
        json.writeObjectFieldStart(name);
        number(json, "mean", all.mean());
        number(json, "error", all.error());
        numbers(json, "each", run.values(name));
        List<Statistic> scales = run.scales().get(name);
        if (scales != null) {
          numbers(json, "scales", scales.stream().mapToDouble(Statistic::mean).toArray());
          numbers(json, "scale_errors", scales.stream().mapToDouble(Statistic::error).toArray());
        }
        json.writeEndObject();
      }
      json.writeEndObject();
      json.writeEndObject();
    }
    return text.toString();
  }

  /** Writes an array of numbers. */
  static void numbers(JsonGenerator json, String name, double[] values) throws IOException {
    json.writeArrayFieldStart(name);
    for (double value : values) {
      json.writeNumber(rounded(value));
    }
    json.writeEndArray();
  }

  private static void number(JsonGenerator json, String name, double value) throws IOException {
    json.writeFieldName(name);
    json.writeNumber(rounded(value));
  }

  private static String rounded(double value) {
    return new BigDecimal(value).round(DIGITS).stripTrailingZeros().toString();
  }

  /** Reads a file that {@link #format} made. */
  public static StudyResults read(Path file) throws IOException {
    JsonObject json = JsonObject.read(file);
    List<RunResult> runs = new ArrayList<>();
    for (JsonObject run : json.objects("runs")) {
      JsonObject measures = run.object("measures");
      Map<String, double[]> each = new LinkedHashMap<>();
      Map<String, List<Statistic>> scales = new LinkedHashMap<>();
      for (String name : measures.keys()) {
        JsonObject measure = measures.object(name);
        each.put(name, measure.numbers("each"));
        if (measure.has("scales")) {
          scales.put(name, statistics(measure));
        }
      }
      runs.add(
          new RunResult(
              run.text("set"),
              run.text("id"),
              run.text("policy"),
              run.integer("tokens"),
              run.text("pages"),
              each,
              scales));
    }
    return new StudyResults(
        json.text("model"), (long) json.number("seed"), json.integers("tokens"), runs);
  }

  private static List<Statistic> statistics(JsonObject measure) {
    double[] means = measure.numbers("scales");
    double[] errors = measure.numbers("scale_errors");
    List<Statistic> statistics = new ArrayList<>();
    for (int i = 0; i < means.length; i++) {
      statistics.add(new Statistic(means[i], errors[i]));
    }
    return statistics;
  }
}
