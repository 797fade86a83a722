package io.github.trimtab.engine.var;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.checkpoint.Checkpoint;
import io.github.trimtab.engine.checkpoint.RandomWeights;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.Schedule;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Official names and shapes at depth 2 ({@link OfficialWeights} says what is smaller). */
class OfficialVarTest {

  /** Of the largest logit: F32 sums against double. */
  private static final double TOLERANCE = 1e-4;

  @TempDir Path folder;

  private VarModel load(RandomWeights transformer, RandomWeights tokenizer) throws IOException {
    transformer.write(folder.resolve("transformer.safetensors"));
    tokenizer.write(folder.resolve("tokenizer.safetensors"));
    return VarModel.load(folder);
  }

  @ParameterizedTest
  @CsvSource({"680, false, F32", "680, false, F16", "2240, true, BF16"})
  void logitsAgreeWithPlainDoubles(int positions, boolean shared, DType dtype) throws IOException {
    RandomWeights weights = OfficialWeights.transformer(dtype, positions, shared);
    VarModel model = load(weights, OfficialWeights.tokenizer());
    Schedule schedule = positions == 680 ? Schedule.VAR_256 : Schedule.VAR_512;
    assertEquals(schedule, model.config().schedule());
    assertEquals(positions == 680 ? 256 : 512, model.config().imageSize());
    assertEquals(OfficialWeights.CLASSES, model.classNames().size());
    int label = 3;
    PlainVar[] plain = {
      new PlainVar(weights, schedule, shared, label),
      new PlainVar(weights, schedule, shared, OfficialWeights.CLASSES)
    };
    Transformer transformer = model.transformer();
    var condition = transformer.condition(label, OfficialWeights.CLASSES);
    try (Workspace work = new Workspace(model.config(), 2, Buffer::allocate);
        PagePool pool = new PagePool(new PageLayout(DType.F32, 64, 2, 64), 16);
        KvCache cache = new KvCache(Backends.bestOnHost().hostKernels(), pool, 2, 2, 2, 256)) {
      Attention attention = new CachedAttention(cache, EvictionPolicy.full());
      float[] sum = model.tokenizer().blank();
      transformer.begin(condition, work);
      for (int scale = 0; scale < 5; scale++) {
        float[] map = scale == 0 ? new float[0] : model.tokenizer().resize(sum, scale);
        if (scale > 0) {
          transformer.embed(scale, map, work);
        }
        transformer.predict(scale, condition, attention, work);
        int tokens = schedule.tokens(scale);
        for (int row = 0; row < 2; row++) {
          compare(plain[row].predict(scale, map), work, row * tokens);
        }
        int[] codes = new int[tokens];
        Arrays.setAll(codes, i -> 7 * i % OfficialWeights.CODES);
        model.tokenizer().add(scale, codes, sum);
      }
    }
  }

  private static void compare(double[][] expected, Workspace work, int firstRow) {
    double largest = 0;
    double worst = 0;
    for (int token = 0; token < expected.length; token++) {
      for (int code = 0; code < OfficialWeights.CODES; code++) {
        long at = (long) (firstRow + token) * OfficialWeights.CODES + code;
        float actual = work.logits().segment().getAtIndex(ValueLayout.JAVA_FLOAT, at);
        largest = Math.max(largest, Math.abs(expected[token][code]));
        worst = Math.max(worst, Math.abs(expected[token][code] - actual));
      }
    }
    assertTrue(worst < TOLERANCE * largest, worst + " of " + largest);
  }

  @Test
  void buffersAndEncoderAreNotNeeded() throws IOException {
    RandomWeights transformer = OfficialWeights.transformer(DType.F32, 680, false);
    transformer.remove("lvl_1L").remove("attn_bias_for_masking");
    transformer.remove("blocks.0.attn.zero_k_bias").remove("blocks.1.attn.zero_k_bias");
    RandomWeights tokenizer = OfficialWeights.tokenizer();
    tokenizer.remove("quantize.ema_vocab_hit_SV").remove("encoder.conv_in.weight");
    VarModel model = load(transformer, tokenizer);
    assertEquals(2, model.config().transformer().depth());
    try (DecoderBuffers buffers = model.decoder().buffers()) {
      assertEquals(256, model.decoder().decode(model.tokenizer().blank(), buffers).width());
    }
  }

