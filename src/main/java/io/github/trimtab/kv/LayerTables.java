package io.github.trimtab.kv;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.Mirror;
import io.github.trimtab.memory.PagePool;

/** The lists of all layers, and of one more, a spare into which survivors are written. */
final class LayerTables implements AutoCloseable {
  private final PagePool pool;
  private final int lists;
  private final Mirror words;
  private final BlockTable[] layers;
  // Survivors are written into its lists, which then change places with a layer's.
  private final BlockTable spare;

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
    this.words = Mirror.of(memory, DType.I32, (layers + 1L) * words);
    this.layers = new BlockTable[layers];
    for (int layer = 0; layer < layers; layer++) {
      this.layers[layer] = new BlockTable(pool, this.words, layer * words, rows, lists, maxTokens);
    }
    this.spare = new BlockTable(pool, this.words, layers * words, rows, lists, maxTokens);
  }

  int layers() {
    return layers.length;
  }

  BlockTable layer(int layer) {
    return layers[layer];
  }

  BlockTable spare() {
    return spare;
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
