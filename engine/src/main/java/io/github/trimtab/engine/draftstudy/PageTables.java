package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.checkpoint.JsonObject;
import io.github.trimtab.engine.report.MarkdownPage;
import io.github.trimtab.engine.report.MarkdownTable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Markdown tables of a recorded study, and the page that shows them: between {@code <!-- study:
 * NAME -->} and {@code <!-- end -->} stands what the file says.
 */
public final class PageTables {

  private final JsonObject study;

  private PageTables(JsonObject study) {
    this.study = study;
  }

  /**
   * Tables of a study.
   *
   * @param study as {@link StudyFiles#json} wrote it; a timed one has the tables named {@code
   *     speed-...}, another the others
   */
  public static PageTables read(Path study) throws IOException {
    return new PageTables(JsonObject.read(study));
  }

  /** A page with those of its marked parts written anew that this study has a table for. */
  public String fill(String page) {
    return MarkdownPage.fill(page, all());
  }

  private Map<String, String> all() {
    String main = study.objects("cells").getFirst().text("domain");
    Predicate<JsonObject> own =
        cell ->
            cell.text("domain").equals(main)
                && cell.text("choice").equals("fixed")
                && cell.integer("tail") == 0;
    String mainList = "target-" + main;
    int quarter = quarter();
    Map<String, Predicate<JsonObject>> parts = new LinkedHashMap<>();
    parts.put("sizes", own.and(cell -> List.of("", mainList).contains(cell.text("list"))));
    parts.put(
        "sources",
        own.and(cell -> !cell.text("list").isEmpty() && cell.integer("rows") == quarter));
    parts.put(
        "tail",
        cell ->
            cell.text("domain").equals(main)
                && cell.text("choice").equals("fixed")
                && cell.integer("rows") == quarter
                && cell.text("list").equals(mainList));
    parts.put(
        "domains",
        cell ->
            cell.integer("tail") == 0
                && (cell.integer("rows") == quarter || cell.text("list").isEmpty())
                && isOfDomains(cell));
    Map<String, String> tables = new LinkedHashMap<>();
    boolean timed = study.flag("timed");
    parts.forEach((name, part) ->
        tables.put(timed ? "speed-" + name : name, timed ? speed(part) : blocks(part)));
    return tables;
  }

  private static boolean isOfDomains(JsonObject cell) {
    return !cell.text("list").startsWith("raw-") && !cell.text("list").startsWith("draft-");
  }

  private int quarter() {
    return study.objects("cells").stream()
            .mapToInt(cell -> cell.integer("rows"))
            .max()
            .orElseThrow()
        / 4;
  }

  private String blocks(Predicate<JsonObject> part) {
    return table(
        part,
        List.of(
            "tokens a pass",
            "of the full head's, %",
            "text in the list, %",
            "c",
            "MBSU",
            "of the full head's, %",
            "same at the paper's c, %"),
        cell ->
            List.of(
                pair(cell, "tokens_per_pass", 1, 3),
                pair(cell, "tokens_per_pass_of_full_head", 100, 1),
                pair(cell, "coverage", 100, 1),
                cell.has("cost_ratio") ? MarkdownTable.decimal(cell.number("cost_ratio"), 3) : "-",
                pair(cell, "mbsu", 1, 2),
                pair(cell, "mbsu_of_full_head", 100, 1),
                pair(cell, "paper_mbsu_of_full_head", 100, 1)));
  }

  private String speed(Predicate<JsonObject> part) {
    return table(
        part,
        List.of("tokens/s", "of the full head's, %", "tokens a pass"),
        cell ->
            List.of(
                pair(cell, "tokens_per_second", 1, 0),
                pair(cell, "tokens_per_second_of_full_head", 100, 1),
                pair(cell, "tokens_per_pass", 1, 2)));
  }

  /** What a line of a table says of a cell. */
  @FunctionalInterface
  private interface Measures {
    List<String> of(JsonObject cell);
  }

  private String table(Predicate<JsonObject> part, List<String> titles, Measures measures) {
    List<String> first =
        new ArrayList<>(List.of("domain", "T", "drafter", "rows", "list", "texts"));
    first.addAll(titles);
    MarkdownTable table = new MarkdownTable(first.toArray(String[]::new));
    int gamma =
        study.objects("cells").stream()
            .mapToInt(cell -> cell.integer("gamma"))
            .filter(length -> length > 0)
            .findFirst()
            .orElse(0);
    for (JsonObject cell : study.objects("cells")) {
      if (part.test(cell) && List.of(0, gamma).contains(cell.integer("gamma"))) {
        List<String> line =
            new ArrayList<>(
                List.of(
                    cell.text("domain"),
                    String.valueOf(cell.number("temperature")),
                    cell.text("drafter"),
                    cell.text("drafter").equals("none") ? "-" : rows(cell),
                    list(cell),
                    String.valueOf(cell.integer("prompts"))));
        line.addAll(measures.of(cell));
        table.line(line.toArray(String[]::new));
      }
    }
    return table.toString();
  }

  private static String rows(JsonObject cell) {
    int tail = cell.integer("tail");
    return cell.integer("rows") + (tail == 0 ? "" : " + " + tail);
  }

  private static String list(JsonObject cell) {
    String choice = cell.text("choice");
    String list = cell.text("list").isEmpty() ? "-" : cell.text("list");
    return switch (choice) {
      case "fixed" -> list;
      case "fallback" -> list + ", fallback";
      default -> choice;
    };
  }

  private static String pair(JsonObject cell, String name, double unit, int digits) {
    if (!cell.has(name)) {
      return "-";
    }
    return MarkdownTable.pair(
        unit * cell.number(name), unit * cell.number(name + "_error"), digits);
  }
}
