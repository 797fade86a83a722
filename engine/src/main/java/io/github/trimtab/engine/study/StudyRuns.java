package io.github.trimtab.engine.study;

import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.Scoring;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.H2o;
import io.github.trimtab.memory.DType;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.BudgetTable;
import io.github.trimtab.scalekv.Calibration;
import io.github.trimtab.scalekv.CapacityTable;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.Policies;
import io.github.trimtab.scalekv.ScaleKv;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.SensitivityKv;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/**
 * The runs of a study: every policy at every budget, the best ones with 8-bit pages, and the
 * options of ScaleKV one by one.
 *
 * @param measured of the model, on calibration maps
 * @param calibrated budgets of heads, with what corrects their outputs
 * @param seed of the random control
 */
record StudyRuns(VarConfig config, CalibrationFile measured, HeadBudgets calibrated, long seed) {

  /** Set of maps that the model drew. */
  static final String DRAWN = "drawn";

  /** Set of maps recorded from real pictures. */
  static final String RECORDED = "recorded";

  /** Page format of every run that is not about page formats. */
  static final String PAGES = "f16";

  /** Budgets of a complete study, % of the history that the last scale sees. */
  static final List<Integer> PERCENTS = List.of(20, 10, 4, 1);

  /** Budgets of least predicted loss, for each head its own. */
  static final String HEADS = "sensitivitykv-heads";

  /**
   * The same, chosen by all queries so far instead of those of the map just drawn, and for both
   * rows of guidance together.
   */
  static final String ACCUMULATED = "sensitivitykv-heads-h2o";

  /**
   * The same with budgets by what forgetting costs beyond the mean of what a head's output then
   * lacks, and what its query says of that made up for.
   */
  static final String COMPENSATED = "sensitivitykv-compensated";

  private static final List<String> OWN_HEADWISE = List.of(HEADS, ACCUMULATED, COMPENSATED);

  /** No head gets less than this part of the mean budget. */
  private static final int FLOOR = 6;

  /** Few tokens, so that the smallest budget holds them and a choice besides. */
  private static final ObservationWindow WINDOW = new ObservationWindow(3, 3);

  /** The model scales its unit queries itself. */
  private static final float SCALE = 1;

  /** Whether a policy is one of Trimtab's, and not a published one. */
  static boolean isOwn(String policy) {
    return policy.startsWith("sensitivity");
  }

  /** Whether a policy needs measurements of the model: one of Trimtab's, or one of these. */
  static boolean isCalibrated(String policy) {
    return isOwn(policy)
        || List.of(
                Policies.SCALE_KV, Policies.SCALE_KV_PAPER, Policies.HEAD_BUDGETS, Policies.HEAT_KV)
            .contains(Policies.named(policy));
  }

  /** The names of all policies but the full cache. */
  static List<String> names() {
    List<String> names = new ArrayList<>();
    for (Policies policy : Policies.values()) {
      if (policy != Policies.FULL) {
        names.add(policy.id());
      }
    }
    names.addAll(OWN_HEADWISE);
    return names;
  }

  /**
   * Policies at budgets, without those that cannot keep a budget.
   *
   * @param omitted is told of each of these why
   */
  List<Run> policies(List<String> names, List<Integer> percents, Consumer<String> omitted) {
    List<Run> runs = new ArrayList<>();
    for (int percent : percents) {
      for (String name : names) {
        Run run = run(name, percent);
        try {
          EvictionPolicy _ = run.maker().apply(1);
          runs.add(run);
        } catch (IllegalArgumentException e) {
          omitted.accept("%s at %d %%: %s".formatted(name, percent, e.getMessage()));
        }
      }
    }
    return runs;
  }

  private Run run(String name, int percent) {
    int tokens = budget(percent);
    Policies.Setting setting = setting(tokens);
    IntFunction<EvictionPolicy> maker =
        switch (name) {
          case HEADS ->
              _ -> SensitivityKv.policy(config.schedule(), heads(config, measured, tokens), SCALE);
          case ACCUMULATED ->
              rows -> accumulated(config.schedule(), heads(config, measured, tokens), rows);
          case COMPENSATED -> rows -> calibrated.policy(tokens, config.schedule(), rows);
          default -> _ -> Policies.named(name).make(setting);
        };
    boolean headPages = OWN_HEADWISE.contains(name) || Policies.named(name).isHeadwise();
    String id = name + "@" + percent;
    HeadBudgets.Entry entry = name.equals(COMPENSATED) ? calibrated.budgets().get(tokens) : null;
    return new Run(
        id, name, tokens, DType.F16, headPages, maker, entry == null ? null : entry.correction());
  }

  /**
   * Keeps as many tokens of each head as its budget says, chosen by all queries so far.
   *
   * @param rows of one picture, which keep the same tokens
   */
  static EvictionPolicy accumulated(Schedule schedule, CapacityTable budgets, int rows) {
    return new H2o(SensitivityKv.policy(schedule, budgets, SCALE), 0, SCALE, Mask.NONE)
        .together(rows)
        .storingNothingAt(schedule.scales() - 1);
  }

