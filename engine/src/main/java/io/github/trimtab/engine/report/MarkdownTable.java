package io.github.trimtab.engine.report;

import java.util.Arrays;
import java.util.Locale;

/** A table in Markdown, line by line. */
public final class MarkdownTable {

  private final StringBuilder text = new StringBuilder();

  /** A table without lines yet. */
  public MarkdownTable(String... columns) {
    line(columns);
    String[] rules = new String[columns.length];
    Arrays.fill(rules, "---");
    line(rules);
  }

  /** Adds a line, a cell a column. */
  public void line(String... cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }

  /** A number with its standard error. */
  public static String pair(double value, double error, int digits) {
    return decimal(value, digits) + " ± " + decimal(error, digits);
  }

  /** A number with so many digits behind the point. */
  public static String decimal(double value, int digits) {
    return String.format(Locale.ROOT, "%." + digits + "f", value);
  }

  /** The table so far; every line has its end. */
  @Override
  public String toString() {
    return text.toString();
  }
}
