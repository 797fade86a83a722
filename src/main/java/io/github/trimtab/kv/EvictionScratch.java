package io.github.trimtab.kv;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.List;

/** The buffers of a step's operations besides keys and values, and what the host writes there. */
final class EvictionScratch implements AutoCloseable {
  private final Scratch lengths;
  private final Scratch queryRows;
  private final Scratch window;
  private final Scratch scores;
  private final Scratch capacity;
  private final Scratch indices;

  EvictionScratch(Memory memory) {
    lengths = new Scratch(memory);
    queryRows = new Scratch(memory);
    window = new Scratch(memory);
    scores = new Scratch(memory);
    capacity = new Scratch(memory);
    indices = new Scratch(memory);
  }

  /** New tokens of each list [R]. */
  Tensor lengths(int[] tokens) {
    return lengths.integers(tokens, tokens.length);
  }

  /** Queries that score in each list [R,W], then -1. */
  Tensor queryRows(List<Retention.Scored> scored) {
    int most = scored.stream().mapToInt(Retention.Scored::queries).max().orElse(0);
    int[] values = new int[scored.size() * most];
    for (int row = 0; row < scored.size(); row++) {
      Retention.Scored retention = scored.get(row);
      for (int i = 0; i < most; i++) {
        values[row * most + i] = i < retention.queries() ? retention.queryRow(i) : -1;
      }
    }
    return queryRows.integers(values, scored.size(), most);
  }

  /** Window tokens of each list, numbered behind those that it held, [R,P], then -1. */
  Tensor window(List<Retention.Scored> scored, int[] held) {
    int most = scored.stream().mapToInt(Retention.Scored::windowTokens).max().orElse(0);
    int[] values = new int[scored.size() * most];
    for (int row = 0; row < scored.size(); row++) {
      Retention.Scored retention = scored.get(row);
      for (int i = 0; i < most; i++) {
        values[row * most + i] =
            i < retention.windowTokens() ? held[row] + retention.windowToken(i) : -1;
      }
    }
    return window.integers(values, scored.size(), most);
  }

  /** Room for scores [R,G,T]. */
  Tensor scores(int rows, int heads, int tokens) {
    return scores.tensor(DType.F32, rows, heads, tokens);
  }

  /** Tokens that each list keeps [R,1]. */
  Tensor capacity(int[] kept) {
    return capacity.integers(kept, kept.length, 1);
  }

  /** Room for the tokens that lists keep [R,G,C]. */
  Tensor indices(int[] kept, int heads) {
    return indices.tensor(DType.I32, kept.length, heads, most(kept));
  }

  /** The tokens that lists keep, as the host chose them, [R,G,C]. */
  Tensor indices(int[] kept, int heads, int[] tokens) {
    return indices.integers(tokens, kept.length, heads, most(kept));
  }

  /** Most tokens that one of the lists keeps, C. */
  static int most(int[] kept) {
    return Arrays.stream(kept).max().orElse(0);
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
