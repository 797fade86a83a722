package io.github.trimtab.scalekv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every policy by its name, on one small model of noise. */
final class PoliciesTest {
  private static final Schedule SCHEDULE = Schedule.ofSides(1, 2, 4, 5, 6, 8);
  private static final int LAYERS = 4;
  private static final int ROWS = 2;
  private static final int HEADS = 2;
  private static final int DIM = 8;
  private static final int BUDGET = 24;

  private static final Policies.Setting SETTING =
      new Policies.Setting(
          SCHEDULE,
          LAYERS,
          HEADS,
          BUDGET,
          new ObservationWindow(2, 2),
          1,
          Map.of(5, Set.of(0), 6, Set.of(0, 1)),
          Sensitivity.at(0.1, rises()),
          mass(),
          9);

  private static double[][] rises() {
    double[][] rise = new double[LAYERS][SCHEDULE.scales()];
    for (int layer = 0; layer < LAYERS; layer++) {
      for (int scale = 2; scale < SCHEDULE.scales(); scale++) {
        rise[layer][scale] = 0.8 / (1 + layer);
      }
    }
    return rise;
  }

  private static HeadMass mass() {
    Random random = new Random(4);
    double[][][] mass = new double[LAYERS][HEADS][SCHEDULE.scales()];
    for (double[][] layer : mass) {
      for (double[] head : layer) {
        for (int scale = 0; scale + 1 < head.length; scale++) {
          head[scale] = random.nextDouble();
        }
      }
    }
    return new HeadMass(mass);
  }

  private static Tensor noise(int heads, int tokens, long seed) {
    Random random = new Random(seed);
    float[] values = new float[ROWS * heads * tokens * DIM];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return Tensor.wrap(values, ROWS, heads, tokens, DIM);
  }

  private static void draw(EvictionPolicy policy, KvCache cache) {
    for (int step = 0; step < SCHEDULE.scales(); step++) {
      int count = SCHEDULE.tokens(step);
      for (int layer = 0; layer < LAYERS; layer++) {
        Tensor k = noise(HEADS, count, 10L * step + layer);
        policy.store(cache, layer, step, noise(2 * HEADS, count, 500 + step), new NewTokens(k, k));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(Policies.class)
  void thePoolReachesTheForecastAndNoMoreAndTheBudgetIsMet(Policies kind) {
    for (int headsOfPage : kind.isHeadwise() ? new int[] {1} : new int[] {1, HEADS}) {
      EvictionPolicy policy = Policies.named(kind.id()).make(SETTING);
      PageLayout layout = new PageLayout(DType.INT8, 16, headsOfPage, DIM);
      PageForecast forecast =
          PageForecast.of(policy, layout, LAYERS, ROWS, HEADS, SCHEDULE.tokens());
      try (PagePool pool = new PagePool(layout, forecast.peakPages());
          KvCache cache =
              new KvCache(
                  Backends.named("vector").kernels(),
                  pool,
                  LAYERS,
                  ROWS,
                  HEADS,
                  forecast.maxTokens())) {
        // The second picture must find nothing of the first.
        for (int picture = 0; picture < 2; picture++) {
          draw(policy, cache);
          assertThat(pool.peak()).isEqualTo(forecast.peakPages());
          assertThat(pool.used()).isEqualTo(forecast.lastPages());
          meetsBudget(kind, cache);
          cache.clear();
          pool.resetPeak();
        }
      }
    }
  }

  /** The tokens of all layers and heads at the end: those of the uniform budget, or all. */
  private static void meetsBudget(Policies kind, KvCache cache) {
    long held = 0;
    for (int layer = 0; layer < LAYERS; layer++) {
      for (int head = 0; head < HEADS; head++) {
        held += cache.tokens(layer, 1, head);
      }
    }
    long budget = (long) LAYERS * HEADS * BUDGET;
    switch (kind) {
      case FULL -> assertThat(held).isEqualTo((long) LAYERS * HEADS * SCHEDULE.history(5));
      // Whole scales: what is left is smaller than the smallest map that competes.
      case HEAT_KV -> assertThat(held).isBetween(budget - 25, budget);
      default -> assertThat(held).isEqualTo(budget);
    }
  }

  @Test
  void namesAreFoundAndOthersRefused() {
    assertThat(Policies.named("snapkv")).isEqualTo(Policies.SNAP_KV);
    assertThatThrownBy(() -> Policies.named("best"))
        .hasMessageStartingWith("policy: best, expected one of [full, sliding-window,");
    Policies.Setting bare =
        new Policies.Setting(
            SCHEDULE, LAYERS, HEADS, BUDGET, new ObservationWindow(2, 2), 1, Map.of(), null, 9);
    assertThatThrownBy(() -> Policies.SENSITIVITY_KV.make(bare))
        .hasMessage("sensitivity: null, expected what was measured");
    assertThatThrownBy(() -> Policies.HEAT_KV.make(bare))
        .hasMessage("headMass: null, expected what was measured");
  }

  @Test
  void massIsMeasuredWhereHeadsLook() {
    Schedule schedule = Schedule.ofSides(1, 2, 3);
    HeadMass.Recorder recorder = new HeadMass.Recorder(schedule, 1, 1, 1);
    try (PagePool pool = new PagePool(new PageLayout(DType.F32, 16, 1, DIM), 10);
        KvCache cache = new KvCache(Backends.named("scalar").kernels(), pool, 1, 1, 1, 20)) {
      for (int step = 0; step < 3; step++) {
        int count = schedule.tokens(step);
        // Keys of step s point along axis s, and queries along the first.
        Tensor k = Tensor.wrap(new float[count * DIM], 1, 1, count, DIM);
        Tensor q = Tensor.wrap(new float[count * DIM], 1, 1, count, DIM);
        for (int i = 0; i < count; i++) {
          k.setFloatAt(k.offset(0, 0, i, step), 1);
          q.setFloatAt(q.offset(0, 0, i, 0), (float) Math.log(4));
        }
        recorder.store(cache, 0, step, q, new NewTokens(k, k));
      }
      assertThat(cache.tokens(0, 0)).isEqualTo(5);
    }
    // Weights 4 for the first token and 1 for others: 4 / 8, then 4 / 17; 4 / 17 of the second.
    HeadMass mass = recorder.mass();
    assertThat(mass.of(0, 0, 0)).isCloseTo((0.5 + 4.0 / 17) / 2, within(1e-6));
    assertThat(mass.of(0, 0, 1)).isCloseTo(4.0 / 17, within(1e-6));
    assertThat(mass.of(0, 0, 2)).isZero();
  }
}
