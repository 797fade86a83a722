package io.github.trimtab.scalekv;

import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.H2o;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Every policy by its name, for one schedule and one budget. None stores the last scale.
 *
 * <p>They are starting points to compare with: a budget table, an observation and a scoring of
 * one's own go into {@link ScaleKv}.
 */
public enum Policies {
  /** Forgets nothing. */
  FULL("full"),
  /** The newest tokens. */
  SLIDING_WINDOW("sliding-window"),
  /** Four first tokens and the newest. */
  STREAMING_LLM("streaming-llm"),
  /** The newest tokens, and as many that all queries so far gave most attention. */
  H2O("h2o"),
  /** The map's last tokens judge; one budget for all layers. */
  SNAP_KV("snapkv"),
  /** SnapKV with budgets that fall with depth. */
  PYRAMID_KV("pyramidkv"),
  /** ScaleKV's selection as released, one budget for all layers. */
  UNIFORM("uniform"),
  /** ScaleKV's selection as released, heads' budgets by their measured attention to history. */
  HEAD_BUDGETS("head-budgets"),
  /** Whole scales kept or dropped for each head, by measured attention. */
  HEAT_KV("heatkv"),
  /** ScaleKV as released: its tables' rule and its scores. */
  SCALE_KV("scalekv"),
  /** ScaleKV's tables with the paper's scores. */
  SCALE_KV_PAPER("scalekv-paper"),
  /** Trimtab's: three times the budget for the two most sensitive layers; all queries judge. */
  SENSITIVITY_KV("sensitivitykv"),
  /** Trimtab's: budgets of least predicted loss; all queries judge. */
  SENSITIVITY_KV_LEAST_LOSS("sensitivitykv-least-loss"),
  /** Tokens at random. */
  RANDOM("random");

  private final String id;

  Policies(String id) {
    this.id = id;
  }

  /** The name on command lines and in records. */
  public String id() {
    return id;
  }

  /**
   * Whether it keeps unequal numbers of tokens in the heads of a layer: pages hold one head then.
   */
  public boolean isHeadwise() {
    return this == HEAD_BUDGETS || this == HEAT_KV;
  }

  /** A new policy of this kind; {@link #H2O} has a state, so that each cache needs its own. */
  public EvictionPolicy make(Setting s) {
    int last = s.schedule.scales() - 1;
    return switch (this) {
      case FULL -> EvictionPolicy.full().storingNothingAt(last);
      case SLIDING_WINDOW -> EvictionPolicy.slidingWindow(s.budget).storingNothingAt(last);
      case STREAMING_LLM ->
          EvictionPolicy.streamingLlm(Math.min(4, s.budget), s.budget).storingNothingAt(last);
      case H2O ->
          new H2o(s.budget - s.budget / 2, s.budget / 2, s.scale, Mask.NONE).storingNothingAt(last);
      case SNAP_KV -> s.scored(s.uniform(), s.lastTokens(), ScoringMode.PAPER);
      case PYRAMID_KV -> s.scored(s.pyramid(), s.lastTokens(), ScoringMode.PAPER);
      case UNIFORM -> s.scored(s.uniform(), s.window, ScoringMode.OFFICIAL);
      case HEAD_BUDGETS ->
          s.scored(
              s.attention().budgets(s.schedule, s.budget, s.window.size()),
              s.window,
              ScoringMode.OFFICIAL);
      case HEAT_KV -> new HeatKv(s.schedule, s.attention(), s.budget, HeatKv.FIRST_SCALES);
      case SCALE_KV -> s.scored(s.released(), s.window, ScoringMode.OFFICIAL);
      case SCALE_KV_PAPER -> s.scored(s.released(), s.window, ScoringMode.PAPER);
      case SENSITIVITY_KV -> SensitivityKv.policy(s.schedule, s.favouring(), s.scale);
      case SENSITIVITY_KV_LEAST_LOSS -> SensitivityKv.policy(s.schedule, s.leastLoss(), s.scale);
      case RANDOM -> EvictionPolicy.random(s.budget, s.seed).storingNothingAt(last);
    };
  }

  /**
   * The policy of a name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Policies named(String id) {
    List<String> ids = Arrays.stream(values()).map(Policies::id).toList();
    int place = ids.indexOf(id);
    if (place < 0) {
      throw new IllegalArgumentException("policy: " + id + ", expected one of " + ids);
    }
    return values()[place];
  }

  /**
   * What policies are made for.
   *
   * @param schedule the model's maps
   * @param layers of the model
   * @param heads key/value heads
   * @param budget tokens a layer and head on average, at least the window
   * @param window of ScaleKV; SnapKV and PyramidKV take as many last tokens
   * @param scale multiplies q.k
   * @param drafters of ScaleKV's tables, by scale number
   * @param sensitivity measured on calibration data, or null where no policy needs it
   * @param headMass measured on calibration data, or null where no policy needs it
   * @param seed of the random control
   */
  public record Setting(
      Schedule schedule,
      int layers,
      int heads,
      int budget,
      ObservationWindow window,
      float scale,
      Map<Integer, Set<Integer>> drafters,
      @Nullable Sensitivity sensitivity,
      @Nullable HeadMass headMass,
      long seed) {
    /** Without what head-wise policies need. */
    public Setting(
        Schedule schedule,
        int layers,
        int heads,
        int budget,
        ObservationWindow window,
        float scale,
        Map<Integer, Set<Integer>> drafters,
        @Nullable Sensitivity sensitivity,
        long seed) {
      this(schedule, layers, heads, budget, window, scale, drafters, sensitivity, null, seed);
    }

    private EvictionPolicy scored(Budgets budgets, Observation observation, ScoringMode mode) {
      return new ScaleKv(schedule, budgets, observation, mode.scoring(scale));
    }

    private Observation lastTokens() {
      return Observation.last(window.size());
    }

    private Budgets uniform() {
      return CapacityTable.uniform(schedule, layers, budget);
    }

    private Budgets pyramid() {
      return CapacityTable.pyramid(schedule, layers, budget, 20, window.size());
    }

    private Budgets released() {
      return new BudgetRule(schedule, layers, budget, drafters, window.size()).released();
    }

    private Budgets favouring() {
      int floor = BudgetRule.defaultFloor(budget, 1);
      return SensitivityKv.favouring(schedule, budget, measured(), 2, 3, floor);
    }

    private Budgets leastLoss() {
      return SensitivityKv.leastLoss(
          schedule, budget, measured(), BudgetRule.defaultFloor(budget, 1));
    }

    private Sensitivity measured() {
      return required("sensitivity", sensitivity);
    }

    private HeadMass attention() {
      HeadMass measured = required("headMass", headMass);
      if (measured.layers() != layers || measured.heads() != heads) {
        throw new IllegalArgumentException(
            "headMass: "
                + measured.layers()
                + " layers of "
                + measured.heads()
                + " heads, expected "
                + layers
                + " of "
                + heads);
      }
      return measured;
    }

    private static <T> T required(String name, @Nullable T measured) {
      if (measured == null) {
        throw new IllegalArgumentException(name + ": null, expected what was measured");
      }
      return measured;
    }
  }
}
