package io.github.trimtab.engine.cli;

import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;

/** A bar for work whose length is known when it begins. Any thread. */
final class StudyProgress implements AutoCloseable {

  private final PrintWriter out;
  private @Nullable Progress bar;

  StudyProgress(PrintWriter out) {
    this.out = out;
  }

  /** Shows how much of how much is done. */
  synchronized void show(int total, int done) {
    if (bar == null) {
      bar = new Progress(out, total);
    }
    bar.show(done, "");
  }

  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
