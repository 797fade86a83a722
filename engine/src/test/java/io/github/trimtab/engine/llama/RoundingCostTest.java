package io.github.trimtab.engine.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.checkpoint.JsonObject;
import io.github.trimtab.engine.text.TextTokenizer;
import io.github.trimtab.io.Safetensors;
import io.github.trimtab.io.SafetensorsWriter;
import io.github.trimtab.io.TensorInfo;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What INT8 rows cost, as the card says it. The weights before rounding were not kept, so the
 * errors of rounding are made once more: each weight is moved by a uniform number of half a step at
 * most, either way.
 */
class RoundingCostTest {

  private static final Path MODELS = Path.of("..", "models", "java-text");

  @TempDir Path folder;

  private static List<int[]> texts() throws IOException {
    TextTokenizer tokenizer = TextTokenizer.read(MODELS);
    List<int[]> texts = new ArrayList<>();
    for (String line : Files.readAllLines(MODELS.resolve("prompts.jsonl"))) {
      JsonObject prompt = JsonObject.parse("prompts.jsonl", line);
      if (prompt.text("domain").equals("java")) {
        int[] ids = tokenizer.encode(prompt.text("text"), false);
        texts.add(IntStream.concat(IntStream.of(0), IntStream.of(ids)).toArray());
      }
    }
    return texts;
  }

  /** Nats a token of each text. */
  private static double[] nats(Path model, List<int[]> texts) throws IOException {
    double[] nats = new double[texts.size()];
    try (LlamaTarget target =
        new LlamaTarget(
            LlamaModel.load(model),
            LlamaBackend.host(Backends.bestOnHost().kernels()),
            512,
            DType.F32)) {
      for (int i = 0; i < nats.length; i++) {
        int[] text = texts.get(i);
        float[][] logits = target.logits(text);
        for (int token = 1; token < text.length; token++) {
          nats[i] +=
              (logSumExp(logits[token - 1]) - logits[token - 1][text[token]]) / (text.length - 1);
        }
      }
    }
    return nats;
  }

  private static double logSumExp(float[] logits) {
    double highest =
        IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).max().orElseThrow();
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - highest);
    }
    return highest + Math.log(sum);
  }

  /** Moves the weights of an exported model. */
  private void move() throws IOException {
    SplittableRandom random = new SplittableRandom(1);
    Map<String, Tensor> moved = new TreeMap<>();
    try (Safetensors plain = Safetensors.open(folder.resolve("model.safetensors"));
        Safetensors stored =
            Safetensors.open(MODELS.resolve("target").resolve("model.safetensors"))) {
      for (TensorInfo info : plain.tensors()) {
        String name = info.name();
        Tensor from = plain.tensor(name);
        Tensor to = Tensor.allocate(DType.F32, from.shape());
        boolean isRounded = from.rank() == 2;
        Tensor scales = isRounded ? stored.tensor(name + "_scale") : from;
        for (long i = 0; i < from.elements(); i++) {
          float step = isRounded ? scales.floatAt(scales.offset(i / from.size(1))) : 0;
          float value = from.floatAt(from.offset() + i * Float.BYTES);
          to.setFloatAt(i * Float.BYTES, value + step * (random.nextFloat() - 0.5f));
        }
        moved.put(name, to);
      }
    }
    SafetensorsWriter.write(folder.resolve("moved.safetensors"), moved, Map.of());
    Files.move(
        folder.resolve("moved.safetensors"),
        folder.resolve("model.safetensors"),
        StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  void theCardSaysWhatRoundingCosts() throws IOException {
    List<int[]> texts = texts();
    double[] bundled = nats(MODELS.resolve("target"), texts);
    HuggingFaceExport.write(MODELS.resolve("target"), DType.F32, folder);
    move();
    double[] moved = nats(folder, texts);
    double mean = 0;
    for (int i = 0; i < bundled.length; i++) {
      mean += (moved[i] - bundled[i]) / bundled.length;
    }
    double squares = 0;
    for (int i = 0; i < bundled.length; i++) {
      double off = moved[i] - bundled[i] - mean;
      squares += off * off;
    }
    double error = Math.sqrt(squares / bundled.length / (bundled.length - 1));
    Matcher card =
        Pattern.compile("by (-?0\\.\\d+) ± (0\\.\\d+) nats a token")
            .matcher(Files.readString(MODELS.resolve("README.md")));
    assertThat(card.find()).as("%.6f ± %.6f", mean, error).isTrue();
    assertThat(Double.parseDouble(card.group(1))).isCloseTo(mean, within(1e-4));
    assertThat(Double.parseDouble(card.group(2))).isCloseTo(error, within(1e-4));
  }
}
