package io.github.trimtab.engine.var;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.github.trimtab.Backends;
import io.github.trimtab.engine.checkpoint.RandomWeights;
import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.cuda.Gpus;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.scalekv.Schedule;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Logits of given codes on a device and on the host, both against plain doubles. */
@Tag("cuda")
final class CudaTransformerTest {

  private static final int SCALES = 5;
  private static final int LABEL = 3;
  private static final Schedule SCHEDULE = Schedule.VAR_256;

  @TempDir Path folder;

  /** Both compute in F32, in another order. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theErrorIsAtMostTwiceTheHosts(boolean shared) throws IOException {
    RandomWeights weights = OfficialWeights.transformer(DType.F32, 680, shared);
    weights.write(folder.resolve("transformer.safetensors"));
    OfficialWeights.tokenizer().write(folder.resolve("tokenizer.safetensors"));
    VarModel model = VarModel.load(folder);
    PlainVar[] plain = {
      new PlainVar(weights, SCHEDULE, shared, LABEL),
      new PlainVar(weights, SCHEDULE, shared, OfficialWeights.CLASSES)
    };
    double hostSquares = 0;
    double deviceSquares = 0;
    try (Host host = new Host(model);
        Device device = new Device(model)) {
      for (int scale = 0; scale < SCALES; scale++) {
        float[] map = scale == 0 ? new float[0] : host.resize(scale);
        if (scale > 0) {
          assertArrayEquals(map, device.resize(scale, map.length), 1e-5f, "map of " + scale);
        }
        float[] expected = host.predict(scale, map);
        float[] actual = device.predict(scale, map);
        int tokens = SCHEDULE.tokens(scale);
        for (int row = 0; row < 2; row++) {
          double[][] exact = plain[row].predict(scale, map);
          for (int token = 0; token < tokens; token++) {
            for (int code = 0; code < OfficialWeights.CODES; code++) {
              int at = (row * tokens + token) * OfficialWeights.CODES + code;
              hostSquares += Math.pow(expected[at] - exact[token][code], 2);
              deviceSquares += Math.pow(actual[at] - exact[token][code], 2);
            }
          }
        }
        int[] codes = new int[tokens];
        Arrays.setAll(codes, i -> 7 * i % OfficialWeights.CODES);
        host.add(scale, codes);
        device.add(scale, codes);
      }
    }
    assertThat(Math.sqrt(deviceSquares)).isLessThanOrEqualTo(2 * Math.sqrt(hostSquares));
  }

  private static KvCache cache(Kernels kernels, PagePool pool) {
    return new KvCache(kernels, pool, 2, 2, 2, 256);
  }

  private static PageLayout layout() {
    return new PageLayout(DType.F32, 64, 2, 64);
  }

  private static final class Host implements AutoCloseable {
    private final VarModel model;
    private final Workspace work;
    private final PagePool pool = new PagePool(layout(), 16);
    private final KvCache cache = cache(Backends.bestOnHost().hostKernels(), pool);
    private final Transformer.Condition condition;
    private final float[] sum;

    Host(VarModel model) {
      this.model = model;
      work = new Workspace(model.config(), 2, Buffer::allocate);
      condition = model.transformer().condition(LABEL, OfficialWeights.CLASSES);
      sum = model.tokenizer().blank();
      model.transformer().begin(condition, work);
    }

    float[] resize(int scale) {
      return model.tokenizer().resize(sum, scale);
    }

    float[] predict(int scale, float[] map) {
      if (scale > 0) {
        model.transformer().embed(scale, map, work);
      }
      Attention attention = new CachedAttention(cache, EvictionPolicy.full());
      model.transformer().predict(scale, condition, attention, work);
      return work.logits().segment().toArray(ValueLayout.JAVA_FLOAT);
    }

    void add(int scale, int[] codes) {
      model.tokenizer().add(scale, codes, sum);
    }

    @Override
    public void close() {
      cache.close();
      pool.close();
      work.close();
    }
  }

  private static final class Device implements AutoCloseable {
    private final VarConfig config;
    private final Gpu gpu = Gpus.open();
    private final DeviceArena memory = new DeviceArena(gpu.stream());
    private final CudaTransformer transformer;
    private final CudaTokenizer tokenizer;
    private final Workspace work;
    private final PagePool pool = gpu.stream().device().pool(layout(), 16);
    private final KvCache cache = cache(gpu.stream().kernels(), pool);
    private final CudaTransformer.Condition condition;
    private final Buffer sum;
    private final Buffer map;

    Device(VarModel model) throws IOException {
      config = model.config();
      transformer = new CudaTransformer(config, model.transformerWeights(), gpu, memory);
      tokenizer = new CudaTokenizer(config, model.tokenizerWeights(), gpu, memory);
      work = new Workspace(config, 2, memory::allocate);
      condition = new CudaTransformer.Condition(config, memory);
      sum = memory.allocate((long) model.tokenizer().blank().length * Float.BYTES);
      map = memory.allocate(sum.byteSize());
      transformer.begin(LABEL, condition, work);
    }

    private float[] floats(Buffer from, int count) {
      float[] values = new float[count];
      gpu.stream().memory().download(from, 0, MemorySegment.ofArray(values));
      return values;
    }

    float[] resize(int scale, int floats) {
      tokenizer.resize(sum.deviceAddress(), scale, map.deviceAddress());
      return floats(map, floats);
    }

    float[] predict(int scale, float[] given) {
      if (scale > 0) {
        gpu.stream().memory().upload(MemorySegment.ofArray(given), map, 0);
        transformer.embed(scale, map.deviceAddress(), work);
      }
      Attention attention = new CachedAttention(cache, EvictionPolicy.full());
      transformer.predict(scale, condition, attention, work);
      return floats(work.logits(), 2 * config.schedule().tokens(scale) * OfficialWeights.CODES);
    }

    void add(int scale, int[] chosen) {
      Buffer codes = memory.allocate((long) chosen.length * Integer.BYTES);
      gpu.stream().memory().upload(MemorySegment.ofArray(chosen), codes, 0);
      tokenizer.add(scale, codes.deviceAddress(), map.deviceAddress(), sum.deviceAddress());
    }

    @Override
    public void close() {
      cache.close();
      pool.close();
      memory.close();
      gpu.close();
    }
  }
}
