package io.github.trimtab.engine.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command {@code trimtab}. */
@Command(
    name = "trimtab",
    description =
        "A key/value cache that forgets by measured attention, and draft heads cut to what is"
            + " said.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Exit codes: 0 success, 2 bad input, 3 the asked backend is not available, 1 anything else."
    },
    subcommands = {
      InfoCommand.class,
      DemoCommand.class,
      SelfcheckCommand.class,
      RunCommand.class,
      ScalekvCommand.class,
      ModelCommand.class,
      VocabCommand.class
    })
public final class Main {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  private Main() {}

  /** Runs a command and ends the process with its exit code. */
  public static void main(String[] args) {
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(execute(out, err, args));
  }

  /**
   * Runs a command.
   *
   * @param out where results go
   * @param err where messages go
   * @param args command and options
   * @return the exit code: 0 success, 2 bad input, 3 backend not available, 1 anything else
   */
  public static int execute(PrintWriter out, PrintWriter err, String... args) {
    CommandLine commandLine = new CommandLine(new Main());
    commandLine.setOut(out);
    commandLine.setErr(err);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setAbbreviatedOptionsAllowed(false);
    Failures.handle(commandLine);
    try {
      return commandLine.execute(args);
    } catch (OutOfMemoryError e) {
      return Failures.report(e, err);
    } finally {
      out.flush();
      err.flush();
    }
  }
}
