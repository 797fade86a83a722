package io.github.trimtab.engine.demo;

import io.github.trimtab.engine.study.HeadBudgets;
import io.github.trimtab.engine.var.Calibration;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.BudgetTable;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.OutputCorrection;
import io.github.trimtab.scalekv.ScaleKv;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.ScoringMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One way to remember.
 *
 * @param id for file names
 * @param title for people
 * @param policy what it forgets; one cache at a time has it
 * @param headPages whether a page holds one head, since heads keep unlike many tokens
 * @param correction makes up for some of what is forgotten, if anything does
 */
public record DemoPolicy(
    String id,
    String title,
    EvictionPolicy policy,
    boolean headPages,
    @Nullable OutputCorrection correction) {

  /** Of pages that hold all heads, and outputs as they are. */
  private DemoPolicy(String id, String title, EvictionPolicy policy) {
    this(id, title, policy, false, null);
  }

  /** Few tokens, so that the smallest budget holds them and a choice besides. */
  private static final ObservationWindow WINDOW = new ObservationWindow(3, 3);

  /** The released code's scores, but of the model's own queries: closer here than the paper's. */
  private static final ScoringMode SCORING = ScoringMode.OFFICIAL;

  /** Layers whose history the others' is cut for. */
  private static final int DRAFTERS = 2;

  /**
   * The full cache, which all others are measured against, and those that forget.
   *
   * @param rows of a picture's batch
   * @param heads budgets of single heads and corrections of their outputs; a policy of theirs is
   *     there if they have a budget of 10 %
   */
  public static List<DemoPolicy> all(
      VarConfig config, Calibration calibration, int rows, HeadBudgets heads) {
    Schedule schedule = config.schedule();
    int last = schedule.scales() - 1;
    List<DemoPolicy> policies = new ArrayList<>();
    policies.add(
        new DemoPolicy("full", "Full cache", EvictionPolicy.full().storingNothingAt(last)));
    for (int percent : List.of(20, 10, 4)) {
      policies.add(scaleKv(config, calibration, percent));
    }
    int tenth = budget(schedule, 10);
    policies.add(
        new DemoPolicy(
            "window-10",
            "Sliding window 10 %",
            EvictionPolicy.slidingWindow(tenth).storingNothingAt(last)));
    if (heads.has(tenth)) {
      policies.add(
          new DemoPolicy(
              "sensitivitykv-compensated-10",
              "SensitivityKV 10 %",
              heads.policy(tenth, schedule, rows),
              true,
              heads.correction(tenth)));
    }
    return policies;
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
