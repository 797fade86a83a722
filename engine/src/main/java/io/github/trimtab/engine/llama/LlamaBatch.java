package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/**
 * Several texts that grow side by side, each at its own length; every weight is read once a step
 * for all of them.
 *
 * <p>Threads: one at a time.
 */
public final class LlamaBatch implements AutoCloseable {

  private final LlamaModel model;
  private final Kernels kernels;
  private final HeadRows head;
  private final int rows;
  private final PagedAttention paged;
  private final TokenBuffers work;
  private final float[] hidden;

  /**
   * Empty texts.
   *
   * @param rows texts, 1 to 64
   * @param tokens most that the cache holds of a text
   * @param pages how pages hold keys and values
   */
  public LlamaBatch(LlamaModel model, Kernels kernels, int rows, int tokens, DType pages) {
    LlamaConfig.require(
        rows >= 1 && rows <= Head.MOST_VECTORS, "batch", "rows", rows, "1 to " + Head.MOST_VECTORS);
    this.model = model;
    this.kernels = kernels;
    this.rows = rows;
    head = HeadRows.all(model.head());
    paged = new PagedAttention(model.blocks(), kernels, rows, tokens, pages);
    work = new TokenBuffers(model.config());
    hidden = new float[rows * model.config().width()];
  }

  /**
   * Runs new tokens of each text.
   *
   * @param tokens of each row, any number; a row without new tokens keeps its last logits' vector
   * @param logits result [rows, V]: what follows the last token of each row
   */
  public void step(int[][] tokens, Tensor logits) {
    int[] lengths = Arrays.stream(tokens).mapToInt(row -> row.length).toArray();
    LlamaConfig.require(lengths.length == rows, "batch", "tokens", lengths.length, rows + " rows");
    int places = Arrays.stream(lengths).max().orElseThrow();
    int width = model.config().width();
    if (places > 0) {
      work.require(rows * places);
      for (int row = 0; row < rows; row++) {
        model.embed(tokens[row], 0, lengths[row], work, row * places);
        int end = (row + 1) * places * width;
        Arrays.fill(work.residual, (row * places + lengths[row]) * width, end, 0);
      }
      paged.begin(lengths, EvictionPolicy.full());
      model.blocks().forward(work, rows * places, paged);
      paged.end();
    }
    for (int row = 0; row < rows; row++) {
      if (lengths[row] > 0) {
        int from = (row * places + lengths[row] - 1) * width;
        System.arraycopy(work.normed, from, hidden, row * width, width);
      }
    }
    kernels.head(Head.logits(Tensor.wrap(hidden, rows, width), head, logits));
  }

  @Override
  public void close() {
    paged.close();
  }
}
