package io.github.trimtab.engine.cli;

import io.github.trimtab.engine.study.CalibrationFile;
import io.github.trimtab.engine.study.Evaluation;
import io.github.trimtab.engine.study.HeadBudgets;
import io.github.trimtab.engine.study.ResultTables;
import io.github.trimtab.engine.study.StudyPlots;
import io.github.trimtab.engine.study.StudyResults;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.io.WholeFile;
import io.github.trimtab.kernel.Kernels;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code scalekv eval}. */
@Command(
    name = "eval",
    description = {
      "Compare policies and budgets with the full cache, on maps and pictures that calibration did"
          + " not see.",
      "",
      "DIR/records.jsonl holds every measurement as it comes: the same command goes on where it was"
          + " stopped, and another one adds to it. Writes DIR/study.json: everything in the"
          + " records."
    })
final class EvalCommand implements Callable<Integer> {
  private static final int MOST_ITEMS = 4096;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private StudyOptions study = new StudyOptions();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "scalekv-eval",
      description = "Folder of the results (default: ${DEFAULT-VALUE}).")
  private Path out = Path.of("");

  @Option(
      names = "--calibration",
      paramLabel = "FILE",
      description =
          "What calibrate wrote (default: scalekv.json in the model's folder); scalekv.safetensors"
              + " beside it is read too, if there is one.")
  private @Nullable Path calibration;

  @Option(
      names = "--policies",
      paramLabel = "NAME",
      split = ",",
      description = "Policies, with commas between (default: all).")
  private List<String> policies = List.of();

  @Option(
      names = "--budgets",
      paramLabel = "P",
      split = ",",
      defaultValue = "20,10,4,1",
      description =
          "Budgets, percent of the history that the last scale sees (default: ${DEFAULT-VALUE}).")
  private List<Integer> budgets = List.of();

  @Option(
      names = "--picture-budgets",
      paramLabel = "P",
      split = ",",
      defaultValue = "20,10,4",
      description = "Budgets of the pictures (default: ${DEFAULT-VALUE}).")
  private List<Integer> pictureBudgets = List.of();

  @Option(
      names = "--maps",
      paramLabel = "N",
      defaultValue = "64",
      description = "Maps that the model draws, for teacher forcing (default: ${DEFAULT-VALUE}).")
  private int maps;

  @Option(
      names = "--recorded",
      paramLabel = "N",
      defaultValue = "0",
      description =
          "Recorded maps of real pictures, from the model's reference.safetensors (default:"
              + " ${DEFAULT-VALUE}).")
  private int recorded;

  @Option(
      names = "--pictures",
      paramLabel = "N",
      defaultValue = "64",
      description = "Pictures drawn freely (default: ${DEFAULT-VALUE}).")
  private int pictures;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description =
          "Seed of the noise, another one than the calibration's (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--extras",
      description = "Measure 8-bit pages, and ScaleKV's options one by one at 10 %%, too.")
  private boolean extras;

  @Option(names = "--quick", description = "A look: 4 maps, 2 pictures, 10 %% only.")
  private boolean quick;

  @Option(
      names = "--plots",
      paramLabel = "FILE",
      description = "Measure nothing: draw the results of FILE into the folder that --out names.")
  private @Nullable Path plots;

  @Option(
      names = "--page",
      paramLabel = "FILE",
      description = "With --plots: write the tables into the marked parts of this Markdown page.")
  private @Nullable Path page;

  @Override
  public Integer call() throws IOException {
    PrintWriter printed = spec.commandLine().getOut();
    OutputFile.checkFolder(out);
    if (plots != null) {
      StudyResults results = StudyResults.read(plots);
      if (page != null) {
        WholeFile.write(page, new ResultTables(results).fill(TextFile.read("--page", page)));
      }
      OutputFile.makeFolder(out);
      StudyPlots.write(results, out).forEach(printed::println);
      return 0;
    }
    if (page != null) {
      throw new BadInputException("--page", page, "it together with --plots");
    }
    Kernels kernels = study.kernels();
    Evaluation.Plan plan = plan();
    VarModel model = VarModel.load(study.folder());
    Path json = calibration == null ? study.folder().resolve("scalekv.json") : calibration;
    CalibrationFile measured = CalibrationFile.read(json);
    Path budgeted = json.resolveSibling("scalekv.safetensors");
    HeadBudgets heads =
        Files.exists(budgeted)
            ? HeadBudgets.read(budgeted, model.config().schedule().scales())
            : HeadBudgets.none();
    if (measured.seed() == seed) {
      throw new BadInputException("--seed", seed, "another seed than the calibration's");
    }
    Evaluation evaluation = new Evaluation(model, kernels, study.folder(), measured, heads, plan);
    evaluation.omitted().forEach(reason -> printed.println("left out: " + reason));
    OutputFile.makeFolder(out);
    StudyResults results;
    try (StudyProgress progress = new StudyProgress(spec.commandLine().getErr())) {
      results = evaluation.run(out.resolve("records.jsonl"), progress::show);
    }
    Path file = out.resolve("study.json");
    WholeFile.write(file, results.format());
    ResultTables tables = new ResultTables(results);
    plan.percents()
        .forEach(percent -> printed.println(percent + " %\n" + tables.policies(percent)));
    printed.println("results: " + file);
    return 0;
  }

  private Evaluation.Plan plan() {
    return new Evaluation.Plan(
        items("--maps", quick ? 4 : maps),
        items("--recorded", quick ? 0 : recorded),
        items("--pictures", quick ? 2 : pictures),
        percents("--budgets", quick ? List.of(10) : budgets),
        percents("--picture-budgets", quick ? List.of(10) : pictureBudgets),
        policies(),
        extras,
        seed);
  }

  /** Checks that these are shares of a history. */
  static List<Integer> percents(String option, List<Integer> percents) {
    for (int percent : percents) {
      if (percent < 1 || percent > 99) {
        throw new BadInputException(option, percent, "whole percents from 1 to 99");
      }
    }
    return percents;
  }

  private List<String> policies() {
    for (String policy : policies) {
      if (!Evaluation.policyNames().contains(policy)) {
        throw new BadInputException("--policies", policy, "one of " + Evaluation.policyNames());
      }
    }
    return policies.isEmpty() ? Evaluation.policyNames() : policies;
  }

  private static int items(String option, int count) {
    if (count < 0 || count > MOST_ITEMS) {
      throw new BadInputException(option, count, "0 to " + MOST_ITEMS);
    }
    return count;
  }
}
