package io.github.trimtab.kv;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** The buffers of an eviction besides keys and values, and what the host writes into them. */
final class EvictionScratch implements AutoCloseable {
  private final Scratch queryRows = new Scratch();
  private final Scratch window = new Scratch();
  private final Scratch scores = new Scratch();
  private final Scratch capacity = new Scratch();
  private final Scratch indices = new Scratch();

  /** What an {@link io.github.trimtab.kernel.Evict} reads and writes besides queries and pages. */
  record Inputs(Tensor queryRows, Tensor window, Tensor scores, Tensor capacity, Tensor indices) {}

  /**
   * Buffers filled for an eviction.
   *
   * @param retentions one for each row
   * @param held history tokens of each row
   * @param all tokens of each list, new ones included
   * @param kept tokens of each list afterwards
   * @param queries rows of q
   */
  Inputs inputs(
      List<Retention.Scored> retentions,
      int[] held,
      int[] all,
      int[] kept,
      int heads,
      long queries) {
    int rows = retentions.size();
    int lists = all.length / rows;
    int mostQueries = 0;
    int mostWindow = 0;
    for (Retention.Scored retention : retentions) {
      mostQueries = Math.max(mostQueries, retention.queries());
      mostWindow = Math.max(mostWindow, retention.windowTokens());
    }
    Tensor queryTensor = queryRows.tensor(DType.I32, rows, mostQueries);
    Tensor windowTensor = window.tensor(DType.I32, rows, mostWindow);
    for (int row = 0; row < rows; row++) {
      Retention.Scored retention = retentions.get(row);
      if (!retention.scoring().equals(retentions.getFirst().scoring())) {
        throw new IllegalArgumentException(
            "scoring of row "
                + row
                + ": "
                + retention.scoring()
                + ", expected that of row 0, "
                + retentions.getFirst().scoring());
      }
      fill(queryTensor, row, retention.queries(), retention::queryRow, 0, queries, "queryRows");
      fill(
          windowTensor,
          row,
          retention.windowTokens(),
          retention::windowToken,
          held[row],
          all[row * lists],
          "window");
    }
    Tensor capacityTensor = capacity.tensor(DType.I32, rows, lists);
    for (int list = 0; list < kept.length; list++) {
      capacityTensor.setIntegerAt(capacityTensor.offset(list / lists, list % lists), kept[list]);
    }
    return new Inputs(
        queryTensor,
        windowTensor,
        scores.tensor(DType.F32, rows, heads, Arrays.stream(all).max().orElse(0)),
        capacityTensor,
        indices.tensor(DType.I32, rows, heads, Arrays.stream(kept).max().orElse(0)));
  }

  /** Writes {@code count} positions counted from {@code start}, then -1. */
  private static void fill(
      Tensor tensor,
      int row,
      int count,
      IntUnaryOperator positions,
      int start,
      long end,
      String name) {
    for (int i = 0; i < tensor.size(1); i++) {
      long position = -1;
      if (i < count) {
        position = (long) start + positions.applyAsInt(i);
        if (position < 0 || position >= end) {
          throw new IllegalArgumentException(
              name
                  + " of row "
                  + row
                  + ": "
                  + positions.applyAsInt(i)
                  + ", expected "
                  + -start
                  + ".."
                  + (end - start - 1));
        }
      }
      tensor.setIntegerAt(tensor.offset(row, i), position);
    }
  }

  /** Indices [R,G,C] of the oldest and newest of {@code all[list]} tokens. */
  Tensor ends(Retention.Ends ends, int[] all, int rows, int heads) {
    int lists = all.length / rows;
    int most = Arrays.stream(all).map(tokens -> ends.kept(0, tokens, 0)).max().orElse(0);
    Tensor tensor = indices.tensor(DType.I32, rows, heads, most);
    for (int row = 0; row < rows; row++) {
      int tokens = all[row * lists];
      int kept = ends.kept(0, tokens, 0);
      for (int i = 0; i < most; i++) {
        int index = i >= kept ? -1 : i < ends.oldest() ? i : tokens - kept + i;
        for (int head = 0; head < heads; head++) {
          tensor.setIntegerAt(tensor.offset(row, head, i), index);
        }
      }
    }
    return tensor;
  }

  long byteSize() {
    return queryRows.byteSize()
        + window.byteSize()
        + scores.byteSize()
        + capacity.byteSize()
        + indices.byteSize();
  }

  @Override
  public void close() {
    queryRows.close();
    window.close();
    scores.close();
    capacity.close();
    indices.close();
  }
}
