package io.github.trimtab.engine.var;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.cuda.Gpus;
import io.github.trimtab.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Codes drawn on a device against those that the host draws from the same logits. */
@Tag("cuda")
final class CudaSamplerTest {

  private static final int TOKENS = 24;

  /**
   * Equal ones: sums in double that differ in their last bits decide otherwise once in 10^13 draws.
   * Steps make ties.
   */
  @ParameterizedTest
  @CsvSource({
    "24, 0, 10, 0.9, 0",
    "24, 2, 10, 0.9, 0",
    "1024, 2.5, 300, 0.9, 0",
    "1000, 1, 100, 0.95, 0.5",
    "300, 4, 300, 0.7, 1",
    "300, 0, 1, 0.9, 0",
    "300, 0, 3, 0.9, 0.5",
    "77, 3, 1000, 1, 0",
    "77, 3, 1000, 0, 0.25",
    "40, 0, 40, 0.5, 100",
    "1, 1, 1, 0.5, 0",
    "5000, 1, 4000, 0.99, 0",
  })
  void codesAreTheHosts(int codes, float guidance, int topK, double topP, double step) {
    SplittableRandom random = new SplittableRandom(codes);
    float[] logits = new float[2 * TOKENS * codes];
    for (int i = 0; i < logits.length; i++) {
      double logit = 3 * random.nextGaussian();
      logits[i] = (float) (step == 0 ? logit : step * Math.rint(logit / step));
    }
    double[] uniform = random.doubles(TOKENS).toArray();
    uniform[0] = 0;
    uniform[1] = Math.nextDown(1.0);
    int[] expected = new int[TOKENS];
    float[] guided = new float[codes];
    for (int token = 0; token < TOKENS; token++) {
      for (int code = 0; code < codes; code++) {
        float with = logits[token * codes + code];
        float without = logits[(TOKENS + token) * codes + code];
        guided[code] = (1 + guidance) * with - guidance * without;
      }
      expected[token] = Sampler.draw(guided, topK, topP, uniform[token]);
    }
    assertArrayEquals(expected, draw(logits, uniform, codes, guidance, topK, topP));
  }

  private static int[] draw(
      float[] logits, double[] uniform, int codes, float guidance, int topK, double topP) {
    int[] drawn = new int[TOKENS];
    try (Gpu gpu = Gpus.open();
        DeviceArena memory = new DeviceArena(gpu.stream())) {
      Buffer numbers = memory.allocate((long) TOKENS * Double.BYTES);
      Buffer chosen = memory.allocate((long) TOKENS * Integer.BYTES);
      gpu.stream().memory().upload(MemorySegment.ofArray(uniform), numbers, 0);
      gpu.kernels()
          .sample(
              memory.copy(logits),
              TOKENS,
              codes,
              guidance,
              topK,
              topP,
              numbers.deviceAddress(),
              chosen.deviceAddress());
      gpu.stream().memory().download(chosen, 0, MemorySegment.ofArray(drawn));
    }
    return drawn;
  }
}
