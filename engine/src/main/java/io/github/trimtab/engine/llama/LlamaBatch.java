package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kv.EvictionPolicy;
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
  private final Kernels kernels;
  private final HeadRows head;
  private final Row[] rows;
  private final PagedAttention paged;
  private final TokenBuffers work;
  private final Tensor logits;
  private float[] hidden = {};
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
  public LlamaBatch(LlamaModel model, Kernels kernels, int rows, int tokens, DType pages) {
    LlamaConfig.require(
        rows >= 1 && rows <= Head.MOST_VECTORS, "batch", "rows", rows, "1 to " + Head.MOST_VECTORS);
    this.model = model;
    this.kernels = kernels;
    this.rows = new Row[rows];
    Arrays.setAll(this.rows, Row::new);
    head = HeadRows.all(model.head());
    paged = new PagedAttention(model.blocks(), kernels, rows, tokens, pages);
    work = new TokenBuffers(model.config());
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
        for (int i = 0; i < row.count; i++) {
          row.features.add(work.normed, row.index * places + i);
        }
        row.count = 0;
      }
    }
  }

  /** Runs the steps that rows have noted since the last call, in one pass over the weights. */
  public void run() {
    int stride = forward();
    int width = model.config().width();
    int all = Arrays.stream(rows).mapToInt(row -> row.count).sum();
    if (hidden.length < all * width) {
      hidden = new float[all * width];
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
      System.arraycopy(
          work.normed, row.index * stride * width, hidden, vector * width, row.ran * width);
      vector += row.ran;
    }
    Tensor vectors = Tensor.wrap(hidden, hidden.length / width, width);
    for (int from = 0; from < all; from += Head.MOST_VECTORS) {
      int count = Math.min(Head.MOST_VECTORS, all - from);
      Tensor part = vectors.narrow(0, from, count);
      Tensor result = logits.narrow(0, 0, count);
      if (watched == 0) {
        kernels.head(Head.logits(part, head, result));
      } else {
        int places = likeliest.length / watched;
        Tensor ids = Tensor.wrap(likeliest, places, watched).narrow(0, from, count);
        Tensor values = Tensor.wrap(likeliestLogits, places, watched).narrow(0, from, count);
        kernels.head(new Head(part, head, result, ids, values, null));
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
      int width = model.config().width();
      work.require(rows.length * places);
      for (Row row : rows) {
        int at = row.index * places;
        model.embed(row.tokens, 0, row.count, work, at);
        Arrays.fill(work.residual, (at + row.count) * width, (at + places) * width, 0);
      }
      paged.begin(lengths, EvictionPolicy.full());
      model.blocks().forward(work, rows.length * places, paged);
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

  @Override
  public void close() {
    paged.close();
  }

  private final class Row implements TargetModel {
    private final int index;
    private final Features features = new Features(model.config().width());
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
        features.add(hidden, first + i);
      }
      paged.truncate(index, ran - count);
      ran = 0;
      kept = count;
    }
  }
}
