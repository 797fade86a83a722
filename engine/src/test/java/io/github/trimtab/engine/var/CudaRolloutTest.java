package io.github.trimtab.engine.var;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.cuda.Gpus;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.scalekv.BudgetRule;
import io.github.trimtab.scalekv.BudgetTable;
import io.github.trimtab.scalekv.ObservationWindow;
import io.github.trimtab.scalekv.ScaleKv;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.ScoringMode;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Codes and sums of whole pictures on a device against the host's, with caches that forget. */
@Tag("cuda")
final class CudaRolloutTest {

  /** Of a scale's largest logit; errors of F32 in two layers are a hundredth of it. */
  private static final double TIE = 1e-4;

  private static final int PERTURBATIONS = 4;

  @TempDir Path folder;

  private VarModel model;
  private Map<String, EvictionPolicy> policies;

  @BeforeEach
  void load() throws IOException {
    TinyModel.write(folder, 1, 2, 3, 4, 6);
    model = VarModel.load(folder);
    Schedule schedule = model.config().schedule();
    ObservationWindow window = new ObservationWindow(2, 2);
    BudgetTable budgets =
        new BudgetRule(schedule, 2, 10, Map.of(4, Set.of(1), 5, Set.of(1)), window.size())
            .released();
    policies =
        Map.of(
            "full",
            EvictionPolicy.full().storingNothingAt(4),
            "window",
            EvictionPolicy.slidingWindow(9).storingNothingAt(4),
            "scalekv",
            new ScaleKv(schedule, budgets, window, ScoringMode.OFFICIAL.scoring(1)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"full", "window", "scalekv"})
  void codesAreTheHostsExceptNearTies(String name) throws IOException {
    EvictionPolicy policy = Objects.requireNonNull(policies.get(name));
    try (Gpu gpu = Gpus.open();
        VarBackend device = new CudaVar(model, gpu);
        VarBackend host = VarBackend.host(model, Backends.bestOnHost().hostKernels())) {
      Recorder recorder = new Recorder(model.config());
      List<int[]> expected = draw(host.guided(), host, recorder, policy);
      List<int[]> actual = draw(device.guided(), device, recorder.sampler, policy);
      recorder.compare(expected, actual);
    }
  }

  /** A picture, with as many pages as the policy is forecast to need. */
  private static List<int[]> draw(
      Rollout rollout, VarBackend on, CodeChooser chooser, EvictionPolicy policy) {
    VarConfig.Transformer shape = on.model().config().transformer();
    PageLayout layout = new PageLayout(DType.F32, 16, shape.heads(), shape.headDim());
    PageForecast forecast =
        PageForecast.of(
            policy,
            layout,
            shape.depth(),
            2,
            shape.heads(),
            on.model().config().schedule().tokens());
    try (rollout;
        PagePool pool = on.pool(layout, forecast.peakPages());
        KvCache cache =
            new KvCache(
                on.kernels(), pool, shape.depth(), 2, shape.heads(), forecast.maxTokens())) {
      return rollout.run(1, chooser, new CachedAttention(cache, policy));
    }
  }

  /** Draws on the host and remembers the logits that codes were drawn from. */
  private static final class Recorder implements CodeChooser {
    private final VarConfig config;
    private final Sampler sampler;
    private final List<float[]> logits = new ArrayList<>();

    Recorder(VarConfig config) {
      this.config = config;
      sampler = new Sampler(config, new Noise(7, 0));
    }

    @Override
    public int[] choose(int scale, MemorySegment given, int tokens) {
      long bytes = 2L * tokens * config.codebookSize() * Float.BYTES;
      logits.add(given.asSlice(0, bytes).toArray(ValueLayout.JAVA_FLOAT));
      return sampler.choose(scale, given, tokens);
    }

    /**
     * Codes are equal where they stay the same under small changes of the logits, which most do.
     * From the scale after a difference on, the pictures are two.
     */
    void compare(List<int[]> expected, List<int[]> actual) {
      int compared = 0;
      int all = 0;
      boolean equal = true;
      for (int scale = 0; scale < expected.size(); scale++) {
        all += expected.get(scale).length;
        if (equal) {
          boolean[] tie = ties(scale, expected.get(scale));
          for (int token = 0; token < tie.length; token++) {
            int drawn = actual.get(scale)[token];
            equal &= drawn == expected.get(scale)[token];
            if (!tie[token]) {
              assertThat(drawn)
                  .as("scale " + scale + ", token " + token)
                  .isEqualTo(expected.get(scale)[token]);
              compared++;
            }
          }
        }
      }
      assertThat(compared).as("codes that are no ties").isGreaterThan(all * 9 / 10);
    }

    private boolean[] ties(int scale, int[] drawn) {
      float[] exact = logits.get(scale);
      float largest = 0;
      for (float logit : exact) {
        largest = Math.max(largest, Math.abs(logit));
      }
      boolean[] tie = new boolean[drawn.length];
      SplittableRandom random = new SplittableRandom(scale);
      for (int trial = 0; trial < PERTURBATIONS; trial++) {
        float[] changed = exact.clone();
        for (int i = 0; i < changed.length; i++) {
          changed[i] += (float) ((random.nextBoolean() ? TIE : -TIE) * largest);
        }
        int[] other = sampler.choose(scale, MemorySegment.ofArray(changed), drawn.length);
        for (int token = 0; token < tie.length; token++) {
          tie[token] |= other[token] != drawn[token];
        }
      }
      return tie;
    }
  }

  /** The third picture is replayed, and so is one of another class and other noise before it. */
  @ParameterizedTest
  @ValueSource(strings = {"full", "window", "scalekv"})
  void aReplayedPictureHasTheBitsOfADirectOne(String name) throws IOException {
    EvictionPolicy policy = Objects.requireNonNull(policies.get(name));
    VarConfig.Transformer shape = model.config().transformer();
    PageLayout layout = new PageLayout(DType.F32, 16, shape.heads(), shape.headDim());
    try (Gpu gpu = Gpus.open();
        VarBackend device = new CudaVar(model, gpu);
        Rollout rollout = device.guided();
        PagePool pool = device.pool(layout, 4 * (shape.depth() + 1) * 2);
        KvCache cache = new KvCache(device.kernels(), pool, shape.depth(), 2, shape.heads(), 64)) {
      CachedAttention attention = new CachedAttention(cache, policy);
      for (int picture = 0; picture < 3; picture++) {
        List<int[]> _ =
            rollout.run(picture % 2, new Sampler(model.config(), new Noise(9, picture)), attention);
        cache.clear();
      }
      Sampler sampler = new Sampler(model.config(), new Noise(7, 0));
      List<int[]> codes = rollout.run(1, sampler, attention);
      Rollout direct = device.guided();
      assertThat(draw(direct, device, sampler, policy)).usingRecursiveComparison().isEqualTo(codes);
      assertThat(rollout.sum()).isEqualTo(direct.sum());
      assertThat(pool.used()).isPositive();
    }
  }

  @Test
  void aPictureOfGivenCodesIsTheHosts() throws IOException {
    EvictionPolicy policy = Objects.requireNonNull(policies.get("full"));
    CodeChooser given =
        (scale, logits, tokens) -> {
          int[] codes = new int[tokens];
          Arrays.setAll(codes, i -> (scale + 5 * i) % model.config().codebookSize());
          return codes;
        };
    try (Gpu gpu = Gpus.open();
        VarBackend device = new CudaVar(model, gpu);
        VarBackend host = VarBackend.host(model, Backends.bestOnHost().hostKernels())) {
      Rollout expected = host.guided();
      Rollout actual = device.guided();
      List<int[]> codes = draw(expected, host, given, policy);
      assertThat(draw(actual, device, given, policy)).usingRecursiveComparison().isEqualTo(codes);
      assertThat(actual.sum()).containsExactly(expected.sum(), within(1e-5f));
    }
  }

  @Test
  void aCodeThatIsNoneIsRefused() throws IOException {
    EvictionPolicy policy = Objects.requireNonNull(policies.get("full"));
    try (Gpu gpu = Gpus.open();
        VarBackend device = new CudaVar(model, gpu)) {
      CodeChooser bad = (scale, logits, tokens) -> new int[] {model.config().codebookSize()};
      assertThatThrownBy(() -> draw(device.guided(), device, bad, policy))
          .hasMessageContaining(String.valueOf(model.config().codebookSize()));
    }
  }
}
