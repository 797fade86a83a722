package io.github.trimtab.engine.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.cuda.Gpus;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.DraftModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Logits and hidden vectors of a device and of the host, against plain doubles. */
@Tag("cuda")
final class CudaLlamaTest {

  private static final int V = TinyLlama.TARGET.vocabulary();

  @TempDir Path folder;

  private static LlamaBackend host() {
    return LlamaBackend.host(Backends.bestOnHost().hostKernels());
  }

  /** Both compute in F32, in another order; one model's errors say little of another's. */
  @ParameterizedTest
  @CsvSource({"F32,true,false", "F16,false,false", "BF16,false,true", "INT8,true,true"})
  void theErrorOfTargetsIsAtMostTwiceTheHosts(DType format, boolean tied, boolean scaled)
      throws IOException {
    String scaling = scaled ? TinyLlama.ROPE_SCALING : "null";
    String head = tied ? "model.embed_tokens.weight" : "lm_head.weight";
    List<Double> exact = new ArrayList<>();
    List<Double> actual = new ArrayList<>();
    try (Gpu gpu = Gpus.open();
        LlamaBackend device = new CudaLlama(gpu)) {
      for (int seed = 5; seed < 10; seed++) {
        Map<String, double[][]> weights =
            TinyLlama.write(folder, TinyLlama.TARGET, format, tied, scaling, seed);
        PlainLlama plain = new PlainLlama(weights, TinyLlama.TARGET, scaled);
        LlamaModel model = LlamaModel.load(folder);
        exact.addAll(error(plain, head, logits(model, host())));
        actual.addAll(error(plain, head, logits(model, device)));
      }
    }
    assertThat(rms(actual)).isLessThanOrEqualTo(2 * rms(exact));
  }

  private static double rms(List<Double> errors) {
    return Math.sqrt(errors.stream().mapToDouble(e -> e * e).sum() / errors.size());
  }

  /** Longer than what a target reads at once. */
  private static final int LENGTH = 140;

  private static final int[] PROMPT = LlamaModelTest.text(LENGTH, 1);
  private static final int[] NODES = LlamaModelTest.text(7, 3);
  private static final int[] PARENTS = {-1, 0, 0, 1, 2, 2, 5};
  private static final int[] PATH = {0, 2, 5};
  private static final int[] CHAIN = LlamaModelTest.text(4, 4);

  /** Logits of a tree, then of a chain behind one of its paths, then of a token. */
  private static float[] logits(LlamaModel model, LlamaBackend on) {
    try (LlamaTarget target = new LlamaTarget(model, on, 160, DType.F32)) {
      return logits(target, PROMPT);
    }
  }

  private static float[] logits(LlamaTarget target, int[] prompt) {
    float[] all = new float[12 * V];
    Tensor rows = Tensor.wrap(all, 12, V);
    target.clear();
    target.prompt(prompt);
    target.step(NODES, PARENTS, 7, rows.narrow(0, 0, 7));
    target.keep(PATH, 3);
    target.step(CHAIN, LlamaModelTest.chain(4), 4, rows.narrow(0, 7, 4));
    target.keep(new int[] {0, 1}, 2);
    target.step(new int[] {9}, LlamaModelTest.chain(1), 1, rows.narrow(0, 11, 1));
    return all;
  }

  private static List<Double> error(PlainLlama plain, String head, float[] logits) {
    int[] text = Arrays.copyOf(PROMPT, LENGTH + 7);
    int[] parents = LlamaModelTest.chain(LENGTH + 7);
    for (int i = 0; i < 7; i++) {
      text[LENGTH + i] = NODES[i];
      parents[LENGTH + i] = i == 0 ? LENGTH - 1 : LENGTH + PARENTS[i];
    }
    List<double[]> features = new ArrayList<>();
    features.addAll(Arrays.asList(plain.features(text, parents)).subList(LENGTH, LENGTH + 7));
    int[] kept = Arrays.copyOf(PROMPT, LENGTH + 7);
    for (int i = 0; i < 3; i++) {
      kept[LENGTH + i] = NODES[PATH[i]];
    }
    System.arraycopy(CHAIN, 0, kept, LENGTH + 3, 4);
    features.addAll(
        Arrays.asList(plain.features(kept, LlamaModelTest.chain(LENGTH + 7)))
            .subList(LENGTH + 3, LENGTH + 7));
    kept[LENGTH + 5] = 9;
    features.add(
        plain
            .features(Arrays.copyOf(kept, LENGTH + 6), LlamaModelTest.chain(LENGTH + 6))[
            LENGTH + 5]);
    List<Double> errors = new ArrayList<>();
    for (int row = 0; row < 12; row++) {
      double[] exact = plain.logits(features.get(row), head);
      for (int id = 0; id < V; id++) {
        errors.add(logits[row * V + id] - exact[id]);
      }
    }
    return errors;
  }