  private void refused(
      Consumer<RandomWeights> transformer, Consumer<RandomWeights> tokenizer, String... named) {
    RandomWeights t = OfficialWeights.transformer(DType.F32, 680, false);
    RandomWeights v = OfficialWeights.tokenizer();
    transformer.accept(t);
    tokenizer.accept(v);
    var e = assertThrows(IllegalArgumentException.class, () -> load(t, v));
    for (String part : named) {
      assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
    }
  }

  @Test
  void whatIsMissingOrDoesNotFitIsNamed() {
    Consumer<RandomWeights> same = w -> {};
    refused(w -> w.remove("pos_1LC"), same, "pos_1LC: missing, expected [1, positions, width]");
    refused(w -> w.add("pos_1LC", 1, 1, 681, 128), same, "681 positions", "680", "2240");
    refused(w -> w.add("word_embed.weight", 1, 100, 8), same, "width 100", "multiple of 64");
    refused(w -> w.add("word_embed.weight", 1, 192, 8), same, "2 blocks, expected 3");
    refused(w -> w.add("blocks.2.attn.q_bias", 1, 128), same, "3 blocks, expected 2");
    refused(w -> w.add("blocks.x.attn.q_bias", 1, 128), same, "blocks.x", "expected a number");
    refused(w -> w.add("class_emb.weight", 1, 1, 128), same, "class_emb.weight");
    refused(w -> w.add("head.weight", 1, 64), same, "head.weight: shape [64]");
    refused(w -> w.remove("blocks.1.ada_lin.1.bias"), same, "blocks.1.ada_lin.1.bias");
    refused(
        w -> w.add("blocks.1.attn.mat_qkv.weight", 1, 384, 64),
        same,
        "blocks.1.attn.mat_qkv.weight",
        "[384, 128]");
    refused(
        w -> w.put("pos_start", Tensor.allocate(DType.I64, 1, 1, 128)),
        same,
        "pos_start",
        "expected floats");
    refused(same, w -> w.remove("decoder.up.4.attn.2.qkv.weight"), "decoder.up.4.attn.2.qkv");
    refused(same, w -> w.add("decoder.up.0.block.0.conv1.weight", 1, 40, 32, 3, 3), "40 channels");
    refused(
        same,
        w -> w.add("quantize.embedding.weight", 1, 32, 8),
        "quantize.embedding.weight",
        "[64, 8]");
  }

  /** One channel a group: after the norm each channel has mean 0 and deviation 1. */
  @Test
  void theDecodersAttentionAgreesWithPlainDoubles() throws IOException {
    int channels = 32;
    int side = 4;
    RandomWeights weights = new RandomWeights(DType.F32);
    OfficialWeights.attention(weights, "a", channels);
    weights.add("x", 1, (long) side * side, channels);
    Path file = folder.resolve("attention.safetensors");
    weights.write(file);
    var shape = new VarConfig.Tokenizer(8, List.of(), 0.5f, List.of(channels), 3, true, 32, 1e-6f);
    double[][] expected = PlainMapAttention.apply(weights, channels, side * side);
    try (var checkpoint = new Checkpoint(file);
        DecoderBuffers buffers = new DecoderBuffers(3L * channels * side * side)) {
      double[] x = weights.doubles("x");
      for (int i = 0; i < x.length; i++) {
        buffers.current().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) x[i]);
      }
      new MapAttention(checkpoint, "a", shape, channels).apply(side, buffers);
      for (int i = 0; i < x.length; i++) {
        float actual = buffers.current().getAtIndex(ValueLayout.JAVA_FLOAT, i);
        assertEquals(expected[i / channels][i % channels], actual, 1e-4);
      }
    }
  }
}
