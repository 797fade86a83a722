package io.github.trimtab.kv;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;

/** The lists of all layers, and of each a spare into which survivors are written. */
final class LayerTables implements AutoCloseable {
  private final PagePool pool;
  private final int lists;
  private final Mirror words;
  private final BlockTable[] layers;
  // Survivors are written into its lists, which then change places with the layer's.
  private final BlockTable[] spares;

  /**
   * Empty lists.
   *
   * @param memory where operations read the tables
   * @param lists of a row
   * @param words integers that the tables of one layer take
   */
  LayerTables(
      Memory memory, PagePool pool, int layers, int rows, int lists, int maxTokens, long words) {
    this.pool = pool;
    this.lists = lists;
    this.words = new Mirror(memory, 2L * layers * words);
    this.layers = new BlockTable[layers];
    this.spares = new BlockTable[layers];
    for (int layer = 0; layer < layers; layer++) {
      this.layers[layer] = new BlockTable(pool, this.words, layer * words, rows, lists, maxTokens);
      long behind = (layers + layer) * words;
      this.spares[layer] = new BlockTable(pool, this.words, behind, rows, lists, maxTokens);
    }
  }

  /** Lists of a row in a cache of that shape: one for all heads, or one a head. */
  static int lists(PageLayout layout, int layers, int rows, int heads) {
    require(layers >= 1, "layers", layers, "1 or more");
    require(rows >= 1, "rows", rows, "1 or more");
    require(
        heads >= 1 && (heads == layout.heads() || layout.heads() == 1),
        "heads",
        heads,
        layout.heads() == 1 ? "1 or more" : layout.heads() + " as a page holds");
    return heads == layout.heads() ? 1 : heads;
  }

  int layers() {
    return layers.length;
  }

  BlockTable layer(int layer) {
    return layers[layer];
  }

  BlockTable spare(int layer) {
    return spares[layer];
  }

  /** Brings the tables of all layers up to date, in one copy. */
  void upload() {
    BlockTable.upload(words, layers);
  }

  /** Begins a step whose operations are decided before it runs: gathers what they shall see. */
  void stage() {
    words.stage();
    for (int layer = 0; layer < layers.length; layer++) {
      layers[layer].markShown();
      spares[layer].markShown();
    }
  }

  /** Shows it to them in one copy; what the host writes from now on is the step's outcome. */
  void uploadStaged() {
    words.uploadStaged();
  }

  /** Ends such a step. */
  void settle() {
    words.settle();
  }

  /** Lets a row hold what another row holds, in all layers. */
  void share(int fromRow, int toRow) {
    for (BlockTable table : layers) {
      for (int list = 0; list < lists; list++) {
        table.share(fromRow * lists + list, toRow * lists + list, pool);
      }
    }
  }

  /** Empties every list. */
  void clear() {
    for (BlockTable table : layers) {
      table.releaseAll(pool);
    }
  }

  /** Empties the lists of a row. */
  void clear(int row) {
    for (BlockTable table : layers) {
      for (int list = 0; list < lists; list++) {
        table.release(row * lists + list, pool);
      }
    }
  }

  /** Tokens that every list of a row has. */
  int least(int row) {
    int least = Integer.MAX_VALUE;
    for (BlockTable table : layers) {
      for (int list = 0; list < lists; list++) {
        least = Math.min(least, table.length(row * lists + list));
      }
    }
    return least;
  }

  /** Takes the last tokens from every list of a row. */
  void truncate(int row, int newest) {
    for (BlockTable table : layers) {
      for (int list = 0; list < lists; list++) {
        table.truncate(row * lists + list, newest, pool);
      }
    }
  }

  @Override
  public void close() {
    words.close();
  }
}