  /** A text of another length was written before, so that its steps are replayed in this one. */
  @Test
  void aReplayedStepHasTheBitsOfADirectOne() throws IOException {
    TinyLlama.write(folder, TinyLlama.TARGET, DType.INT8, true, "null", 3);
    LlamaModel model = LlamaModel.load(folder);
    try (Gpu gpu = Gpus.open();
        LlamaBackend device = new CudaLlama(gpu);
        LlamaTarget target = new LlamaTarget(model, device, 160, DType.F32)) {
      for (int length = 33; length > 30; length--) {
        float[] _ = logits(target, LlamaModelTest.text(length, length));
      }
      float[] replayed = logits(target, PROMPT);
      assertThat(replayed).isEqualTo(logits(model, device));
    }
  }

  @Test
  void theErrorOfDraftersIsAtMostTwiceTheHosts() throws IOException {
    List<Double> exact = new ArrayList<>();
    List<Double> actual = new ArrayList<>();
    try (Gpu gpu = Gpus.open();
        LlamaBackend device = new CudaLlama(gpu)) {
      for (int seed = 3; seed < 6; seed++) {
        Path small = folder.resolve("draft");
        PlainLlama plainDraft =
            new PlainLlama(
                TinyLlama.write(small, TinyLlama.DRAFT, DType.BF16, true, "null", seed),
                TinyLlama.DRAFT,
                false);
        LlamaModel draft = LlamaModel.load(small);
        List<double[]> own = exact(plainDraft);
        exact.addAll(errors(hidden(draft, host()), own));
        actual.addAll(errors(hidden(draft, device), own));
        PlainLlama plain =
            new PlainLlama(
                TinyLlama.write(folder, TinyLlama.TARGET, DType.INT8, true, "null", seed),
                TinyLlama.TARGET,
                false);
        Path joining = folder.resolve("eagle");
        PlainLlama plainEagle =
            new PlainLlama(
                TinyLlama.writeEagle(joining, TinyLlama.EAGLE, DType.INT8, seed),
                TinyLlama.EAGLE,
                false);
        LlamaModel model = LlamaModel.load(folder);
        EagleModel eagle = EagleModel.load(joining, model);
        List<double[]> joined = exact(plain, plainEagle);
        exact.addAll(errors(hidden(eagle, model, host()), joined));
        actual.addAll(errors(hidden(eagle, model, device), joined));
      }
    }
    assertThat(rms(exact)).isLessThan(1e-5);
    assertThat(rms(actual)).isLessThanOrEqualTo(2 * rms(exact));
  }

  private static List<Double> errors(float[] vectors, List<double[]> exact) {
    double[] all = exact.stream().flatMapToDouble(Arrays::stream).toArray();
    return IntStream.range(0, all.length).mapToObj(i -> vectors[i] - all[i]).toList();
  }

  /** What {@link #rounds} sees of a model of its own. */
  private static List<double[]> exact(PlainLlama plain) {
    // 7 and 8 follow the prompt, 9 and 10 follow 8, 5 follows 10.
    int[] parents = LlamaModelTest.chain(LENGTH + 5);
    parents[LENGTH + 1] = LENGTH - 1;
    parents[LENGTH + 2] = LENGTH + 1;
    parents[LENGTH + 3] = LENGTH + 1;
    double[][] tree = plain.features(DrafterTest.concat(PROMPT, 7, 8, 9, 10, 5), parents);
    double[][] next =
        plain.features(DrafterTest.concat(PROMPT, 8, 10, 11), LlamaModelTest.chain(LENGTH + 3));
    List<double[]> vectors = new ArrayList<>(Arrays.asList(tree).subList(LENGTH - 1, LENGTH + 5));
    vectors.add(next[LENGTH + 2]);
    return vectors;
  }

