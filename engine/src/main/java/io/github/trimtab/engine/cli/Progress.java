package io.github.trimtab.engine.cli;

import java.io.PrintWriter;

/**
 * A bar on a terminal's last line; silent where messages do not go to a terminal.
 *
 * <p>Java cannot tell whether standard error is a terminal, so the launcher says it: system
 * property {@value #PROPERTY}.
 */
final class Progress implements AutoCloseable {

  /** Set to {@code true} by the launcher where standard error is a terminal. */
  static final String PROPERTY = "trimtab.progress";

  private static final int WIDTH = 30;

  private final PrintWriter out;
  private final int total;
  private final boolean shown = Boolean.getBoolean(PROPERTY);

  Progress(PrintWriter out, int total) {
    this.out = out;
    this.total = total;
  }

  /** Shows how much is done and what comes next. */
  void show(int done, String next) {
    if (shown) {
      int filled = WIDTH * done / total;
      String bar = "#".repeat(filled) + " ".repeat(WIDTH - filled);
      // Back to the line's start, and what is left of a longer line away.
      out.print("\r[" + bar + "] " + done + "/" + total + " " + next + "\033[K");
      out.flush();
    }
  }

  @Override
  public void close() {
    clear();
  }

  /** Takes the bar away, until it is shown again. */
  void clear() {
    if (shown) {
      out.print("\r\033[K");
      out.flush();
    }
  }
}
