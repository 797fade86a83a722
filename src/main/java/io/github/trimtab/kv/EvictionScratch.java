package io.github.trimtab.kv;

import io.github.trimtab.kv.Scratch.Integers;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * The buffers of a step's operations besides keys and values, and what the host writes there. All
 * that one operation reads from the host goes there in one upload.
 */
final class EvictionScratch implements AutoCloseable {
  private final Memory memory;
  // Of each layer, since a planned step's inputs are there before it runs.
  private final Scratch[] layers;
  private final Scratch scores;
  private final Scratch indices;
  private Scratch inputs;

  EvictionScratch(Memory memory, int layers) {
    this.memory = memory;
    this.layers = new Scratch[layers];
    Arrays.setAll(this.layers, _ -> new Scratch(memory));
    inputs = this.layers[0];
    scores = new Scratch(memory);
    indices = new Scratch(memory);
  }

  /** Says whose inputs come next. */
  void layer(int layer) {
    inputs = layers[memory.place().isHost() ? 0 : layer];
  }

  /** Whether operations still have to run when memory grows. */
  void planned(boolean value) {
    Arrays.stream(layers).forEach(scratch -> scratch.planned(value));
    scores.planned(value);
    indices.planned(value);
  }

  /**
   * What an eviction reads besides keys and queries.
   *
   * @param lengths new tokens of each list [R]
   * @param all tokens of each list, new ones included [R]
   * @param queryRows queries that score in each list [R,W], then -1
   * @param window window tokens of each list, numbered behind those that it held, [R,P], then -1
   * @param capacity tokens that each list keeps [R,1]
   */
  record Scored(Tensor lengths, Tensor all, Tensor queryRows, Tensor window, Tensor capacity) {}

  /**
   * What a compaction reads besides keys and values.
   *
   * @param lengths new tokens of each list [R]
   * @param indices tokens that each list keeps [R,G,C]
   */
  record Placed(Tensor lengths, Tensor indices) {}

  /**
   * What a selection by the host's scores reads.
   *
   * @param scores [R,G,T]
   * @param lengths scores that count [R,G]
   * @param capacity tokens to choose [R,G]
   */
  record Ranked(Tensor scores, Tensor lengths, Tensor capacity) {}

  /** New tokens of each list [R]. */
  Tensor lengths(int[] fresh) {
    return inputs.integers(new Integers(fresh, fresh.length))[0];
  }

  /** The lists of one eviction: what each held, is given and keeps. */
  Scored scored(List<Retention.Scored> scored, int[] held, int[] fresh, int[] kept) {
    int rows = scored.size();
    int queries = scored.stream().mapToInt(Retention.Scored::queries).max().orElse(0);
    int places = scored.stream().mapToInt(Retention.Scored::windowTokens).max().orElse(0);
    int[] queryRows = new int[rows * queries];
    int[] window = new int[rows * places];
    int[] all = new int[rows];
    Arrays.fill(queryRows, -1);
    Arrays.fill(window, -1);
    for (int row = 0; row < rows; row++) {
      Retention.Scored retention = scored.get(row);
      all[row] = held[row] + fresh[row];
      for (int i = 0; i < retention.queries(); i++) {
        queryRows[row * queries + i] = retention.queryRow(i);
      }
      for (int i = 0; i < retention.windowTokens(); i++) {
        window[row * places + i] = held[row] + retention.windowToken(i);
      }
    }
    Tensor[] uploaded =
        inputs.integers(
            new Integers(fresh, rows),
            new Integers(all, rows),
            new Integers(queryRows, rows, queries),
            new Integers(window, rows, places),
            new Integers(kept, rows, 1));
    return new Scored(uploaded[0], uploaded[1], uploaded[2], uploaded[3], uploaded[4]);
  }

  /** The lists of one compaction: what each is given, how many tokens it keeps, and which. */
  Placed placed(int[] fresh, int[] kept, int heads, int[] tokens) {
    Tensor[] uploaded =
        inputs.integers(
            new Integers(fresh, fresh.length),
            new Integers(tokens, kept.length, heads, most(kept)));
    return new Placed(uploaded[0], uploaded[1]);
  }

  /** Scores of the host [R,G,T], and of each row and head how many count and how many to choose. */
  Ranked ranked(Tensor scoresOfHost, int[] lengths, int[] capacity) {
    long rows = scoresOfHost.size(0);
    long heads = scoresOfHost.size(1);
    Tensor[] uploaded =
        inputs.integers(new Integers(lengths, rows, heads), new Integers(capacity, rows, heads));
    return new Ranked(scores.operand(scoresOfHost), uploaded[0], uploaded[1]);
  }

  /** Room for scores [R,G,T]. */
  Tensor scores(int rows, int heads, int tokens) {
    return scores.tensor(DType.F32, rows, heads, tokens);
  }

  /** Room for the tokens that rows and heads keep [R,G,C]. */
  Tensor indices(int rows, int heads, int most) {
    return indices.tensor(DType.I32, rows, heads, most);
  }

  /** Scores or indices as the host reads them: themselves on the host, else a copy, waited for. */
  Tensor onHost(Tensor tensor) {
    if (memory.place().isHost()) {
      return tensor;
    }
    int elements = Math.toIntExact(tensor.elements());
    Tensor host =
        tensor.dtype() == DType.F32
            ? Tensor.wrap(new float[elements], tensor.shape())
            : Tensor.wrap(new int[elements], tensor.shape());
    memory.download(tensor.buffer(), tensor.offset(), host.segment());
    return host;
  }

  /** Most tokens that one of the lists keeps, C. */
  static int most(int[] kept) {
    return Arrays.stream(kept).max().orElse(0);
  }

  long byteSize() {
    long bytes = scores.byteSize() + indices.byteSize();
    for (Scratch scratch : layers) {
      bytes += scratch.byteSize();
    }
    return bytes;
  }

  @Override
  public void close() {
    for (Scratch scratch : layers) {
      scratch.close();
    }
    scores.close();
    indices.close();
  }
}
