package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.DraftModel;

/**
 * Drafts on a target's features while it has them, then on its own. What it drafted is forgotten
 * when the target has checked it, and run again with the target's features.
 *
 * <p>Threads: one at a time.
 */
public final class EagleDrafter implements DraftModel, AutoCloseable {

  private final Features fresh;
  private final PagedAttention paged;
  private final TreeAttention tree;
  private final Streams streams;
  private final Memory memory;
  private final long bytes;
  // The vectors that a step's tokens are joined with [CHUNK, d].
  private final Buffer joined;
  // The root's vector, then those of the nodes [1 + MAX_TREE, d].
  private final Tensor vectors;

  /**
   * A drafter with an empty cache.
   *
   * @param target whose embedding it reads
   * @param features of the text that it drafts for
   * @param on where both run
   * @param tokens most that the cache holds
   * @param pages how pages hold keys and values
   */
  public EagleDrafter(
      EagleModel model,
      LlamaModel target,
      Features features,
      LlamaBackend on,
      int tokens,
      DType pages) {
    fresh = features;
    paged = new PagedAttention(on, model.blocks().config(), 1, tokens, pages);
    tree = new TreeAttention(paged, on);
    streams = on.streams(model, target);
    memory = on.memory();
    int width = model.blocks().config().width();
    bytes = (long) width * Float.BYTES;
    joined = memory.allocate(LlamaTarget.CHUNK * bytes);
    int most = 1 + Attend.MAX_TREE;
    vectors = Tensor.of(DType.F32, memory.allocate(most * bytes), most, width);
  }

  /**
   * Takes up a prompt that the target has taken up. A token is paired with the target's feature of
   * the token before it, so the first one has no place of its own, and the last feature waits for
   * the token that {@link #begin} brings.
   */
  public void prompt(int[] tokens) {
    requireFeatures(tokens.length);
    if (tokens.length > 1) {
      int _ = run(tokens, 1, tokens.length - 1);
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException if the target has not run as many tokens meanwhile, the first of
   *     them before the first of these
   */
  @Override
  public Tensor begin(int[] nodes, int kept, int[] tokens, int count) {
    tree.keep(nodes, 0);
    requireFeatures(count);
    int ran = count;
    if (count > Attend.MAX_TREE) {
      ran = run(tokens, 0, count);
    } else {
      fresh.copy(0, count, joined);
      tree.beginText(count);
      streams.run(tokens, 0, count, joined, tree);
      tree.keepAll();
      fresh.drop(count);
    }
    keep(ran - 1, 0, 1);
    return vectors.narrow(0, 0, 1);
  }

  private void requireFeatures(int count) {
    if (count < 1 || fresh.count() != count) {
      throw new IllegalStateException(
          "features of the target: "
              + fresh.count()
              + ", expected one for each of "
              + count
              + " tokens");
    }
  }

  /** Runs tokens with the oldest features and returns how many were in the last chunk. */
  private int run(int[] tokens, int first, int count) {
    int ran = 0;
    for (int from = 0; from < count; from += ran) {
      ran = Math.min(LlamaTarget.CHUNK, count - from);
      fresh.copy(from, ran, joined);
      paged.begin(new int[] {ran}, EvictionPolicy.full());
      streams.run(tokens, first + from, ran, joined, paged);
      paged.end();
    }
    fresh.drop(count);
    return ran;
  }

  @Override
  public Tensor extend(int[] tokens, int[] parents, int count) {
    int first = 1 + tree.nodes();
    tree.begin(parents, count);
    for (int i = 0; i < count; i++) {
      long from = vectors.offset(1 + parents[i]);
      memory.copy(vectors.buffer(), from, joined, i * bytes, bytes);
    }
    streams.run(tokens, 0, count, joined, tree);
    tree.end();
    keep(0, first, count);
    return vectors.narrow(0, first, count);
  }

  /** Keeps vectors that ran last. */
  private void keep(int from, int to, int count) {
    Tensor normed = streams.normed(from + count);
    memory.copy(
        normed.buffer(), normed.offset(from), vectors.buffer(), vectors.offset(to), count * bytes);
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
    joined.close();
    vectors.buffer().close();
  }
}
