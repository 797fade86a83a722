package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.DraftHead;
import java.util.Arrays;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A draft head over rows of a matrix, read where they lie: the target's own head, or the draft
 * model's.
 *
 * <p>Threads: one at a time.
 */
public final class GatheredHead implements DraftHead {

  private final LlamaBackend on;
  private final WeightRows weight;
  private final boolean all;
  private final Supplier<Tensor> ids;

  private GatheredHead(LlamaBackend on, WeightRows weight, boolean all, Supplier<Tensor> ids) {
    this.on = on;
    this.weight = weight;
    this.all = all;
    this.ids = ids;
  }

  /** The full head. */
  public static GatheredHead full(LlamaBackend on, WeightRows weight) {
    int[] every = new int[weight.rows()];
    Arrays.setAll(every, id -> id);
    Tensor ids = Tensor.wrap(every, every.length);
    return new GatheredHead(on, weight, true, () -> ids);
  }

  /**
   * A head of chosen rows, which may change between rounds.
   *
   * @param on where the drafter runs
   * @param ids the kept ids [k], I32, each time that they are asked for
   */
  public static GatheredHead of(LlamaBackend on, WeightRows weight, Supplier<Tensor> ids) {
    return new GatheredHead(on, weight, false, ids);
  }

  @Override
  public Tensor ids() {
    return ids.get();
  }

  private @Nullable Tensor kept() {
    return all ? null : ids();
  }

  @Override
  public void logits(Tensor hidden, Tensor logits) {
    on.head(hidden, weight, kept(), logits, null, null, null);
  }

  @Override
  public void top(Tensor hidden, Tensor ids, Tensor values, Tensor logSumExp) {
    on.head(hidden, weight, kept(), null, ids, values, logSumExp);
  }
}
