package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.GreedyTarget;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * One text in progress: a prompt, then steps of one token or of a tree of drafted ones.
 *
 * <p>Threads: one at a time.
 */
public final class LlamaTarget implements GreedyTarget, AutoCloseable {

  /** Tokens of a prompt that run together. */
  static final int CHUNK = 128;

  private final LlamaModel model;
  private final LlamaBackend on;
  private final PagedAttention paged;
  private final TreeAttention tree;
  private final Streams streams;
  private final Features features;
  private int watched;
  // The likeliest ids after each node of the last step, places() a node, and their logits.
  private int[] likeliest = new int[Head.MOST_VECTORS];
  private float[] likeliestLogits = new float[Head.MOST_VECTORS];
  private int[] likely = {};
  private int likelyCount;

  /**
   * An empty text.
   *
   * @param tokens most that the cache holds between two steps
   * @param pages how pages hold keys and values
   */
  public LlamaTarget(LlamaModel model, LlamaBackend on, int tokens, DType pages) {
    this.model = model;
    this.on = on;
    paged = new PagedAttention(on, model.config(), 1, tokens, pages);
    tree = new TreeAttention(paged, on);
    streams = on.streams(model);
    features = new Features(on.memory(), model.config().width());
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
    paged.begin(new int[] {count}, policy);
    streams.run(tokens, from, count, null, paged);
    paged.end();
    features.add(streams.normed(count), 0, count);
  }

  @Override
  public int vocabulary() {
    return model.config().vocabulary();
  }

  @Override
  public void step(int[] tokens, int[] parents, int count, Tensor logits) {
    Tensor hidden = run(tokens, parents, count);
    if (watched == 0) {
      on.head(hidden, model.head(), null, logits, null, null, null);
    } else {
      on.head(hidden, model.head(), null, logits, watched(count), watchedLogits(count), null);
    }
  }

  /** On a device alone: the host scans logits sooner than a head picks the likeliest of them. */
  @Override
  public boolean namesLikeliest() {
    return !on.memory().place().isHost();
  }

  @Override
  public void stepGreedily(int[] tokens, int[] parents, int count, int[] likeliest) {
    Tensor hidden = run(tokens, parents, count);
    on.head(hidden, model.head(), null, null, watched(count), watchedLogits(count), null);
    for (int i = 0; i < count; i++) {
      likeliest[i] = this.likeliest[i * places()];
      float logit = likeliestLogits[i * places()];
      if (!Float.isFinite(logit)) {
        throw new IllegalArgumentException(
            "logits[" + likeliest[i] + "]: " + logit + ", expected a finite number");
      }
    }
  }

  private Tensor run(int[] tokens, int[] parents, int count) {
    tree.begin(parents, count);
    streams.run(tokens, 0, count, null, tree);
    tree.end();
    return streams.normed(count);
  }

  /** Places of a node in {@link #likeliest}: those that are watched, and one in any case. */
  private int places() {
    return Math.max(1, watched);
  }

  private Tensor watched(int count) {
    return Tensor.wrap(likeliest, Head.MOST_VECTORS, places()).narrow(0, 0, count);
  }

  private Tensor watchedLogits(int count) {
    return Tensor.wrap(likeliestLogits, Head.MOST_VECTORS, places()).narrow(0, 0, count);
  }

  @Override
  public void keep(int[] nodes, int count) {
    tree.keep(nodes, count);
    likelyCount = count * watched;
    Tensor last = streams.normed(nodes[count - 1] + 1);
    for (int i = 0; i < count; i++) {
      features.add(last, nodes[i], 1);
      System.arraycopy(likeliest, nodes[i] * places(), likely, i * watched, watched);
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
    likeliest = new int[Head.MOST_VECTORS * places()];
    likeliestLogits = new float[Head.MOST_VECTORS * places()];
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
    paged.begin(new int[] {tokens.length}, EvictionPolicy.full());
    streams.run(tokens, 0, tokens.length, null, paged);
    paged.clear();
    Tensor hidden = streams.normed(tokens.length);
    float[][] logits = new float[tokens.length][];
    for (int from = 0; from < tokens.length; from += Head.MOST_VECTORS) {
      int count = Math.min(Head.MOST_VECTORS, tokens.length - from);
      float[] part = new float[count * vocabulary()];
      Tensor result = Tensor.wrap(part, count, vocabulary());
      on.head(hidden.narrow(0, from, count), model.head(), null, result, null, null, null);
      for (int i = 0; i < count; i++) {
        logits[from + i] = Arrays.copyOfRange(part, i * vocabulary(), (i + 1) * vocabulary());
      }
    }
    return logits;
  }

  /** What the head reads of the tokens that a drafter has not run yet. */
  public Features features() {
    return features;
  }

  @Override
  public void close() {
    tree.close();
    paged.close();
    streams.close();
    features.close();
  }
}
