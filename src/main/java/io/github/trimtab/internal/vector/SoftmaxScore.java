package io.github.trimtab.internal.vector;

import static io.github.trimtab.internal.vector.Lanes.FLOATS;
import static jdk.incubator.vector.FloatVector.fromArray;

import io.github.trimtab.internal.vector.Workspace.Ints;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Softmax weights of one head summed over queries: per query max, sum of exponentials and division,
 * as softmax-mode scores and column sums have them.
 */
final class SoftmaxScore {
  private SoftmaxScore() {}

  /**
   * Writes the sums of a head's tokens, divided by the group's size.
   *
   * @param places the queries among those of {@code q}, in their order, {@code present} of them
   * @param causal the queries are the last positions of a causal sequence
   * @param sums with {@link Dots#room} for the tokens
   */
  static void head(
      Tensor q,
      int[] places,
      int present,
      int group,
      @Nullable PagedKv history,
      @Nullable NewTokens fresh,
      int row,
      int head,
      boolean causal,
      float scale,
      float[] sums,
      Workspace own) {
    QueryTile tile = own.queries;
    tile.begin(history, fresh, row, head, (int) q.size(3));
    int tokens = tile.tokens();
    int[] visible = own.ints(Ints.VISIBLE, QueryTile.MOST);
    Arrays.fill(sums, 0, Dots.room(tokens), 0f);
    for (int i = 0; i < present; i++) {
      for (int member = 0; member < group; member++) {
        visible[tile.held()] = causal ? Math.max(tokens - present + i + 1, 0) : tokens;
        tile.add(q, head * group + member, places[i]);
        if (tile.isFull() || (i == present - 1 && member == group - 1)) {
          // Later queries see more.
          tile.fill(history, fresh, visible[tile.held() - 1], scale);
          for (int held = 0; held < tile.held(); held++) {
            addWeights(tile, held, visible[held], sums);
          }
          tile.clear();
        }
      }
    }
    for (int t = 0; t < tokens; t += Lanes.COUNT) {
      fromArray(FLOATS, sums, t).div(group).intoArray(sums, t);
    }
  }

  private static void addWeights(QueryTile tile, int query, int visible, float[] sums) {
    if (visible == 0) {
      return;
    }
    float[] weights = tile.logits();
    int at = tile.at(query);
    VectorExp.ofNonPositive(weights, at, visible, max(weights, at, visible), weights, at);
    float sum = tile.sum(query, 0, visible);
    int whole = visible - visible % Lanes.COUNT;
    for (int t = 0; t < whole; t += Lanes.COUNT) {
      fromArray(FLOATS, sums, t)
          .add(fromArray(FLOATS, weights, at + t).div(sum))
          .intoArray(sums, t);
    }
    for (int t = whole; t < visible; t++) {
      sums[t] += weights[at + t] / sum;
    }
  }

  static float max(float[] values, int index, int count) {
    FloatVector max = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    int t = 0;
    for (; t + Lanes.COUNT <= count; t += Lanes.COUNT) {
      max = max.max(fromArray(FLOATS, values, index + t));
    }
    float largest = max.reduceLanes(VectorOperators.MAX);
    for (; t < count; t++) {
      largest = Math.max(largest, values[index + t]);
    }
    return largest;
  }
}
