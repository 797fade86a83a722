package io.github.trimtab.engine.var;

import io.github.trimtab.engine.cuda.DeviceArena;
import io.github.trimtab.engine.cuda.Gpu;
import io.github.trimtab.engine.cuda.Replays;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.scalekv.Schedule;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A rollout on a device, with guidance. A {@link Sampler} draws there, and the host waits once, at
 * the end; any other chooser is given a copy of each scale's logits. A whole scale, from its input
 * to its part of the picture or to its logits, is one CUDA graph, where the cache decides ahead.
 */
final class CudaRollout implements Rollout {

  private final VarConfig config;
  private final CudaTransformer transformer;
  private final CudaTokenizer tokenizer;
  private final Gpu gpu;
  private final Memory memory;
  private final DeviceArena arena;
  private final Workspace work;
  private final CudaTransformer.Condition condition;
  private final Buffer uniform;
  private final Buffer codes;
  private final Buffer sum;
  private final long map;
  private final float[] hostSum;
  private final Replays replays;

  CudaRollout(VarConfig config, CudaTransformer transformer, CudaTokenizer tokenizer, Gpu gpu) {
    this.config = config;
    this.transformer = transformer;
    this.tokenizer = tokenizer;
    this.gpu = gpu;
    memory = gpu.stream().memory();
    arena = new DeviceArena(gpu.stream());
    replays = new Replays(gpu.stream());
    hostSum = new float[config.grid() * config.grid() * config.tokenizer().codeDim()];
    try {
      work = new Workspace(config, CudaTransformer.ROWS, arena::allocate);
      condition = new CudaTransformer.Condition(config, arena);
      uniform = arena.allocate((long) config.schedule().totalTokens() * Double.BYTES);
      codes = arena.allocate((long) config.schedule().totalTokens() * Integer.BYTES);
      sum = arena.allocate((long) hostSum.length * Float.BYTES);
      map = arena.floats(hostSum.length);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  @Override
  public List<int[]> run(int label, CodeChooser chooser, Attention attention) {
    config.requireClass(label);
    if (chooser instanceof Sampler sampler) {
      memory.upload(MemorySegment.ofArray(uniform(sampler.noise())), uniform, 0);
    }
    Arrays.fill(hostSum, 0);
    memory.upload(MemorySegment.ofArray(hostSum), sum, 0);
    transformer.begin(label, condition, work);
    for (int scale = 0; scale < config.schedule().scales(); scale++) {
      if (attention instanceof CachedAttention cached && cached.policy().decidesAhead()) {
        replay(scale, chooser, cached);
      } else {
        enqueue(scale, chooser, attention);
      }
      if (!(chooser instanceof Sampler)) {
        choose(scale, chooser);
        tokenizer.add(scale, codes(scale), map, sum.deviceAddress());
      }
    }
    memory.download(sum, 0, MemorySegment.ofArray(hostSum));
    return downloadCodes();
  }

  /** What makes two scales alike: all that the calls' arguments depend on. */
  private record Alike(
      KvCache cache,
      EvictionPolicy policy,
      Object step,
      int scale,
      VarConfig.@Nullable Sampling sampling) {}

  private void replay(int scale, CodeChooser chooser, CachedAttention attention) {
    int tokens = config.schedule().tokens(scale);
    VarConfig.Sampling sampling = chooser instanceof Sampler s ? s.sampling() : null;
    try (CachedAttention.Planned planned =
        attention.plan(scale, work.qkv(0, tokens), work.qkv(1, tokens), work.qkv(2, tokens))) {
      replays.run(
          new Alike(attention.cache(), attention.policy(), planned.step().key(), scale, sampling),
          () -> enqueue(scale, chooser, planned));
    }
  }

  /** A scale: its logits and, where a sampler draws, its codes and their part of the picture. */
  private void enqueue(int scale, CodeChooser chooser, Attention attention) {
    if (scale > 0) {
      tokenizer.resize(sum.deviceAddress(), scale, map);
      transformer.embed(scale, map, work);
    }
    transformer.predict(scale, condition, attention, work);
    if (chooser instanceof Sampler sampler) {
      draw(scale, sampler);
      tokenizer.add(scale, codes(scale), map, sum.deviceAddress());
    }
  }

  /** The uniform number of each token, scale after scale. */
  private double[] uniform(Noise noise) {
    Schedule schedule = config.schedule();
    double[] numbers = new double[schedule.totalTokens()];
    for (int scale = 0; scale < schedule.scales(); scale++) {
      for (int token = 0; token < schedule.tokens(scale); token++) {
        numbers[schedule.history(scale) + token] = noise.uniform(scale, token);
      }
    }
    return numbers;
  }

  private long codes(int scale) {
    return codes.deviceAddress() + (long) config.schedule().history(scale) * Integer.BYTES;
  }

  private void draw(int scale, Sampler sampler) {
    gpu.kernels()
        .sample(
            work.logits().deviceAddress(),
            config.schedule().tokens(scale),
            config.codebookSize(),
            sampler.guidance(scale),
            sampler.sampling().topK(),
            sampler.sampling().topP(),
            uniform.deviceAddress() + (long) config.schedule().history(scale) * Double.BYTES,
            codes(scale));
  }

  private void choose(int scale, CodeChooser chooser) {
    int tokens = config.schedule().tokens(scale);
    MemorySegment logits =
        MemorySegment.ofArray(new float[CudaTransformer.ROWS * tokens * config.codebookSize()]);
    memory.download(work.logits(), 0, logits);
    int[] chosen = chooser.choose(scale, logits, tokens);
    for (int code : chosen) {
      Objects.checkIndex(code, config.codebookSize()); // the device would read anywhere
    }
    long first = (long) config.schedule().history(scale) * Integer.BYTES;
    memory.upload(MemorySegment.ofArray(chosen), codes, first);
  }

  private List<int[]> downloadCodes() {
    int[] all = new int[config.schedule().totalTokens()];
    memory.download(codes, 0, MemorySegment.ofArray(all));
    List<int[]> maps = new ArrayList<>();
    for (int scale = 0; scale < config.schedule().scales(); scale++) {
      int first = config.schedule().history(scale);
      maps.add(Arrays.copyOfRange(all, first, first + config.schedule().tokens(scale)));
    }
    return maps;
  }

  @Override
  public float[] sum() {
    return hostSum;
  }

  @Override
  public void close() {
    replays.close();
    arena.close();
  }
}
