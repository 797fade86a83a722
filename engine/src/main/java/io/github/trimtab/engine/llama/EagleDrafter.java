package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.DraftModel;

/**
 * Drafts on a target's features while it has them, then on its own. What it drafted is forgotten
 * when the target has checked it, and run again with the target's features.
 *
 * <p>Threads: one at a time.
 */
public final class EagleDrafter implements DraftModel, AutoCloseable {

  private final EagleModel model;
  private final LlamaModel target;
  private final Features fresh;
  private final int width;
  private final PagedAttention paged;
  private final TreeAttention tree;
  private final TokenBuffers work;
  private final float[] root;
  private final float[] drafted;
  private float[] features = {};
  private float[] pairs = {};

  /**
   * A drafter with an empty cache.
   *
   * @param target whose embedding it reads
   * @param features of the text that it drafts for
   * @param tokens most that the cache holds
   * @param pages how pages hold keys and values
   */
  public EagleDrafter(
      EagleModel model,
      LlamaModel target,
      Features features,
      Kernels kernels,
      int tokens,
      DType pages) {
    this.model = model;
    this.target = target;
    fresh = features;
    width = model.blocks().config().width();
    paged = new PagedAttention(model.blocks(), kernels, 1, tokens, pages);
    tree = new TreeAttention(model.blocks(), paged);
    work = new TokenBuffers(model.blocks().config());
    root = new float[width];
    drafted = new float[Attend.MAX_TREE * width];
  }

  /**
   * Takes up a prompt that the target has taken up. A token is paired with the target's feature of
   * the token before it, so the first one has no place of its own, and the last feature waits for
   * the token that {@link #begin} brings.
   */
  public void prompt(int[] tokens) {
    requireFeatures(tokens.length);
    if (tokens.length > 1) {
      run(tokens, 1, tokens.length - 1);
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
    int ran = run(tokens, 0, count);
    System.arraycopy(work.normed, (ran - 1) * width, root, 0, width);
    return Tensor.wrap(root, 1, width);
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
      require(ran);
      target.embed(tokens, first + from, ran, work, 0);
      for (int i = 0; i < ran; i++) {
        fresh.copy(from + i, features, i * width);
      }
      model.join(work, ran, features, pairs);
      paged.begin(new int[] {ran}, EvictionPolicy.full());
      model.blocks().forward(work, ran, paged);
      paged.end();
    }
    fresh.drop(count);
    return ran;
  }

  @Override
  public Tensor extend(int[] tokens, int[] parents, int count) {
    require(count);
    int first = tree.nodes();
    tree.begin(parents, count);
    target.embed(tokens, 0, count, work, 0);
    for (int i = 0; i < count; i++) {
      boolean child = parents[i] >= 0;
      System.arraycopy(
          child ? drafted : root, child ? parents[i] * width : 0, features, i * width, width);
    }
    model.join(work, count, features, pairs);
    model.blocks().forward(work, count, tree);
    tree.end();
    System.arraycopy(work.normed, 0, drafted, first * width, count * width);
    return Tensor.wrap(drafted, Attend.MAX_TREE, width).narrow(0, first, count);
  }

  private void require(int count) {
    work.require(count);
    if (features.length < count * width) {
      features = new float[count * width];
      pairs = new float[2 * count * width];
    }
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
