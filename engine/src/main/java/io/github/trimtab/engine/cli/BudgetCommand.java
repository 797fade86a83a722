package io.github.trimtab.engine.cli;

import io.github.trimtab.scalekv.BudgetJson;
import io.github.trimtab.scalekv.BudgetReport;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.BudgetTable;
import io.github.trimtab.scalekv.Schedule;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code scalekv budget}. */
@Command(
    name = "budget",
    description = {
      "Make a budget table, or check one.",
      "",
      "A table says how many tokens of history each layer may hold at each scale. There is a row"
          + " for each scale number whose history exceeds the uniform budget; other scales keep"
          + " everything."
    })
final class BudgetCommand implements Callable<Integer> {
  /** Which rule makes the rows. */
  private enum Rule {
    RELEASED,
    PAPER;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** How a table is printed. */
  private enum Format {
    JSON,
    TABLE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--layers", paramLabel = "L", description = "Layers of the model.")
  private @Nullable Integer layers;

  @Option(
      names = "--schedule",
      split = ",",
      paramLabel = "N",
      description = "Tokens of each scale's map: 1,4,16,...")
  private int @Nullable [] schedule;

  @Option(
      names = "--sides",
      split = ",",
      paramLabel = "N",
      description = "Side of each scale's square map, instead of --schedule: 1,2,4,...")
  private int @Nullable [] sides;

  @Option(
      names = "--uniform",
      paramLabel = "B",
      description = "Tokens a layer and head on average.")
  private @Nullable Integer uniform;

  @Option(
      names = "--drafters",
      paramLabel = "FILE|LIST",
      description =
          "Drafter layers by scale number (from 1), as in 9:0,23;10:0,23 or in a file that holds"
              + " such a list or a budget table (default: none).")
  private String drafters = "";

  @Option(
      names = "--window",
      paramLabel = "W",
      description = "Tokens of the observation window (default: 16).")
  private int window = 16;

  @Option(
      names = "--floor",
      paramLabel = "F",
      description =
          "Least tokens of a refiner (default: the smaller of 200 and B/3, but at least the"
              + " window).")
  private @Nullable Integer floor;

  @Option(
      names = "--rule",
      paramLabel = "RULE",
      description =
          "released: drafters keep all they can, refiners share the rest; paper: refiners decay"
              + " linearly, Eq. 4 (default: released).")
  private Rule rule = Rule.RELEASED;

  @Option(
      names = "--br0",
      paramLabel = "N",
      description = "Rule paper: a refiner's tokens in the first row.")
  private @Nullable Integer br0;

  @Option(
      names = "--delta",
      paramLabel = "N",
      description = "Rule paper: how many tokens fewer in each row.")
  private @Nullable Integer delta;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      description = "json: as the released tables; table: for people (default: json).")
  private Format format = Format.JSON;

  @Option(
      names = "--check",
      paramLabel = "FILE",
      description =
          "Report means, totals and what is odd about a table instead of making one; of the other"
              + " options only --window counts.")
  private @Nullable Path check;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (check != null) {
      printReport(BudgetJson.read(check), out);
      return 0;
    }
    BudgetTable table = make();
    if (format == Format.JSON) {
      out.print(BudgetJson.format(table));
    } else {
      printReport(table, out);
    }
    return 0;
  }

  private BudgetTable make() throws IOException {
    int checkedLayers = required("--layers", layers);
    int checkedUniform = required("--uniform", uniform);
    BudgetRule budgets =
        new BudgetRule(
            schedule(),
            checkedLayers,
            checkedUniform,
            drafters(),
            window,
            floor == null ? BudgetRule.defaultFloor(checkedUniform, window) : floor);
    if (rule == Rule.PAPER) {
      return budgets.paper(required("--br0", br0), required("--delta", delta));
    }
    if (br0 != null || delta != null) {
      throw bad("--br0 and --delta: given, expected with --rule paper only");
    }
    return budgets.released();
  }

  private Schedule schedule() {
    if (schedule != null && sides == null) {
      return Schedule.ofTokens(schedule);
    }
    if (sides != null && schedule == null) {
      return Schedule.ofSides(sides);
    }
    throw bad(
        "--schedule and --sides: "
            + (sides == null ? "missing" : "both given")
            + ", expected one of them");
  }

  private Map<Integer, Set<Integer>> drafters() throws IOException {
    return DrafterList.parse(drafters);
  }

  private int required(String option, @Nullable Integer value) {
    if (value == null) {
      throw bad(option + ": missing, expected an integer");
    }
    return value;
  }

  private ParameterException bad(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private void printReport(BudgetTable table, PrintWriter out) {
    BudgetReport report = BudgetReport.of(table, window);
    out.println(report.layers() + " layers");
    out.println("scale drafters     Max     Min   Limit      total       mean");
    for (BudgetReport.Row row : report.rows()) {
      out.printf(
          Locale.ROOT,
          "%5d %8d %7d %7d %7d %10d %10.2f%n",
          row.scale(),
          row.drafters(),
          row.max(),
          row.min(),
          row.limit(),
          row.total(),
          row.mean());
    }
    if (report.oddities().isEmpty()) {
      out.println("Nothing is odd.");
    } else {
      report.oddities().forEach(oddity -> out.println("odd: " + oddity));
    }
  }
}
