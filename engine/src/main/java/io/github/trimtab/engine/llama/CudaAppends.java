package io.github.trimtab.engine.llama;

import io.github.trimtab.cuda.CudaStream;
import io.github.trimtab.engine.cuda.Replays;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kv.KvCache;
import io.github.trimtab.kv.PlannedStep;
import java.util.List;

/** The appends of all layers as one CUDA graph for each number of tokens. */
final class CudaAppends implements Appends {

  private final KvCache cache;
  private final Replays replays;

  /** For a cache of one row, whose pages nothing shares. */
  CudaAppends(KvCache cache, CudaStream stream) {
    this.cache = cache;
    replays = new Replays(stream);
  }

  @Override
  public void append(List<NewTokens> fresh) {
    int count = fresh.getFirst().capacity();
    if (count > cache.maxTokens() - cache.tokens(0, 0)) {
      cache.append(fresh); // says so, and leaves the cache as it is
    }
    try (PlannedStep step = cache.plan(layer -> cache.append(layer, fresh.get(layer)))) {
      replays.run(List.of(count, step.key()), () -> storeAll(step));
    }
  }

  private void storeAll(PlannedStep step) {
    for (int layer = 0; layer < cache.layers(); layer++) {
      step.store(layer);
    }
  }

  @Override
  public void close() {
    replays.close();
  }
}
