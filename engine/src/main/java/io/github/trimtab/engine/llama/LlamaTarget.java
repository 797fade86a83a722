package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.TargetModel;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * One text in progress: a prompt, then steps of one token or of a tree of drafted ones.
 *
 * <p>Threads: one at a time.
 */
public final class LlamaTarget implements TargetModel, AutoCloseable {

  /** Tokens of a prompt that run together. */
  static final int CHUNK = 128;

  private final LlamaModel model;
  private final Kernels kernels;
  private final HeadRows head;
  private final PagedAttention paged;
  private final TreeAttention tree;
  private final TokenBuffers work;
  private final Features features;
  private float[] last = {};
  private int watched;
  private int[] likeliest = {};
  private float[] likeliestLogits = {};
  private int[] likely = {};
  private int likelyCount;

  /**
   * An empty text.
   *
   * @param tokens most that the cache holds between two steps
   * @param pages how pages hold keys and values
   */
  public LlamaTarget(LlamaModel model, Kernels kernels, int tokens, DType pages) {
    this.model = model;
    this.kernels = kernels;
    head = HeadRows.all(model.head());
    paged = new PagedAttention(model.blocks(), kernels, 1, tokens, pages);
    tree = new TreeAttention(model.blocks(), paged);
    work = new TokenBuffers(model.config());
    features = new Features(model.config().width());
  }

  /** The model. */
  public LlamaModel model() {
    return model;
  }

  /** Tokens that the text has. */
  public int position() {
    return paged.position(0);
  }

  /** Most bytes of pages that were in use at once. */
  public long peakCacheBytes() {
    return paged.pool().peakBytes();
  }

  /** Starts over: drops the text. */
  public void clear() {
    tree.keep(new int[0], 0);
    paged.clear();
    features.drop(features.count());
  }

  /** Takes tokens up, in chunks, without asking what follows. */
  public void prompt(int[] tokens) {
    for (int from = 0; from < tokens.length; from += CHUNK) {
      run(tokens, from, Math.min(CHUNK, tokens.length - from), EvictionPolicy.full());
    }
  }

  /**
   * Takes a whole prompt up in one step, of which the cache keeps what a policy says.
   *
   * @param policy sees the prompt as step 0
   */
  public void prompt(int[] tokens, EvictionPolicy policy) {
    run(tokens, 0, tokens.length, policy);
  }

  private void run(int[] tokens, int from, int count, EvictionPolicy policy) {
    work.require(count);
    model.embed(tokens, from, count, work, 0);
    paged.begin(new int[] {count}, policy);
    model.blocks().forward(work, count, paged);
    paged.end();
    for (int i = 0; i < count; i++) {
      features.add(work.normed, i);
    }
  }

  @Override
  public int vocabulary() {
    return model.config().vocabulary();
  }

  @Override
  public void step(int[] tokens, int[] parents, int count, Tensor logits) {
    work.require(count);
    model.embed(tokens, 0, count, work, 0);
    tree.begin(parents, count);
    model.blocks().forward(work, count, tree);
    tree.end();
    last = work.normed;
    Tensor hidden = Tensor.wrap(last, last.length / width(), width()).narrow(0, 0, count);
    if (watched == 0) {
      kernels.head(Head.logits(hidden, head, logits));
    } else {
      Tensor ids = Tensor.wrap(likeliest, Head.MOST_VECTORS, watched).narrow(0, 0, count);
      Tensor values = Tensor.wrap(likeliestLogits, Head.MOST_VECTORS, watched);
      kernels.head(new Head(hidden, head, logits, ids, values.narrow(0, 0, count), null));
    }
  }

  @Override
  public void keep(int[] nodes, int count) {
    tree.keep(nodes, count);
    likelyCount = count * watched;
    for (int i = 0; i < count; i++) {
      features.add(last, nodes[i]);
      System.arraycopy(likeliest, nodes[i] * watched, likely, i * watched, watched);
    }
  }

  /**
   * Watches which ids are the most probable after each token.
   *
   * @param ids how many; 0 ends it
   */
  public void watch(int ids) {
    watched = ids;
    likelyCount = 0;
    likeliest = new int[Head.MOST_VECTORS * ids];
    likeliestLogits = new float[Head.MOST_VECTORS * ids];
    likely = new int[Head.MOST_VECTORS * ids];
  }

  /** Names the watched ids after the tokens that were kept last. */
  public void likely(IntConsumer each) {
    for (int i = 0; i < likelyCount; i++) {
      each.accept(likely[i]);
    }
  }

  /**
   * Logits of the tokens of a text that is not begun yet, all at once and without holding it.
   *
   * @return [tokens][V]
   */
  float[][] logits(int[] tokens) {
    work.require(tokens.length);
    model.embed(tokens, 0, tokens.length, work, 0);
    paged.begin(new int[] {tokens.length}, EvictionPolicy.full());
    model.blocks().forward(work, tokens.length, paged);
    paged.clear();
    float[][] logits = new float[tokens.length][];
    for (int from = 0; from < tokens.length; from += Head.MOST_VECTORS) {
      int count = Math.min(Head.MOST_VECTORS, tokens.length - from);
      float[] part = new float[count * vocabulary()];
      Tensor hidden = Tensor.wrap(work.normed, work.normed.length / width(), width());
      Tensor rows = hidden.narrow(0, from, count);
      kernels.head(Head.logits(rows, head, Tensor.wrap(part, count, vocabulary())));
      for (int i = 0; i < count; i++) {
        logits[from + i] = Arrays.copyOfRange(part, i * vocabulary(), (i + 1) * vocabulary());
      }
    }
    return logits;
  }

  private int width() {
    return model.config().width();
  }

  /** What the head reads of the tokens that a drafter has not run yet. */
  public Features features() {
    return features;
  }

  @Override
  public void close() {
    tree.close();
    paged.close();
  }
}
