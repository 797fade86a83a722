package io.github.trimtab.speculative;

import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/**
 * Grows a tree level by level and keeps its best nodes, EAGLE-2 (Li et al. 2024, section 4).
 *
 * <p>A node's score is the cumulative log q of its path, with q over the kept ids alone; equal
 * scores go to the node found first. A child never scores above its parent and is found after it,
 * so the best nodes always form a tree.
 */
final class TreeExpansion {
  private final DraftSide draft;
  private final int width;
  private final int depth;
  private final int nodes;

  // Candidates in the order in which they were found; a parent is a candidate or -1.
  private final int[] tokens;
  private final int[] parents;
  private final float[] scores;
  private final int[] runs;
  private int found;

  private final int[] frontier;
  private final int[] frontierTokens;
  private final int[] frontierParents;
  private final int[] topIds;
  private final float[] topValues;
  private final float[] logSumExp;
  private final long[] keys;
  private final int[] places;

  TreeExpansion(DraftSide draft, Drafting.Tree tree) {
    this.draft = draft;
    this.width = tree.width();
    this.depth = tree.depth();
    this.nodes = tree.nodes();
    int most = width + (depth - 1) * width * width;
    tokens = new int[most];
    parents = new int[most];
    scores = new float[most];
    runs = new int[most];
    keys = new long[most];
    places = new int[most];
    frontier = new int[Math.max(width, nodes)];
    frontierTokens = new int[width];
    frontierParents = new int[width];
    topIds = new int[width * width];
    topValues = new float[width * width];
    logSumExp = new float[width];
  }

  /** Grows a tree behind the draft model's root. */
  void grow(DraftTree tree) {
    draft.begin();
    found = 0;
    frontier[0] = -1;
    addChildren(1);
    int level = 0;
    for (int i = 1; i < depth && level < found; i++) {
      int count = best(level, width);
      for (int j = 0; j < count; j++) {
        int candidate = frontier[j];
        frontierTokens[j] = tokens[candidate];
        frontierParents[j] = parents[candidate] < 0 ? -1 : runs[parents[candidate]];
      }
      int first = draft.extend(frontierTokens, frontierParents, count);
      for (int j = 0; j < count; j++) {
        runs[frontier[j]] = first + j;
      }
      level = found;
      addChildren(count);
    }
    int count = best(0, nodes);
    for (int i = 0; i < count; i++) {
      int candidate = frontier[i];
      int parent = parents[candidate] < 0 ? -1 : places[parents[candidate]];
      places[candidate] = tree.add(tokens[candidate], parent);
      tree.setRun(places[candidate], runs[candidate]);
    }
  }

  /** Adds the most probable children of the frontier's first nodes, which were run last. */
  private void addChildren(int count) {
    int children = Math.min(width, draft.size());
    draft.top(
        Tensor.wrap(topIds, count, children),
        Tensor.wrap(topValues, count, children),
        Tensor.wrap(logSumExp, count));
    for (int i = 0; i < count; i++) {
      float score = frontier[i] < 0 ? 0f : scores[frontier[i]];
      for (int j = 0; j < children; j++) {
        // Rounding must not raise a child above its parent.
        float logProbability = Math.min(topValues[i * children + j] - logSumExp[i], 0f);
        if (logProbability > Float.NEGATIVE_INFINITY) {
          tokens[found] = topIds[i * children + j];
          parents[found] = frontier[i];
          scores[found] = score + logProbability;
          runs[found] = -1;
          found++;
        }
      }
    }
  }

  /** Puts the best candidates from {@code from} on into the frontier, in rising order. */
  private int best(int from, int most) {
    int candidates = found - from;
    for (int i = 0; i < candidates; i++) {
      // Scores are not above 0: as their bits rise, they fall.
      int bits = Float.floatToRawIntBits(-scores[from + i] + 0f);
      keys[i] = (long) bits << 32 | (from + i);
    }
    Arrays.sort(keys, 0, candidates);
    int count = Math.min(most, candidates);
    for (int i = 0; i < count; i++) {
      frontier[i] = (int) keys[i];
    }
    Arrays.sort(frontier, 0, count);
    return count;
  }
}
