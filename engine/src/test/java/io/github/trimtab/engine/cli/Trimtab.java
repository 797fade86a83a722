package io.github.trimtab.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;

/** What a run of the command line in this process gave. */
record Trimtab(int exitCode, String out, String err) {
  static Trimtab run(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exitCode = Main.execute(new PrintWriter(out), new PrintWriter(err), args);
    return new Trimtab(exitCode, out.toString(), err.toString());
  }

  /** Checks success without a message. */
  Trimtab succeeds() {
    assertThat(err).isEmpty();
    assertThat(exitCode).isZero();
    return this;
  }

  /** Checks an exit code with one line on stderr that holds all of these texts. */
  void fails(int expectedCode, CharSequence... texts) {
    assertThat(err).contains(texts);
    assertThat(err.lines()).hasSize(1);
    assertThat(out).isEmpty();
    assertThat(exitCode).isEqualTo(expectedCode);
  }
}
