package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Attend;
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

  private final PagedAttention paged;
  private final TreeAttention tree;
  private final Streams streams;

  /**
   * A drafter with an empty cache.
   *
   * @param tokens most that the cache holds
   * @param pages how pages hold keys and values
   */
  public LlamaDrafter(LlamaModel model, LlamaBackend on, int tokens, DType pages) {
    paged = new PagedAttention(on, model.config(), 1, tokens, pages);
    tree = new TreeAttention(paged, on);
    streams = on.streams(model);
  }

  @Override
  public Tensor begin(int[] nodes, int kept, int[] tokens, int count) {
    tree.keep(nodes, kept);
    int ran = count - kept;
    if (ran > Attend.MAX_TREE) {
      ran = run(tokens, kept, count);
    } else {
      tree.beginText(ran);
      streams.run(tokens, kept, ran, null, tree);
      tree.keepAll();
    }
    return streams.normed(ran).narrow(0, ran - 1, 1);
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
      paged.begin(new int[] {ran}, EvictionPolicy.full());
      streams.run(tokens, from, ran, null, paged);
      paged.end();
    }
    return ran;
  }

  @Override
  public Tensor extend(int[] tokens, int[] parents, int count) {
    tree.begin(parents, count);
    streams.run(tokens, 0, count, null, tree);
    tree.end();
    return streams.normed(count);
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
    streams.close();
  }
}
