package io.github.trimtab.engine.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.trimtab.Backends;
import io.github.trimtab.io.Safetensors;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * The engine on the bundled models against {@code reference.safetensors}: what Hugging Face's Llama
 * computed in F32 from the same weights.
 */
class ReferenceTest {

  private static final Path MODELS = Path.of("..", "models", "java-text");
  private static final LlamaBackend HOST = LlamaBackend.host(Backends.bestOnHost().hostKernels());

  /** Logits may be off by this share of their place's range. */
  private static final double LOGITS = 1e-3;

  /** Share of places whose largest logit must be the same id's. */
  private static final double ARGMAX = 0.999;

  private static int[] integers(Safetensors reference, String name, int row, int from, int to) {
    Tensor tensor = reference.tensor(name);
    int[] values = new int[to - from];
    Arrays.setAll(values, i -> (int) tensor.integerAt(tensor.offset(row, from + i)));
    return values;
  }

  private static int[] integers(Safetensors reference, String name) {
    Tensor tensor = reference.tensor(name);
    int[] values = new int[(int) tensor.size(0)];
    Arrays.setAll(values, i -> (int) tensor.integerAt(tensor.offset(i)));
    return values;
  }

  @Test
  void targetAndDraftModelAgree() throws IOException {
    try (Safetensors reference = Safetensors.open(MODELS.resolve("reference.safetensors"))) {
      for (String name : new String[] {"target", "draft"}) {
        LlamaModel model = LlamaModel.load(MODELS.resolve(name));
        Comparison comparison = new Comparison(reference, name);
        try (LlamaTarget target = new LlamaTarget(model, HOST, 256, DType.F32)) {
          for (int row = 0; row < 8; row++) {
            comparison.add(row, target.logits(integers(reference, "tokens", row, 0, 128)));
          }
        }
        comparison.check();
      }
    }
  }

  @Test
  void greedyTextIsTheSame() throws IOException {
    LlamaModel model = LlamaModel.load(MODELS.resolve("target"));
    int vocabulary = model.config().vocabulary();
    try (Safetensors reference = Safetensors.open(MODELS.resolve("reference.safetensors"));
        LlamaTarget target = new LlamaTarget(model, HOST, 256, DType.F32)) {
      float[] logits = new float[vocabulary];
      for (int row = 0; row < 8; row++) {
        int[] prompt = integers(reference, "tokens", row, 0, 32);
        target.clear();
        target.prompt(Arrays.copyOf(prompt, 31));
        int last = prompt[31];
        int[] text = new int[64];
        for (int i = 0; i < 64; i++) {
          target.step(new int[] {last}, new int[] {-1}, 1, Tensor.wrap(logits, 1, vocabulary));
          target.keep(new int[] {0}, 1);
          last = best(logits);
          text[i] = last;
        }
        assertArrayEquals(integers(reference, "greedy.tokens", row, 0, 64), text, "row " + row);
      }
    }
  }

  private static void head(LlamaModel model, Tensor hidden, float[] logits) {
    Tensor result = Tensor.wrap(logits, 1, logits.length);
    HOST.head(hidden, model.head(), null, result, null, null, null);
  }

  @Test
  void eagleAgrees() throws IOException {
    LlamaModel model = LlamaModel.load(MODELS.resolve("target"));
    EagleModel eagle = EagleModel.load(MODELS.resolve("eagle"), model);
    int width = model.config().width();
    try (Safetensors reference = Safetensors.open(MODELS.resolve("reference.safetensors"));
        LlamaTarget target = new LlamaTarget(model, HOST, 256, DType.F32);
        EagleDrafter drafter =
            new EagleDrafter(eagle, target.model(), target.features(), HOST, 256, DType.F32)) {
      Comparison comparison = new Comparison(reference, "eagle");
      Tensor features = reference.tensor("eagle.features");
      for (int row = 0; row < 2; row++) {
        target.clear();
        drafter.clear();
        float[] recorded = new float[64 * width];
        for (int i = 0; i < recorded.length; i++) {
          recorded[i] = features.floatAt(features.offset(row, i / width, i % width));
        }
        float[][] rows = new float[64][];
        Tensor hidden = null;
        for (int place = 0; place < 64; place++) {
          target.features().add(Tensor.wrap(recorded, 64, width), place, 1);
          int[] token = integers(reference, "tokens", row, place + 1, place + 2);
          hidden = drafter.begin(new int[0], 0, token, 1);
          rows[place] = new float[model.config().vocabulary()];
          head(model, hidden, rows[place]);
        }
        comparison.add(row, rows);
        int[] drafted = new int[4];
        drafted[0] = best(rows[63]);
        for (int i = 1; i < 4; i++) {
          hidden = drafter.extend(new int[] {drafted[i - 1]}, new int[] {i - 2}, 1);
          head(model, hidden, rows[0]);
          drafted[i] = best(rows[0]);
        }
        assertArrayEquals(integers(reference, "eagle.drafted", row, 0, 4), drafted, "row " + row);
      }
      comparison.check();
    }
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int id = 1; id < logits.length; id++) {
      best = logits[id] > logits[best] ? id : best;
    }
    return best;
  }

  /** Compares logits at the recorded places and ids, and the largest one everywhere. */
  private static final class Comparison {
    private final String model;
    private final Tensor argmax;
    private final Tensor range;
    private final Tensor logits;
    private final int[] places;
    private final int[] ids;
    private double worst;
    private int equal;
    private int all;

    Comparison(Safetensors reference, String model) {
      this.model = model;
      argmax = reference.tensor(model + ".argmax");
      range = reference.tensor(model + ".range");
      logits = reference.tensor(model + ".logits");
      places = integers(reference, model + ".places");
      ids = integers(reference, "logit_ids");
    }

    void add(int row, float[][] actual) {
      for (int place = 0; place < actual.length; place++) {
        equal += best(actual[place]) == argmax.integerAt(argmax.offset(row, place)) ? 1 : 0;
        all++;
      }
      for (int i = 0; i < places.length; i++) {
        float low = range.floatAt(range.offset(row, places[i], 0));
        float high = range.floatAt(range.offset(row, places[i], 1));
        for (int j = 0; j < ids.length; j++) {
          float expected = logits.floatAt(logits.offset(row, i, j));
          double off = Math.abs(expected - actual[places[i]][ids[j]]) / (high - low);
          worst = Math.max(worst, off);
        }
      }
    }

    void check() {
      assertEquals(0, worst, LOGITS, "worst logit of " + model);
      assertTrue(equal >= ARGMAX * all, model + ": argmax of " + equal + " of " + all);
    }
  }
}
