package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.speculative.TargetModel;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.IntConsumer;

/**
 * Several texts that grow side by side, each at its own length; every weight is read once a pass
 * for all of them. Each row is a target of its own, whose step is noted and runs with those of the
 * others in {@link #run}; it takes chains of drafts, no trees.
 *
 * <p>Threads: one at a time.
 */
public final class LlamaBatch implements AutoCloseable {

  private final LlamaModel model;
  private final LlamaBackend on;
  private final Row[] rows;
  private final PagedAttention paged;
  private final Streams streams;
  private final Tensor logits;
  private Buffer hidden;
  private int watched;
  private int[] likeliest = {};
  private float[] likeliestLogits = {};

  /**
   * Empty texts.
   *
   * @param rows texts, 1 to 64
   * @param tokens most that the cache holds of a text, drafts included
   * @param pages how pages hold keys and values
   */
  public LlamaBatch(LlamaModel model, LlamaBackend on, int rows, int tokens, DType pages) {
    LlamaConfig.require(
        rows >= 1 && rows <= Head.MOST_VECTORS, "batch", "rows", rows, "1 to " + Head.MOST_VECTORS);
    this.model = model;
    this.on = on;
    this.rows = new Row[rows];
    Arrays.setAll(this.rows, Row::new);
    paged = new PagedAttention(on, model.config(), rows, tokens, pages);
    streams = on.streams(model);
    hidden = on.memory().allocate(0);
    logits = Tensor.allocate(DType.F32, Head.MOST_VECTORS, model.config().vocabulary());
  }

  /** One text, as speculation drives it. */
  public TargetModel row(int row) {
    return rows[row];
  }

  /** What a drafter that builds on a row's features reads. */
  public Features features(int row) {
    return rows[row].features;
  }

  /**
   * Watches which ids are the most probable after each token.
   *
   * @param ids how many; 0 ends it
   */
  public void watch(int ids) {
    watched = ids;
    for (Row row : rows) {
      row.kept = 0;
    }
  }

  /** Names the watched ids after the tokens of a row that were kept last. */
  public void likely(int row, IntConsumer each) {
    int from = rows[row].first * watched;
    for (int i = from; i < from + rows[row].kept * watched; i++) {
      each.accept(likeliest[i]);
    }
  }

  /** Takes one prompt a row up, in chunks, without asking what follows. */
  public void prompt(int[][] prompts) {
    LlamaConfig.require(
        prompts.length == rows.length, "batch", "prompts", prompts.length, rows.length + " rows");
    int longest = Arrays.stream(prompts).mapToInt(prompt -> prompt.length).max().orElseThrow();
    for (int from = 0; from < longest; from += LlamaTarget.CHUNK) {
      for (Row row : rows) {
        int end = Math.min(from + LlamaTarget.CHUNK, prompts[row.index].length);
        row.tokens = Arrays.copyOfRange(prompts[row.index], Math.min(from, end), end);
        row.count = row.tokens.length;
      }
      int places = forward();
      for (Row row : rows) {
        row.features.add(streams.normed(rows.length * places), row.index * places, row.count);
        row.count = 0;
      }
    }
  }

  /** Runs the steps that rows have noted since the last call, in one pass over the weights. */
  public void run() {
    int stride = forward();
    long bytes = (long) model.config().width() * Float.BYTES;
    int all = Arrays.stream(rows).mapToInt(row -> row.count).sum();
    if (hidden.byteSize() < all * bytes) {
      hidden.close();
      hidden = on.memory().allocate(all * bytes);
    }
    if (likeliest.length < all * watched) {
      likeliest = new int[all * watched];
      likeliestLogits = new float[all * watched];
    }
    int vector = 0;
    for (Row row : rows) {
      row.first = vector;
      row.ran = row.count;
      row.kept = 0;
      row.count = 0;
      if (row.ran > 0) {
        Tensor normed = streams.normed(rows.length * stride);
        long from = normed.offset((long) row.index * stride);
        on.memory().copy(normed.buffer(), from, hidden, vector * bytes, row.ran * bytes);
      }
      vector += row.ran;
    }
    Tensor vectors = vectors(all);
    for (int from = 0; from < all; from += Head.MOST_VECTORS) {
      int count = Math.min(Head.MOST_VECTORS, all - from);
      Tensor part = vectors.narrow(0, from, count);
      Tensor result = logits.narrow(0, 0, count);
      if (watched == 0) {
        on.head(part, model.head(), null, result, null, null, null);
      } else {
        int places = likeliest.length / watched;
        Tensor ids = Tensor.wrap(likeliest, places, watched).narrow(0, from, count);
        Tensor values = Tensor.wrap(likeliestLogits, places, watched).narrow(0, from, count);
        on.head(part, model.head(), null, result, ids, values, null);
      }
      for (Row row : rows) {
        row.take(from, count);
      }
    }
  }

  /** Runs the rows' noted tokens and returns the places that each row has. */
  private int forward() {
    int[] lengths = Arrays.stream(rows).mapToInt(row -> row.count).toArray();
    int places = Arrays.stream(lengths).max().orElseThrow();
    if (places > 0) {
      int[] tokens = new int[rows.length * places];
      for (Row row : rows) {
        System.arraycopy(row.tokens, 0, tokens, row.index * places, row.count);
      }
      paged.begin(lengths, EvictionPolicy.full());
      streams.run(tokens, 0, tokens.length, null, paged);
      paged.end();
    }
    return places;
  }

  /** Drops all texts. */
  public void clear() {
    paged.clear();
    for (Row row : rows) {
      row.count = 0;
      row.ran = 0;
      row.kept = 0;
      row.features.drop(row.features.count());
    }
  }

  /** The vectors of the last run, row after row [count, d]. */
  private Tensor vectors(int count) {
    return Tensor.of(DType.F32, hidden, count, model.config().width());
  }

  @Override
  public void close() {
    paged.close();
    streams.close();
    hidden.close();
    logits.buffer().close();
    for (Row row : rows) {
      row.features.close();
    }
  }

  private final class Row implements TargetModel {
    private final int index;
    private final Features features = new Features(on.memory(), model.config().width());
    private int[] tokens = {};
    private int count;
    private Tensor result = Tensor.wrap(new float[0], 0);
    // What ran last: the first of its vectors, how many, and how many of them were kept.
    private int first;
    private int ran;
    private int kept;

    Row(int index) {
      this.index = index;
    }

    @Override
    public int vocabulary() {
      return model.config().vocabulary();
    }

    @Override
    public void step(int[] tokens, int[] parents, int count, Tensor logits) {
      for (int i = 0; i < count; i++) {
        LlamaConfig.require(
            parents[i] == i - 1, "batch", "parent of node " + i, parents[i], "a chain");
      }
      paged.requireRoom(index, count);
      this.tokens = tokens;
      this.count = count;
      result = logits;
    }

    /** Copies logits of this row out of those of some vectors. */
    private void take(int from, int vectors) {
      int begin = Math.max(first, from);
      int end = Math.min(first + ran, from + vectors);
      for (int vector = begin; vector < end; vector++) {
        MemorySegment.copy(
            logits.segment(),
            logits.offset(vector - from, 0),
            result.segment(),
            result.offset(vector - first, 0),
            (long) vocabulary() * Float.BYTES);
      }
    }

    @Override
    public void keep(int[] nodes, int count) {
      for (int i = 0; i < count; i++) {
        LlamaConfig.require(nodes[i] == i && i < ran, "batch", "node", nodes[i], "a chain's");
      }
      features.add(vectors(first + ran), first, count);
      paged.truncate(index, ran - count);
      ran = 0;
      kept = count;
    }
  }
}
