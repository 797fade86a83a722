package io.github.trimtab.engine.study;

import io.github.trimtab.engine.report.Records;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.DType;
import io.github.trimtab.scalekv.Schedule;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.ObjIntConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The study: policies and budgets against the full cache, on maps and pictures that calibration did
 * not see.
 *
 * @param folder of the model
 * @param calibration what was measured of the model
 * @param heads budgets of heads calibrated for it
 * @param plan what to measure
 */
public record Evaluation(
    VarModel model,
    Kernels kernels,
    Path folder,
    CalibrationFile calibration,
    HeadBudgets heads,
    Plan plan) {

  /** Budget of the sweeps, and of a comparison in which nothing is forgotten. */
  private static final int MIDDLE_PERCENT = 10;

  /**
   * What to measure.
   *
   * @param maps maps that the model draws
   * @param recorded recorded maps, as many as there are at most
   * @param pictures pictures drawn freely
   * @param percents budgets of the maps, % of the history that the last scale sees
   * @param picturePercents budgets of the pictures
   * @param policies by name, without the full cache
   * @param extras whether to measure 8-bit pages and the options of ScaleKV too
   * @param seed of the evaluation's noise
   */
  public record Plan(
      int maps,
      int recorded,
      int pictures,
      List<Integer> percents,
      List<Integer> picturePercents,
      List<String> policies,
      boolean extras,
      long seed) {

    /** Copies the lists. */
    public Plan {
      percents = List.copyOf(percents);
      picturePercents = List.copyOf(picturePercents);
      policies = List.copyOf(policies);
    }

    /** All policies, at the budgets of a complete study too. */
    Plan widened() {
      return new Plan(
          maps,
          recorded,
          pictures,
          widened(percents),
          widened(picturePercents),
          policyNames(),
          true,
          seed);
    }

    private static List<Integer> widened(List<Integer> percents) {
      return Stream.concat(StudyRuns.PERCENTS.stream(), percents.stream()).distinct().toList();
    }
  }

  /** The names of all policies that can be compared with the full cache. */
  public static List<String> policyNames() {
    return StudyRuns.names();
  }

  /**
   * Measures what the records do not hold yet.
   *
   * @param records file of the measurements, made or gone on with
   * @param progress is told how many measurements there will be and how many there are
   * @return everything that the records hold, also what an earlier plan measured
   */
  public StudyResults run(Path records, ObjIntConsumer<Integer> progress) throws IOException {
    try (Records<Measurement> measured =
        new Records<>(records, Measurement::parse, Measurement::format, Measurement::key)) {
      new Study(measured).run(tasks(), progress);
      Evaluation everything =
          new Evaluation(model, kernels, folder, calibration, heads, plan.widened());
      return results(everything.tasks(), measured.all());
    }
  }

  /** Policies that cannot keep a budget, a line each with the reason: they are left out there. */
  public List<String> omitted() {
    List<String> omitted = new ArrayList<>();
    runs().policies(plan.policies, plan.percents, omitted::add);
    return omitted;
  }

  private StudyRuns runs() {
    return new StudyRuns(model.config(), calibration, heads, plan.seed);
  }

  private List<Run> policies(List<Integer> percents) {
    return runs().policies(plan.policies, percents, reason -> {});
  }

  private List<Study.Task> tasks() throws IOException {
    Schedule schedule = model.config().schedule();
    StudyRuns runs = runs();
    List<Run> policies = policies(plan.percents);
    Run full = Run.full(schedule);
    List<Run> free = new ArrayList<>(policies(plan.picturePercents));
    List<Run> forced = new ArrayList<>(policies);
    if (plan.extras) {
      List<Run> narrow = new ArrayList<>();
      for (DType pages : List.of(DType.INT8, DType.FP8_E4M3)) {
        narrow.add(full.in(pages));
        policies(List.of(MIDDLE_PERCENT)).stream()
            .filter(run -> StudyRuns.isOwn(run.policy()))
            .forEach(run -> narrow.add(run.in(pages)));
      }
      free.addAll(narrow);
      forced.addAll(narrow);
      forced.addAll(runs.sweeps(MIDDLE_PERCENT));
    }
    long seed = plan.seed;
    MapStudy maps =
        new MapStudy(
            model,
            kernels,
            StudyRuns.DRAWN,
            item -> {
              int label = DrawnMaps.evaluationLabel(model.config().classes(), item);
              return DrawnMaps.draw(model, kernels, label, seed, item);
            });
    List<TokenMaps> real =
        plan.recorded == 0
            ? List.of()
            : RecordedMaps.read(folder.resolve("reference.safetensors"), schedule);
    MapStudy recorded = new MapStudy(model, kernels, StudyRuns.RECORDED, real::get);
    int history = schedule.history(schedule.scales() - 1);
    PictureStudy pictures =
        new PictureStudy(model, kernels, seed, StudyResults.budget(history, MIDDLE_PERCENT));
    return List.of(
        new Study.Task(maps, plan.maps, full, forced),
        new Study.Task(recorded, Math.min(plan.recorded, real.size()), full, policies),
        new Study.Task(pictures, plan.pictures, full, free));
  }

  /** A run's measurements of the first items, up to the first that is missing: runs are paired. */
  private static List<Measurement> unbroken(String set, String run, List<Measurement> measured) {
    Map<Integer, Measurement> byItem =
        measured.stream()
            .filter(m -> m.set().equals(set) && m.run().equals(run))
            .collect(Collectors.toMap(Measurement::item, m -> m));
    return Stream.iterate(0, byItem::containsKey, item -> item + 1).map(byItem::get).toList();
  }

  private StudyResults results(List<Study.Task> tasks, List<Measurement> measured) {
    Schedule schedule = model.config().schedule();
    List<RunResult> results = new ArrayList<>();
    for (Study.Task task : tasks) {
      List<Run> runs = new ArrayList<>(List.of(task.full()));
      runs.addAll(task.runs());
      for (Run run : runs) {
        List<Measurement> own = unbroken(task.set().set(), run.id(), measured);
        if (!own.isEmpty()) {
          results.add(RunResult.of(run, schedule, own));
        }
      }
    }
    List<Integer> tokens = Arrays.stream(schedule.tokens()).boxed().toList();
    return new StudyResults(
        folder.toAbsolutePath().normalize().getFileName().toString(), plan.seed, tokens, results);
  }
}