  /** Budgets of least predicted loss, from what cutting one head at a time costs. */
  static CapacityTable heads(VarConfig config, CalibrationFile measured, int tokens) {
    Schedule schedule = config.schedule();
    return SensitivityKv.leastLossOfHeads(
        schedule,
        tokens,
        measured.heads(schedule),
        config.transformer().heads(),
        Math.ceilDiv(tokens, FLOOR));
  }

  static String name(DType pages) {
    return pages == DType.FP8_E4M3 ? "fp8" : pages.toString().toLowerCase(Locale.ROOT);
  }

  private Policies.Setting setting(int tokens) {
    return new Policies.Setting(
        config.schedule(),
        config.transformer().depth(),
        config.transformer().heads(),
        tokens,
        WINDOW,
        SCALE,
        drafters(tokens, 0),
        measured.layers(config.schedule()),
        measured.mass(),
        seed);
  }

  /** ScaleKV's drafters, as its own calibration finds them for a budget. */
  private Map<Integer, Set<Integer>> drafters(int tokens, int top) {
    Calibration calibration = calibration(tokens, top);
    return calibration.drafters(calibration.drafterCount());
  }

  private Calibration calibration(int tokens, int top) {
    return new Calibration(config.schedule(), measured.index(top), tokens);
  }

  private int budget(int percent) {
    Schedule schedule = config.schedule();
    return StudyResults.budget(schedule.history(schedule.scales() - 1), percent);
  }

  /** ScaleKV's options one by one at one budget, all others as released. */
  List<Run> sweeps(int percent) {
    int tokens = budget(percent);
    Map<Integer, Set<Integer>> drafters = drafters(tokens, 0);
    Scoring official = Scoring.official(SCALE);
    List<Run> runs = new ArrayList<>();
    for (int side : List.of(1, 2, 3, 4, 6)) {
      ObservationWindow window = new ObservationWindow(side, side);
      if (window.size() <= tokens) {
        runs.add(variant(percent, "queries " + window.size(), drafters, window, official));
      }
    }
    for (Scoring.Mode mode : Scoring.Mode.values()) {
      for (Scoring.Pooling pooling : Scoring.Pooling.values()) {
        String name = "%s, pooling %s".formatted(mode, pooling).toLowerCase(Locale.ROOT);
        Scoring scoring = new Scoring(mode, SCALE, Mask.NONE, pooling, 5);
        runs.add(variant(percent, name, drafters, WINDOW, scoring));
      }
    }
    for (int top = 0; top < measured.tops().size(); top++) {
      String name = "K' " + measured.tops().get(top);
      runs.add(variant(percent, name, drafters(tokens, top), WINDOW, official));
    }
    int pairs = config.transformer().depth() * scales(tokens);
    for (int count = 0; count <= Math.min(12, pairs); count += 3) {
      Map<Integer, Set<Integer>> lowest = calibration(tokens, 0).drafters(count);
      runs.add(variant(percent, "N_d " + count, lowest, WINDOW, official));
    }
    Map<Integer, Set<Integer>> sensitive = measured.layers(config.schedule()).mostSensitive(2);
    runs.add(variant(percent, "drafters by sensitivity", sensitive, WINDOW, official));
    // Eq. 4 as in the paper's ablation, whose B is 650: br0 600, delta 0 to 70.
    int first = Math.round(tokens * 600 / 650f);
    int last = Math.round(tokens * 70 / 650f);
    for (int delta = 0; delta <= last; delta += Math.max(1, last / 4)) {
      BudgetTable decaying = rule(tokens, drafters, WINDOW).paper(first, delta);
      String name = "Eq. 4 with br0 %d, delta %d".formatted(first, delta);
      runs.add(variant(percent, name, decaying, WINDOW, official));
    }
    return runs;
  }

  /** Scales whose history exceeds a budget. */
  private int scales(int tokens) {
    return config.schedule().scales() + 1 - BudgetRule.firstScale(config.schedule(), tokens);
  }

  private BudgetRule rule(
      int tokens, Map<Integer, Set<Integer>> drafters, ObservationWindow window) {
    return new BudgetRule(
        config.schedule(), config.transformer().depth(), tokens, drafters, window.size());
  }

  private Run variant(
      int percent,
      String name,
      Map<Integer, Set<Integer>> drafters,
      ObservationWindow window,
      Scoring scoring) {
    BudgetTable released = rule(budget(percent), drafters, window).released();
    return variant(percent, name, released, window, scoring);
  }

  private Run variant(
      int percent, String name, BudgetTable budgets, ObservationWindow window, Scoring scoring) {
    String policy = "scalekv, " + name;
    return new Run(
        policy + "@" + percent,
        policy,
        budget(percent),
        DType.F16,
        false,
        _ -> new ScaleKv(config.schedule(), budgets, window, scoring));
  }
}
