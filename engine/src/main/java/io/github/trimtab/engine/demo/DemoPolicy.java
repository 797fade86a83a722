package io.github.trimtab.engine.demo;

import io.github.trimtab.engine.var.Calibration;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.BudgetTable;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.ScaleKv;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.ScoringMode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One way to remember.
 *
 * @param id for file names
 * @param title for people
 * @param policy what it forgets
 */
public record DemoPolicy(String id, String title, EvictionPolicy policy) {

  /** Few tokens, so that the smallest budget holds them and a choice besides. */
  private static final ObservationWindow WINDOW = new ObservationWindow(3, 3);

  /** The released code's scores, but of the model's own queries: closer here than the paper's. */
  private static final ScoringMode SCORING = ScoringMode.OFFICIAL;

  /** Layers whose history the others' is cut for. */
  private static final int DRAFTERS = 2;

  /** The full cache, which all others are measured against, and four that forget. */
  public static List<DemoPolicy> all(VarConfig config, Calibration calibration) {
    Schedule schedule = config.schedule();
    int last = schedule.scales() - 1;
    return List.of(
        new DemoPolicy("full", "Full cache", EvictionPolicy.full().storingNothingAt(last)),
        scaleKv(config, calibration, 20),
        scaleKv(config, calibration, 10),
        scaleKv(config, calibration, 4),
        new DemoPolicy(
            "window-10",
            "Sliding window 10 %",
            EvictionPolicy.slidingWindow(budget(schedule, 10)).storingNothingAt(last)));
  }

  private static DemoPolicy scaleKv(VarConfig config, Calibration calibration, int percent) {
    Schedule schedule = config.schedule();
    BudgetTable budgets =
        new BudgetRule(
                schedule,
                config.transformer().depth(),
                budget(schedule, percent),
                drafters(schedule, calibration),
                WINDOW.size())
            .released();
    return new DemoPolicy(
        "scalekv-" + percent,
        "ScaleKV " + percent + " %",
        new ScaleKv(schedule, budgets, WINDOW, SCORING.scoring(1)));
  }

  /** The same layers at every scale, by scale number. */
  private static Map<Integer, Set<Integer>> drafters(Schedule schedule, Calibration calibration) {
    Set<Integer> layers = Set.copyOf(calibration.drafterOrder().subList(0, DRAFTERS));
    return IntStream.rangeClosed(1, schedule.scales())
        .boxed()
        .collect(Collectors.toMap(scale -> scale, scale -> layers));
  }

  /** Tokens a layer: a share of the history that the last scale sees. */
  private static int budget(Schedule schedule, int percent) {
    return Math.round(schedule.history(schedule.scales() - 1) * percent / 100f);
  }
}
