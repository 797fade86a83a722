package io.github.trimtab.speculative;

import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/**
 * A target whose likely tokens and text a {@link DynamicVocabulary} follows: when a round ends, the
 * highest logits of all its rows become part of the tail, and after them the tokens that the target
 * holds, which are the last to leave.
 *
 * <p>The prompt's ids are the caller's to add.
 *
 * <p>Threads: one at a time.
 */
public final class FollowedTarget implements TargetModel {
  private final TargetModel model;
  private final DynamicVocabulary followers;
  private final int top;
  private final int[] likely;
  private final float[] values;
  private final int[] tokens = new int[DraftTree.MOST + 1];
  private int count;

  /**
   * Follows a model.
   *
   * @param model the target
   * @param followers what follows it
   * @param top how many of the highest logits of a row, 1 or more
   */
  public FollowedTarget(TargetModel model, DynamicVocabulary followers, int top) {
    if (top < 1 || top > model.vocabulary()) {
      throw new IllegalArgumentException(
          "top: " + top + ", expected 1 to the vocabulary's " + model.vocabulary());
    }
    this.model = model;
    this.followers = followers;
    this.top = top;
    this.likely = new int[Math.multiplyExact(tokens.length, top)];
    this.values = new float[top];
  }

  @Override
  public int vocabulary() {
    return model.vocabulary();
  }

  @Override
  public void step(int[] tokens, int[] parents, int count, Tensor logits) {
    model.step(tokens, parents, count, logits);
    System.arraycopy(tokens, 0, this.tokens, 0, count);
    this.count = count;
    for (int row = 0; row < count; row++) {
      highest(logits, row, row * top);
    }
  }

  /** Finds a row's highest logits, ascending (ties: the lower id is higher). */
  private void highest(Tensor logits, int row, int at) {
    Arrays.fill(values, Float.NEGATIVE_INFINITY);
    Arrays.fill(likely, at, at + top, -1);
    for (int id = 0; id < model.vocabulary(); id++) {
      float logit = logits.floatAt(logits.offset(row, id));
      if (logit > values[0]) {
        int place = 1;
        for (; place < top && logit > values[place]; place++) {
          values[place - 1] = values[place];
          likely[at + place - 1] = likely[at + place];
        }
        values[place - 1] = logit;
        likely[at + place - 1] = id;
      }
    }
  }

  @Override
  public void keep(int[] nodes, int kept) {
    model.keep(nodes, kept);
    for (int i = 0; i < count * top; i++) {
      if (likely[i] >= 0) {
        followers.add(likely[i]);
      }
    }
    for (int i = 0; i < kept; i++) {
      followers.add(tokens[nodes[i]]);
    }
  }
}
