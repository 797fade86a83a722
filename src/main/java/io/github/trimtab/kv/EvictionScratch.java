package io.github.trimtab.kv;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.List;

/** The buffers of a step's operations besides keys and values, and what the host writes there. */
final class EvictionScratch implements AutoCloseable {
  private final Scratch lengths = new Scratch();
  private final Scratch queryRows = new Scratch();
  private final Scratch window = new Scratch();
  private final Scratch scores = new Scratch();
  private final Scratch capacity = new Scratch();
  private final Scratch indices = new Scratch();

  /** New tokens of each list [R]. */
  Tensor lengths(int[] tokens) {
    Tensor tensor = lengths.tensor(DType.I32, tokens.length);
    for (int row = 0; row < tokens.length; row++) {
      tensor.setIntegerAt(tensor.offset(row), tokens[row]);
    }
    return tensor;
  }

  /** Queries that score in each list [R,W], then -1. */
  Tensor queryRows(List<Retention.Scored> scored) {
    int most = scored.stream().mapToInt(Retention.Scored::queries).max().orElse(0);
    Tensor tensor = queryRows.tensor(DType.I32, scored.size(), most);
    for (int row = 0; row < scored.size(); row++) {
      Retention.Scored retention = scored.get(row);
      for (int i = 0; i < most; i++) {
        int query = i < retention.queries() ? retention.queryRow(i) : -1;
        tensor.setIntegerAt(tensor.offset(row, i), query);
      }
    }
    return tensor;
  }

  /** Window tokens of each list, numbered behind those that it held, [R,P], then -1. */
  Tensor window(List<Retention.Scored> scored, int[] held) {
    int most = scored.stream().mapToInt(Retention.Scored::windowTokens).max().orElse(0);
    Tensor tensor = window.tensor(DType.I32, scored.size(), most);
    for (int row = 0; row < scored.size(); row++) {
      Retention.Scored retention = scored.get(row);
      for (int i = 0; i < most; i++) {
        int token = i < retention.windowTokens() ? held[row] + retention.windowToken(i) : -1;
        tensor.setIntegerAt(tensor.offset(row, i), token);
      }
    }
    return tensor;
  }

  /** Room for scores [R,G,T]. */
  Tensor scores(int rows, int heads, int tokens) {
    return scores.tensor(DType.F32, rows, heads, tokens);
  }

  /** Tokens that each list keeps [R,1]. */
  Tensor capacity(int[] kept) {
    Tensor tensor = capacity.tensor(DType.I32, kept.length, 1);
    for (int row = 0; row < kept.length; row++) {
      tensor.setIntegerAt(tensor.offset(row, 0), kept[row]);
    }
    return tensor;
  }

  /** Room for the tokens that lists keep [R,G,C]. */
  Tensor indices(int[] kept, int heads) {
    int most = Arrays.stream(kept).max().orElse(0);
    return indices.tensor(DType.I32, kept.length, heads, most);
  }

  long byteSize() {
    return lengths.byteSize()
        + queryRows.byteSize()
        + window.byteSize()
        + scores.byteSize()
        + capacity.byteSize()
        + indices.byteSize();
  }

  @Override
  public void close() {
    lengths.close();
    queryRows.close();
    window.close();
    scores.close();
    capacity.close();
    indices.close();
  }
}
