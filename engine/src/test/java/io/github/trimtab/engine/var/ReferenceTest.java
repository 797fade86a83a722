package io.github.trimtab.engine.var;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.image.Picture;
import io.github.trimtab.io.Safetensors;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PageForecast;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * The engine, its attention through the library's full cache, against {@code
 * reference.safetensors}: what PyTorch computed in F32 from the same weights, codes given.
 */
class ReferenceTest {

  private static final Path MODEL = Path.of("..", "models", "var-emoji");

  /** Logits may be off by this share of their scale's range. */
  private static final double LOGITS = 1e-3;

  /** Share of tokens whose largest logit must be the same code's. */
  private static final double ARGMAX = 0.999;

  @Test
  void teacherForcedLogitsAndPicturesAgree() throws IOException {
    VarModel model = VarModel.load(MODEL);
    EvictionPolicy policy =
        EvictionPolicy.full().storingNothingAt(model.config().schedule().scales() - 1);
    try (Safetensors reference = Safetensors.open(MODEL.resolve("reference.safetensors"));
        Painter painter = new Painter(model);
        PagePool pool = pool(model, policy);
        KvCache cache = cache(model, pool)) {
      Tensor labels = reference.tensor("labels");
      Comparison comparison = new Comparison(model.config(), reference);
      for (int picture = 0; picture < labels.size(0); picture++) {
        Drawing drawing =
            painter.draw(
                Math.toIntExact(labels.integerAt(labels.offset(picture))),
                comparison.of(picture),
                new CachedAttention(cache, policy));
        cache.clear();
        assertPicture(reference.bytes("images"), picture, drawing.picture());
      }
      comparison.check((int) labels.size(0));
    }
  }

  private static PagePool pool(VarModel model, EvictionPolicy policy) {
    VarConfig.Transformer shape = model.config().transformer();
    PageLayout layout = new PageLayout(DType.F32, 64, shape.heads(), shape.headDim());
    int[] tokens = model.config().schedule().tokens();
    return new PagePool(
        layout,
        PageForecast.of(policy, layout, shape.depth(), Rollout.rows(true), shape.heads(), tokens)
            .peakPages());
  }

  private static KvCache cache(VarModel model, PagePool pool) {
    VarConfig.Transformer shape = model.config().transformer();
    Kernels kernels = Backends.bestOnHost().hostKernels();
    int tokens = model.config().schedule().totalTokens();
    return new KvCache(kernels, pool, shape.depth(), Rollout.rows(true), shape.heads(), tokens);
  }

  /** Rounding may tip one value in a thousand over to its neighbour. */
  private static void assertPicture(MemorySegment images, int index, Picture actual) {
    long at = (long) index * actual.width() * actual.height() * 3;
    long sum = 0;
    for (int y = 0; y < actual.height(); y++) {
      for (int x = 0; x < actual.width(); x++) {
        for (int c = 0; c < 3; c++) {
          int expected = images.get(ValueLayout.JAVA_BYTE, at++) & 0xff;
          int difference = Math.abs(expected - actual.channel(x, y, c));
          assertTrue(difference <= 1, "picture " + index + " at " + x + "," + y);
          sum += difference;
        }
      }
    }
    assertTrue(
        sum < 1e-3 * 3 * actual.width() * actual.height(),
        "picture " + index + " is off by " + sum);
  }

  /** Returns the recorded codes, and compares the logits of both guidance rows as they come. */
  private static final class Comparison {
    private final VarConfig config;
    private final Safetensors reference;
    private final double[] worst;
    private final int[] equal;

    Comparison(VarConfig config, Safetensors reference) {
      this.config = config;
      this.reference = reference;
      worst = new double[config.schedule().scales()];
      equal = new int[config.schedule().scales()];
    }

    CodeChooser of(int picture) {
      return (scale, logits, tokens) -> {
        compare("", picture, scale, logits, tokens);
        compare("unconditional_", picture, scale, rows(logits, tokens, tokens), tokens);
        Tensor codes = reference.tensor("tokens");
        int start = config.schedule().history(scale);
        int[] chosen = new int[tokens];
        Arrays.setAll(chosen, i -> (int) codes.integerAt(codes.offset(picture, start + i)));
        return chosen;
      };
    }

    private MemorySegment rows(MemorySegment logits, int first, int count) {
      long bytes = (long) config.codebookSize() * Float.BYTES;
      return logits.asSlice(first * bytes, count * bytes);
    }

    private void compare(String row, int picture, int scale, MemorySegment logits, int tokens) {
      int start = config.schedule().history(scale);
      Tensor argmax = reference.tensor(row + "argmax");
      for (int token = 0; token < tokens; token++) {
        float[] actual = rows(logits, token, 1).toArray(ValueLayout.JAVA_FLOAT);
        int best = 0;
        for (int code = 1; code < actual.length; code++) {
          best = actual[code] > actual[best] ? code : best;
        }
        boolean same = best == argmax.integerAt(argmax.offset(picture, start + token));
        equal[scale] += same ? 1 : 0;
      }
      Tensor ranges = reference.tensor(row + "range");
      float low = ranges.floatAt(ranges.offset(picture, scale, 0));
      float high = ranges.floatAt(ranges.offset(picture, scale, 1));
      Tensor positions = reference.tensor(row + "positions");
      Tensor recorded = reference.tensor(row + "logits");
      for (int i = 0; i < positions.size(0); i++) {
        long token = positions.integerAt(positions.offset(i)) - start;
        if (token >= 0 && token < tokens) {
          float[] actual = rows(logits, (int) token, 1).toArray(ValueLayout.JAVA_FLOAT);
          for (int code = 0; code < actual.length; code++) {
            float expected = recorded.floatAt(recorded.offset(picture, i, code));
            double off = Math.abs(expected - actual[code]) / (high - low);
            worst[scale] = Math.max(worst[scale], off);
          }
        }
      }
    }

    void check(int pictures) {
      for (int scale = 0; scale < worst.length; scale++) {
        assertEquals(0, worst[scale], LOGITS, "worst logit of scale " + scale);
        int tokens = 2 * pictures * config.schedule().tokens(scale);
        assertTrue(
            equal[scale] >= ARGMAX * tokens,
            "scale " + scale + ": argmax of " + equal[scale] + " of " + tokens + " tokens");
      }
    }
  }
}
