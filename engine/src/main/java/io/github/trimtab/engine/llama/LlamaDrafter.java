package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.DraftModel;

/**
 * A small model of its own that drafts for another with the same tokenizer.
 *
 * <p>Threads: one at a time.
 */
public final class LlamaDrafter implements DraftModel, AutoCloseable {

  private final LlamaModel model;
  private final PagedAttention paged;
  private final TreeAttention tree;
  private final TokenBuffers work;

  /**
   * A drafter with an empty cache.
   *
   * @param tokens most that the cache holds
   * @param pages how pages hold keys and values
   */
  public LlamaDrafter(LlamaModel model, Kernels kernels, int tokens, DType pages) {
    this.model = model;
    paged = new PagedAttention(model.blocks(), kernels, 1, tokens, pages);
    tree = new TreeAttention(model.blocks(), paged);
    work = new TokenBuffers(model.config());
  }

  @Override
  public Tensor begin(int[] nodes, int kept, int[] tokens, int count) {
    tree.keep(nodes, kept);
    return hidden(run(tokens, kept, count) - 1, 1);
  }

  /** Takes up a prompt. */
  public void prompt(int[] tokens) {
    run(tokens, 0, tokens.length);
  }

  /** Runs tokens and returns how many were in the last chunk. */
  private int run(int[] tokens, int first, int end) {
    int ran = 0;
    for (int from = first; from < end; from += ran) {
      ran = Math.min(LlamaTarget.CHUNK, end - from);
      work.require(ran);
      model.embed(tokens, from, ran, work, 0);
      paged.begin(new int[] {ran}, EvictionPolicy.full());
      model.blocks().forward(work, ran, paged);
      paged.end();
    }
    return ran;
  }

  @Override
  public Tensor extend(int[] tokens, int[] parents, int count) {
    work.require(count);
    model.embed(tokens, 0, count, work, 0);
    tree.begin(parents, count);
    model.blocks().forward(work, count, tree);
    tree.end();
    return hidden(0, count);
  }

  private Tensor hidden(int from, int count) {
    int width = model.config().width();
    return Tensor.wrap(work.normed, work.normed.length / width, width).narrow(0, from, count);
  }

  /** Starts over: drops the text. */
  public void clear() {
    tree.keep(new int[0], 0);
    paged.clear();
  }

  @Override
  public void close() {
    tree.close();
    paged.close();
  }
}
