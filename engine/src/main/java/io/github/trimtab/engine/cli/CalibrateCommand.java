package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.study.CalibrationFile;
import io.github.trimtab.engine.study.Calibrator;
import io.github.trimtab.engine.study.HeadBudgets;
import io.github.trimtab.engine.study.HeadCalibration;
import io.github.trimtab.engine.study.Plots;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.io.WholeFile;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.scalekv.BudgetJson;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.Calibration;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.SelectivityIndex;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code scalekv calibrate}. */
@Command(
    name = "calibrate",
    description = {
      "Measure a model on maps that it draws: the selectivity index of every layer at every scale,"
          + " and what it costs when one layer alone forgets.",
      "",
      "Writes DIR/scalekv.json (both measures), DIR/scalekv.safetensors (for each budget those of"
          + " single heads, and what corrects the outputs of heads that forget; the search goes on"
          + " from budgets that it holds, and other ones stay),"
          + " DIR/budget-P.json (a table in the released format for each budget),"
          + " DIR/selectivity.png and DIR/sensitivity.png."
    })
final class CalibrateCommand implements Callable<Integer> {
  private static final int MOST_MAPS = 4096;
  private static final int MOST_ROUNDS = 64;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private StudyOptions study = new StudyOptions();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "scalekv-calibration",
      description = "Folder of the results (default: ${DEFAULT-VALUE}).")
  private Path out = Path.of("");

  @Option(
      names = "--maps",
      paramLabel = "N",
      defaultValue = "16",
      description = "Maps to measure on (default: ${DEFAULT-VALUE}).")
  private int maps;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "2",
      description = "Seed of the maps' noise (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--top",
      paramLabel = "K",
      split = ",",
      defaultValue = "32,8,128",
      description =
          "K' of the selectivity index; the first one decides, others are measured beside it"
              + " (default: ${DEFAULT-VALUE}).")
  private List<Integer> tops = List.of();

  @Option(
      names = "--cuts",
      paramLabel = "P",
      split = ",",
      defaultValue = "2,5,10,20,40",
      description =
          "What one layer keeps while all others keep everything, percent of the history that the"
              + " last scale sees, rising (default: ${DEFAULT-VALUE}).")
  private List<Integer> cuts = List.of();

  @Option(
      names = "--budgets",
      paramLabel = "P",
      split = ",",
      defaultValue = "20,10,4",
      description =
          "Budgets of the tables, percent of the history that the last scale sees (default:"
              + " ${DEFAULT-VALUE}).")
  private List<Integer> budgets = List.of();

  @Option(
      names = "--drafters",
      paramLabel = "N",
      description =
          "N_d: pairs of layer and scale that become drafters (default: those whose Z-score is"
              + " below -1.5, at least one).")
  private @Nullable Integer drafters;

  @Option(
      names = "--window",
      paramLabel = "SIDE",
      defaultValue = "3",
      description =
          "Side of the observation window's grid, which every budget must hold (default:"
              + " ${DEFAULT-VALUE}).")
  private int window;

  @Option(
      names = "--from",
      paramLabel = "FILE",
      description =
          "A scalekv.json of this model: measure only what budgets of single heads need, and start"
              + " from it.")
  private @Nullable Path from;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "3",
      description =
          "Rounds of the search for budgets of single heads, each on --maps other maps (default:"
              + " ${DEFAULT-VALUE}).")
  private int rounds;

  @Option(names = "--no-plots", description = "Draw nothing; for a Java without java.desktop.")
  private boolean noPlots;

  @Override
  public Integer call() throws IOException {
    Kernels kernels = study.kernels();
    if (maps < 1 || maps > MOST_MAPS) {
      throw new BadInputException("--maps", maps, "1 to " + MOST_MAPS);
    }
    if (rounds < 0 || rounds > MOST_ROUNDS) {
      throw new BadInputException("--rounds", rounds, "0 to " + MOST_ROUNDS);
    }
    if (rounds > 0 && maps < 2) {
      throw new BadInputException("--maps", maps, "2 or more, or --rounds 0");
    }
    for (int top : tops) {
      if (top < 1) {
        throw new BadInputException("--top", top, "1 or more");
      }
    }
    OutputFile.checkFolder(out);
    EvalCommand.percents("--budgets", budgets);
    EvalCommand.percents("--cuts", cuts);
    ObservationWindow grid = new ObservationWindow(window, window);
    VarModel model = VarModel.load(study.folder());
    Schedule schedule = model.config().schedule();
    List<Integer> tokens = cuts.stream().map(percent -> tokens(schedule, percent)).toList();
    if (!tokens.equals(tokens.stream().sorted().distinct().toList()) || tokens.contains(0)) {
      throw new BadInputException("--cuts", cuts, "rising percents, a token or more apart");
    }
    for (int percent : budgets) {
      int most = model.config().transformer().depth() * budgetScales(schedule, percent);
      if (drafters != null && (drafters < 0 || drafters > most)) {
        throw new BadInputException(
            "--drafters", drafters, "0 to " + most + ", the pairs at " + percent + " %");
      }
    }
    CalibrationFile known = from == null ? null : CalibrationFile.read(from);
    if (known != null && known.seed() != seed) {
      throw new BadInputException("--seed", seed, known.seed() + " as in " + from);
    }
    Path file = out.resolve("scalekv.safetensors");
    HeadBudgets earlier =
        Files.exists(file) ? HeadBudgets.read(file, schedule.scales()) : HeadBudgets.none();
    OutputFile.makeFolder(out);
    CalibrationFile measured;
    HeadBudgets heads;
    try (StudyProgress progress = new StudyProgress(spec.commandLine().getErr())) {
      Calibrator calibrator = new Calibrator(model, kernels, maps, seed, tops, tokens);
      HeadCalibration search = new HeadCalibration(model, kernels, maps, seed, rounds);
      int first = known == null ? calibrator.passes() : 0;
      int all = first + search.passes(budgets.size());
      measured = known == null ? calibrator.run(done -> progress.show(all, done)) : known;
      heads =
          search.run(
              measured,
              earlier,
              budgets.stream().map(percent -> tokens(schedule, percent)).toList(),
              done -> progress.show(all, first + done));
    }
    earlier.with(heads).write(file);
    write(measured, schedule, grid);
    return 0;
  }

  /** Scales whose history exceeds a budget. */
  private static int budgetScales(Schedule schedule, int percent) {
    return schedule.scales() + 1 - BudgetRule.firstScale(schedule, tokens(schedule, percent));
  }

  private static int tokens(Schedule schedule, int percent) {
    return Math.round(schedule.history(schedule.scales() - 1) * percent / 100f);
  }

  private void write(CalibrationFile measured, Schedule schedule, ObservationWindow grid)
      throws IOException {
    PrintWriter printed = spec.commandLine().getOut();
    SelectivityIndex index = measured.index(0);
    print(printed, "Z-scores of the selectivity index", index);
    WholeFile.write(out.resolve("scalekv.json"), measured.format());
    for (int percent : budgets) {
      Calibration calibration = new Calibration(schedule, index, tokens(schedule, percent));
      int count = drafters == null ? calibration.drafterCount() : drafters;
      printed.println(percent + " %: drafters by scale number " + calibration.drafters(count));
      WholeFile.write(
          out.resolve("budget-" + percent + ".json"),
          BudgetJson.format(calibration.rule(count, grid.size()).released()));
    }
    printed.println(
        "two most sensitive layers by scale number "
            + new TreeMap<>(measured.layers(schedule).mostSensitive(2)));
    if (!noPlots) {
      Plots.heatMap("Selectivity index", measured.selectivity(), out.resolve("selectivity.png"));
      int last = measured.tokens().size() - 1;
      Plots.heatMap(
          "Nats lost when one layer keeps %d tokens".formatted(measured.tokens().get(last / 2)),
          measured.layerRise()[last / 2],
          out.resolve("sensitivity.png"));
    }
    printed.println("results: " + out.resolve("scalekv.json"));
  }

  private static void print(PrintWriter printed, String title, SelectivityIndex index) {
    printed.println(title + ", a line a layer, a column a scale:");
    for (int layer = 0; layer < index.layers(); layer++) {
      StringBuilder line = new StringBuilder("%5d".formatted(layer));
      for (int scale = 1; scale <= index.scales(); scale++) {
        line.append(String.format(Locale.ROOT, "%7.2f", index.zScore(scale, layer)));
      }
      printed.println(line);
    }
  }
}
