package io.github.trimtab.engine.llama;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DrafterTest {

  private static final LlamaBackend HOST = LlamaBackend.host(Backends.bestOnHost().hostKernels());
  private static final int V = TinyLlama.TARGET.vocabulary();

  @TempDir Path folder;

  private static void assertHidden(double[] expected, Tensor hidden, int row, String what) {
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], hidden.floatAt(hidden.offset(row, i)), 1e-5, what);
    }
  }

  static int[] concat(int[] a, int... b) {
    int[] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }

  @Test
  void aModelOfItsOwnKeepsWhatWasAccepted() throws IOException {
    PlainLlama plain =
        new PlainLlama(
            TinyLlama.write(folder, TinyLlama.DRAFT, DType.INT8, true, "null", 3),
            TinyLlama.DRAFT,
            false);
    int[] prompt = LlamaModelTest.text(150, 1);
    try (LlamaDrafter drafter = new LlamaDrafter(LlamaModel.load(folder), HOST, 160, DType.F32)) {
      drafter.prompt(Arrays.copyOf(prompt, 148));
      Tensor root = drafter.begin(new int[0], 0, new int[] {prompt[148], prompt[149]}, 2);
      double[][] features = plain.features(prompt, LlamaModelTest.chain(150));
      assertHidden(features[149], root, 0, "root");
      // 7 and 8 follow the root, 9 and 10 follow 8
      int[] parents = LlamaModelTest.chain(154);
      parents[150] = 149;
      parents[151] = 149;
      parents[152] = 151;
      parents[153] = 151;
      double[][] tree = plain.features(concat(prompt, 7, 8, 9, 10), parents);
      Tensor first = drafter.extend(new int[] {7, 8}, new int[] {-1, -1}, 2);
      assertHidden(tree[150], first, 0, "node 0");
      assertHidden(tree[151], first, 1, "node 1");
      Tensor second = drafter.extend(new int[] {9, 10}, new int[] {1, 1}, 2);
      assertHidden(tree[152], second, 0, "node 2");
      assertHidden(tree[153], second, 1, "node 3");
      Tensor next = drafter.begin(new int[] {1, 3}, 2, new int[] {8, 10, 11, 12}, 4);
      int[] text = concat(prompt, 8, 10, 11, 12);
      assertHidden(
          plain.features(text, LlamaModelTest.chain(154))[153], next, 0, "root of the next round");
    }
  }

  @Test
  void eagleBuildsOnTheTargetsFeaturesAndThenOnItsOwn() throws IOException {
    Map<String, double[][]> weights =
        TinyLlama.write(folder, TinyLlama.TARGET, DType.INT8, true, "null", 3);
    PlainLlama plain = new PlainLlama(weights, TinyLlama.TARGET, false);
    Path eagleFolder = folder.resolve("eagle");
    PlainLlama plainEagle =
        new PlainLlama(
            TinyLlama.writeEagle(eagleFolder, TinyLlama.EAGLE, DType.BF16, 4),
            TinyLlama.EAGLE,
            false);
    int[] prompt = LlamaModelTest.text(30, 1);
    LlamaModel model = LlamaModel.load(folder);
    try (LlamaTarget target = new LlamaTarget(model, HOST, 160, DType.F32);
        EagleDrafter drafter =
            new EagleDrafter(
                EagleModel.load(eagleFolder, model),
                model,
                target.features(),
                HOST,
                160,
                DType.F32)) {
      target.prompt(Arrays.copyOf(prompt, 29));
      drafter.prompt(Arrays.copyOf(prompt, 29));
      Tensor root = drafter.begin(new int[0], 0, new int[] {prompt[29]}, 1);
      assertHidden(expected(plain, plainEagle, prompt)[28], root, 0, "root");
      double[] feature = expected(plain, plainEagle, prompt)[28];
      // 7 and 8 follow the root, 9 follows 8
      Tensor first = drafter.extend(new int[] {7, 8}, new int[] {-1, -1}, 2);
      double[] eight = drafted(plain, plainEagle, prompt, new int[] {8}, feature);
      assertHidden(eight, first, 1, "node 1");
      Tensor second = drafter.extend(new int[] {9}, new int[] {1}, 1);
      assertHidden(
          drafted(plain, plainEagle, prompt, new int[] {8, 9}, feature, eight),
          second,
          0,
          "node 2");
      int[] nodes = {prompt[29], 7, 8, 9};
      float[] logits = new float[4 * V];
      target.step(nodes, new int[] {-1, 0, 0, 2}, 4, Tensor.wrap(logits, 4, V));
      target.keep(new int[] {0, 2}, 2);
      Tensor next = drafter.begin(new int[] {1}, 1, new int[] {8, 20}, 2);
      assertHidden(
          expected(plain, plainEagle, concat(prompt, 8, 20))[30], next, 0, "the next round");
    }
  }

  /** Features of all places of a text: each pairs a token with the target's feature before it. */
  static double[][] expected(PlainLlama plain, PlainLlama eagle, int[] text) {
    double[][] features = plain.features(text, LlamaModelTest.chain(text.length));
    return run(plain, eagle, Arrays.copyOfRange(text, 1, text.length), features);
  }

  /** The same with drafted tokens behind, which pair with the drafter's own features. */
  static double[] drafted(
      PlainLlama plain, PlainLlama eagle, int[] text, int[] tokens, double[]... own) {
    double[][] features =
        Arrays.copyOf(
            plain.features(text, LlamaModelTest.chain(text.length)), text.length - 1 + own.length);
    System.arraycopy(own, 0, features, text.length - 1, own.length);
    int[] paired = concat(Arrays.copyOfRange(text, 1, text.length), tokens);
    double[][] result = run(plain, eagle, paired, features);
    return result[result.length - 1];
  }

  private static double[][] run(
      PlainLlama plain, PlainLlama eagle, int[] tokens, double[][] features) {
    double[][] embeddings = new double[tokens.length][];
    Arrays.setAll(embeddings, i -> plain.embedding(tokens[i]));
    return eagle.eagle(
        embeddings, Arrays.copyOf(features, tokens.length), LlamaModelTest.chain(tokens.length));
  }
}
