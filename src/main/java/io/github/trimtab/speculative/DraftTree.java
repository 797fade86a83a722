package io.github.trimtab.speculative;

import java.util.Arrays;

/**
 * Drafted tokens of a round. Every node has a parent, an earlier node or the root (-1), which is
 * the token emitted last and no node itself. With the root a tree fits the 64 queries of tree
 * attention.
 *
 * <p>Threads: one at a time.
 */
public final class DraftTree {
  /** Most nodes of a tree. */
  public static final int MOST = 63;

  private final int[] tokens = new int[MOST];
  private final int[] parents = new int[MOST];
  private final long[] ancestors = new long[MOST];
  private final int[] runs = new int[MOST];
  private int size;

  DraftTree() {}

  /** Nodes. */
  public int size() {
    return size;
  }

  /** A node's token. */
  public int token(int node) {
    return tokens[node];
  }

  /** A node's parent, -1 for the root. */
  public int parent(int node) {
    return parents[node];
  }

  /** The node and its ancestors: bit i is set for node i. */
  public long ancestors(int node) {
    return ancestors[node];
  }

  /** The child of a node that holds a token, or -1. */
  public int child(int node, int token) {
    for (int i = node + 1; i < size; i++) {
      if (parents[i] == node && tokens[i] == token) {
        return i;
      }
    }
    return -1;
  }

  /** The number under which the draft model ran a node in this round; -1 if it did not. */
  int run(int node) {
    return runs[node];
  }

  void setRun(int node, int run) {
    runs[node] = run;
  }

  void clear() {
    size = 0;
  }

  /** Adds a node behind the others and returns its number. */
  int add(int token, int parent) {
    tokens[size] = token;
    parents[size] = parent;
    ancestors[size] = 1L << size | (parent < 0 ? 0 : ancestors[parent]);
    runs[size] = -1;
    return size++;
  }

  @Override
  public String toString() {
    return "DraftTree[tokens="
        + Arrays.toString(Arrays.copyOf(tokens, size))
        + ", parents="
        + Arrays.toString(Arrays.copyOf(parents, size))
        + "]";
  }
}
