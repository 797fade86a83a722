package io.github.trimtab.engine.draftstudy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.Locale;

/** A study's summaries as a table and as JSON. */
public final class StudyFiles {

  private static final MathContext DIGITS = new MathContext(6);

  private static final String ROW = "%-62s %4s %14s %15s %7s %9s %15s %15s %6s %13s %16s %16s%n";

  private StudyFiles() {}

  /** The table, a line a cell; errors are standard errors over prompts. */
  public static String table(List<Summary> summaries) {
    StringBuilder table = new StringBuilder();
    table.append(
        ROW.formatted(
            "",
            "n",
            "tokens/pass",
            "of full head",
            "accept",
            "coverage",
            "tokens/s",
            "of full head",
            "c",
            "MBSU",
            "of full head",
            "paper's c"));
    for (Summary summary : summaries) {
      table.append(
          ROW.formatted(
              summary.cell().id(),
              summary.prompts(),
              pair("%.3f ± %.3f", summary.tau(), 1),
              pair("%.1f ± %.1f %%", summary.change(), 100),
              summary.cell().drafter() == null
                  ? "-"
                  : text("%.1f %%", 100 * summary.acceptance().value()),
              text("%.1f %%", 100 * summary.coverage().value()),
              pair("%.0f ± %.0f", summary.speed(), 1),
              pair("%.1f ± %.1f %%", summary.speedChange(), 100),
              number("%.3f", summary.own().cost()),
              pair("%.2f ± %.2f", summary.own().value(), 1),
              pair("%.1f ± %.1f %%", summary.own().change(), 100),
              pair("%.1f ± %.1f %%", summary.paper().change(), 100)));
    }
    return table.toString();
  }

  private static String pair(String format, Ratio ratio, double factor) {
    return Double.isNaN(ratio.value())
        ? "-"
        : String.format(Locale.ROOT, format, factor * ratio.value(), factor * ratio.error());
  }

  private static String text(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  private static String number(String format, double value) {
    return Double.isNaN(value) ? "-" : text(format, value);
  }

  /** The JSON text, with a newline at the end. */
  public static String json(List<Summary> summaries, Study study) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.useDefaultPrettyPrinter();
      json.writeStartObject();
      json.writeNumberField("completions", study.prompts());
      json.writeNumberField("batch", study.batch());
      json.writeNumberField("tokens", study.tokens());
      json.writeNumberField("seed", study.seed());
      json.writeBooleanField("timed", study.timed());
      json.writeArrayFieldStart("cells");
      for (Summary summary : summaries) {
        cell(json, summary);
      }
      json.writeEndArray();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.append('\n').toString();
  }

  private static void cell(JsonGenerator json, Summary summary) throws IOException {
    Cell cell = summary.cell();
    json.writeStartObject();
    json.writeStringField("domain", cell.domain());
    number(json, "temperature", cell.temperature());
    json.writeStringField(
        "drafter", cell.drafter() == null ? "none" : lower(cell.drafter().name()));
    json.writeNumberField("gamma", cell.gamma());
    json.writeNumberField("rows", cell.rows());
    json.writeStringField("list", cell.list());
    json.writeNumberField("tail", cell.tail());
    json.writeStringField("choice", lower(cell.choice().name()));
    json.writeNumberField("prompts", summary.prompts());
    ratio(json, "tokens_per_pass", summary.tau());
    ratio(json, "tokens_per_pass_of_full_head", summary.change());
    ratio(json, "acceptance", summary.acceptance());
    ratio(json, "coverage", summary.coverage());
    ratio(json, "tokens_per_second", summary.speed());
    ratio(json, "tokens_per_second_of_full_head", summary.speedChange());
    memoryBound(json, "", summary.own());
    memoryBound(json, "paper_", summary.paper());
    json.writeEndObject();
  }

  private static void memoryBound(JsonGenerator json, String at, Summary.MemoryBound bound)
      throws IOException {
    number(json, at + "cost_ratio", bound.cost());
    ratio(json, at + "mbsu", bound.value());
    ratio(json, at + "mbsu_of_full_head", bound.change());
  }

  private static String lower(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  private static void ratio(JsonGenerator json, String name, Ratio ratio) throws IOException {
    number(json, name, ratio.value());
    number(json, name + "_error", ratio.error());
  }

  private static void number(JsonGenerator json, String name, double value) throws IOException {
    json.writeFieldName(name);
    if (Double.isNaN(value)) {
      json.writeNull();
    } else {
      json.writeNumber(new BigDecimal(value).round(DIGITS).stripTrailingZeros());
    }
  }
}
