package io.github.trimtab.engine.llama;

import io.github.trimtab.kernel.Attend;
import io.github.trimtab.kernel.Mask;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention of a tree of tokens that may or may not become text: each sees what a one-row cache
 * holds and its own ancestors. Their keys and values stay outside the pages until one path is kept,
 * so that nothing has to be taken back.
 *
 * <p>Threads: one at a time.
 */
final class TreeAttention implements BlockAttention, AutoCloseable {

  private final PagedAttention paged;
  private final LlamaConfig config;
  private final Appends appends;
  private final HeadsBuffer[] layers;
  private final int[] parents = new int[Attend.MAX_TREE];
  private final Buffer shown;
  private final int[] depths = new int[Attend.MAX_TREE];
  private int nodes;
  private int fresh;
  private int[] positions = {};
  private boolean chain = true;

  TreeAttention(PagedAttention paged, LlamaBackend on) {
    this.paged = paged;
    config = paged.config();
    appends = on.appends(paged.cache());
    shown = paged.memory().allocate((long) Attend.MAX_TREE * Integer.BYTES);
    layers = new HeadsBuffer[config.layers()];
    Arrays.setAll(layers, layer -> new HeadsBuffer(config, paged.memory(), 1, Attend.MAX_TREE));
  }

  /** Nodes of the tree that have run. */
  int nodes() {
    return nodes;
  }

  /**
   * Announces nodes that come next.
   *
   * @param parents each node's parent, an earlier node, or -1 for what the cache holds
   * @throws IllegalArgumentException if the tree or the text grows too large, or a parent is none
   */
  void begin(int[] parents, int count) {
    if (count < 1 || count > Attend.MAX_TREE - nodes) {
      throw new IllegalArgumentException(
          "nodes: " + (nodes + count) + ", expected 1 to " + Attend.MAX_TREE + " in a tree");
    }
    int deepest = 0;
    for (int i = 0; i < count; i++) {
      int node = nodes + i;
      if (parents[i] < -1 || parents[i] >= node) {
        throw new IllegalArgumentException(
            "parent of node " + node + ": " + parents[i] + ", expected -1 to " + (node - 1));
      }
      this.parents[node] = parents[i];
      depths[node] = parents[i] < 0 ? 0 : depths[parents[i]] + 1;
      deepest = Math.max(deepest, depths[node]);
      chain &= parents[i] == node - 1;
    }
    paged.requireRoom(0, deepest + 1);
    fresh = count;
    positions = new int[count];
    Arrays.setAll(positions, i -> paged.position(0) + depths[nodes + i]);
  }

  @Override
  public Object prepare() {
    if (!chain) {
      MemorySegment all = MemorySegment.ofArray(parents);
      long bytes = (long) (nodes + fresh) * Integer.BYTES;
      paged.memory().upload(all.asSlice(0, bytes), shown, 0);
    }
    paged.cache().refresh();
    return new Shape(nodes, fresh, chain);
  }

  private record Shape(int nodes, int fresh, boolean chain) {}

  @Override
  public int[] positions() {
    return positions;
  }

  @Override
  public void attend(int layer, Streams streams) {
    HeadsBuffer buffer = layers[layer];
    streams.put(buffer, nodes);
    int all = nodes + fresh;
    if (chain && fresh == 1) {
      attend(layer, buffer, nodes, all, Mask.NONE, null);
    } else if (chain && nodes == 0) {
      attend(layer, buffer, 0, all, Mask.CAUSAL, null);
    } else {
      // The mask wants as many queries as tokens: earlier nodes ask again, and their answer is
      // left.
      attend(layer, buffer, 0, all, Mask.TREE, Tensor.of(DType.I32, shown, 1, all));
    }
    streams.take(buffer, nodes);
  }

  private void attend(
      int layer, HeadsBuffer buffer, int from, int all, Mask mask, @Nullable Tensor parents) {
    paged
        .cache()
        .attend(
            layer,
            buffer.queries(from, all - from),
            null,
            buffer.fresh(all, null),
            mask,
            parents,
            paged.scale(),
            buffer.results(from, all - from),
            null);
  }

  /**
   * Announces a chain that becomes text at once, with {@link #keepAll}.
   *
   * @param count tokens, 1 to {@link Attend#MAX_TREE}, behind the cache's last
   */
  void beginText(int count) {
    int[] chain = new int[count];
    Arrays.setAll(chain, i -> i - 1);
    begin(chain, count);
  }

  /** Ends the step that {@link #beginText} announced. */
  void keepAll() {
    end();
    int[] path = new int[nodes];
    Arrays.setAll(path, i -> i);
    keep(path, nodes);
  }

  /** Ends the step that {@link #begin} announced. */
  void end() {
    nodes += fresh;
  }

  /**
   * Puts a path into the cache and forgets the other nodes.
   *
   * @param path nodes from a child of the cache's last token downward, each the parent of the next
   * @throws IllegalArgumentException if it is no such path
   */
  void keep(int[] path, int count) {
    for (int i = 0; i < count; i++) {
      int parent = i == 0 ? -1 : path[i - 1];
      if (path[i] < 0 || path[i] >= nodes || parents[path[i]] != parent) {
        throw new IllegalArgumentException(
            "path: node " + path[i] + " at " + i + ", expected a child of node " + parent);
      }
    }
    if (count > 0) {
      List<NewTokens> kept = new ArrayList<>(layers.length);
      for (HeadsBuffer layer : layers) {
        for (int i = 0; i < count; i++) {
          if (path[i] != i) {
            layer.move(path[i], i);
          }
        }
        kept.add(layer.fresh(count, null));
      }
      appends.append(kept);
      paged.advance(count);
    }
    nodes = 0;
    chain = true;
  }

  @Override
  public void close() {
    appends.close();
    shown.close();
    for (HeadsBuffer layer : layers) {
      layer.close();
    }
  }
}