  /** What {@link #rounds} sees of a drafter on the target's features, then on its own. */
  private static List<double[]> exact(PlainLlama plain, PlainLlama eagle) {
    double[] root = DrafterTest.expected(plain, eagle, PROMPT)[LENGTH - 2];
    double[] eight = DrafterTest.drafted(plain, eagle, PROMPT, new int[] {8}, root);
    int[] chain = {8, 10, 5};
    double[] ten = DrafterTest.drafted(plain, eagle, PROMPT, Arrays.copyOf(chain, 2), root, eight);
    int[] text = DrafterTest.concat(PROMPT, 8, 10, 11);
    return List.of(
        root,
        DrafterTest.drafted(plain, eagle, PROMPT, new int[] {7}, root),
        eight,
        DrafterTest.drafted(plain, eagle, PROMPT, new int[] {8, 9}, root, eight),
        ten,
        DrafterTest.drafted(plain, eagle, PROMPT, chain, root, eight, ten),
        DrafterTest.expected(plain, eagle, text)[LENGTH + 1]);
  }

  private static float[] hidden(LlamaModel draft, LlamaBackend on) {
    try (LlamaDrafter drafter = new LlamaDrafter(draft, on, 160, DType.F32)) {
      drafter.prompt(Arrays.copyOf(PROMPT, LENGTH - 1));
      Vectors vectors = new Vectors(on);
      rounds(drafter, vectors, new int[] {1, 3}, 2, () -> {});
      return vectors.toArray();
    }
  }

  private static float[] hidden(EagleModel eagle, LlamaModel model, LlamaBackend on) {
    try (LlamaTarget target = new LlamaTarget(model, on, 160, DType.F32);
        EagleDrafter drafter =
            new EagleDrafter(eagle, model, target.features(), on, 160, DType.F32)) {
      target.prompt(Arrays.copyOf(PROMPT, LENGTH - 1));
      drafter.prompt(Arrays.copyOf(PROMPT, LENGTH - 1));
      Vectors vectors = new Vectors(on);
      Runnable step =
          () -> {
            int[] tokens = {PROMPT[LENGTH - 1], 8, 10, 11};
            target.step(tokens, LlamaModelTest.chain(4), 4, Tensor.allocate(DType.F32, 4, V));
            target.keep(new int[] {0, 1, 2}, 3);
          };
      rounds(drafter, vectors, new int[] {1}, 1, step);
      return vectors.toArray();
    }
  }

  /** A round of two levels, and the root of the next one. */
  private static void rounds(
      DraftModel drafter, Vectors vectors, int[] kept, int count, Runnable between) {
    vectors.add(drafter.begin(new int[0], 0, new int[] {PROMPT[LENGTH - 1]}, 1));
    vectors.add(drafter.extend(new int[] {7, 8}, new int[] {-1, -1}, 2));
    vectors.add(drafter.extend(new int[] {9, 10}, new int[] {1, 1}, 2));
    vectors.add(drafter.extend(new int[] {5}, new int[] {3}, 1));
    between.run();
    vectors.add(drafter.begin(kept, count, new int[] {8, 10, 11}, 3));
  }

  private static final class Vectors {
    private final LlamaBackend on;
    private final List<Float> all = new ArrayList<>();

    Vectors(LlamaBackend on) {
      this.on = on;
    }

    void add(Tensor hidden) {
      float[] values = new float[(int) hidden.elements()];
      on.memory().download(hidden.buffer(), hidden.offset(), MemorySegment.ofArray(values));
      for (float value : values) {
        all.add(value);
      }
    }

    float[] toArray() {
      float[] array = new float[all.size()];
      for (int i = 0; i < array.length; i++) {
        array[i] = all.get(i);
      }
      return array;
    }
  }

  /** On a device, a bad row of a table would be read without a word. */
  @Test
  void aTokenThatIsNoneIsRefused() throws IOException {
    TinyLlama.write(folder, TinyLlama.TARGET, DType.INT8, true, "null", 3);
    try (Gpu gpu = Gpus.open();
        LlamaBackend device = new CudaLlama(gpu);
        LlamaTarget target = new LlamaTarget(LlamaModel.load(folder), device, 160, DType.F32)) {
      for (int token : new int[] {-1, V}) {
        assertThatThrownBy(() -> target.prompt(new int[] {5, token}))
            .hasMessage("token: " + token + ", expected 0 to 96");
      }
      assertThat(target.position()).isZero();
    }
  }
}
