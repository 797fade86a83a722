package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.DraftHead;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * A draft head over rows of a matrix, read where they lie: the target's own head, or the draft
 * model's.
 *
 * <p>Threads: one at a time.
 */
public final class GatheredHead implements DraftHead {

  private final Kernels kernels;
  private final WeightRows weight;
  private final boolean all;
  private final Supplier<Tensor> ids;

  private GatheredHead(Kernels kernels, WeightRows weight, boolean all, Supplier<Tensor> ids) {
    this.kernels = kernels;
    this.weight = weight;
    this.all = all;
    this.ids = ids;
  }

  /** The full head. */
  public static GatheredHead full(Kernels kernels, WeightRows weight) {
    int[] every = new int[weight.rows()];
    Arrays.setAll(every, id -> id);
    Tensor ids = Tensor.wrap(every, every.length);
    return new GatheredHead(kernels, weight, true, () -> ids);
  }

  /**
   * A head of chosen rows, which may change between rounds.
   *
   * @param ids the kept ids [k], I32, each time that they are asked for
   */
  public static GatheredHead of(Kernels kernels, WeightRows weight, Supplier<Tensor> ids) {
    return new GatheredHead(kernels, weight, false, ids);
  }

  @Override
  public Tensor ids() {
    return ids.get();
  }

  private HeadRows rows() {
    return all ? HeadRows.all(weight) : HeadRows.gathered(weight, ids());
  }

  @Override
  public void logits(Tensor hidden, Tensor logits) {
    kernels.head(Head.logits(hidden, rows(), logits));
  }

  @Override
  public void top(Tensor hidden, Tensor ids, Tensor values, Tensor logSumExp) {
    kernels.head(Head.top(hidden, rows(), ids, values, logSumExp));
  }
}
