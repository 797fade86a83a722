package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A target, a draft model and its head over {@link SmallModel}s. They hold the texts that an engine
 * would hold in caches, and check that what they are told fits.
 */
final class SmallPair implements TargetModel, DraftModel, DraftHead {
  private final SmallModel target;
  private final SmallModel draft;
  private final int vocabulary;
  private final int[] ids;
  private final List<Integer> held;
  private final List<List<Integer>> nodes = new ArrayList<>();
  private List<Integer> drafted;
  private final List<List<Integer>> ran = new ArrayList<>();
  int targetSteps;
  int draftPasses;

  /**
   * Models behind a prompt without its last token.
   *
   * @param draft rows over {@code ids}
   */
  SmallPair(SmallModel target, SmallModel draft, int vocabulary, int[] ids, int... prompt) {
    this.target = target;
    this.draft = draft;
    this.vocabulary = vocabulary;
    this.ids = ids;
    this.held = new ArrayList<>(Arrays.stream(prompt, 0, prompt.length - 1).boxed().toList());
    this.drafted = List.copyOf(held);
  }

  /** The text that the target holds. */
  List<Integer> held() {
    return List.copyOf(held);
  }

  @Override
  public int vocabulary() {
    return vocabulary;
  }

  @Override
  public void step(int[] tokens, int[] parents, int count, Tensor logits) {
    targetSteps++;
    nodes.clear();
    for (int i = 0; i < count; i++) {
      assertThat(parents[i]).isBetween(i == 0 ? -1 : 0, i - 1);
      nodes.add(with(i == 0 ? held : nodes.get(parents[i]), tokens[i]));
      write(target.row(nodes.get(i)), logits, i);
    }
  }

  @Override
  public void keep(int[] path, int count) {
    List<Integer> longest = nodes.get(path[count - 1]);
    assertThat(longest).hasSize(held.size() + count);
    for (int i = 0; i < count; i++) {
      assertThat(nodes.get(path[i])).isEqualTo(longest.subList(0, held.size() + i + 1));
    }
    held.clear();
    held.addAll(longest);
  }

  @Override
  public Tensor begin(int[] kept, int keptCount, int[] tokens, int count) {
    assertThat(count).isGreaterThan(keptCount);
    List<Integer> all = new ArrayList<>(drafted);
    for (int i = 0; i < keptCount; i++) {
      all.add(tokens[i]);
      assertThat(ran.get(kept[i])).isEqualTo(all);
    }
    for (int i = keptCount; i < count; i++) {
      all.add(tokens[i]);
    }
    assertThat(all.subList(0, all.size() - 1)).isEqualTo(held);
    drafted = all;
    ran.clear();
    draftPasses++;
    return hidden(List.of(all));
  }

  @Override
  public Tensor extend(int[] tokens, int[] parents, int count) {
    draftPasses++;
    List<List<Integer>> added = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      assertThat(parents[i]).isBetween(-1, ran.size() - 1);
      added.add(with(parents[i] < 0 ? drafted : ran.get(parents[i]), tokens[i]));
    }
    ran.addAll(added);
    return hidden(added);
  }

  private static List<Integer> with(List<Integer> text, int token) {
    List<Integer> longer = new ArrayList<>(text);
    longer.add(token);
    return longer;
  }

  /** Texts as vectors: their length, then their tokens. */
  private static Tensor hidden(List<List<Integer>> texts) {
    int width = 1 + texts.stream().mapToInt(List::size).max().orElse(0);
    float[] values = new float[texts.size() * width];
    for (int i = 0; i < texts.size(); i++) {
      values[i * width] = texts.get(i).size();
      for (int j = 0; j < texts.get(i).size(); j++) {
        values[i * width + 1 + j] = texts.get(i).get(j);
      }
    }
    return Tensor.wrap(values, texts.size(), width);
  }

  private float[] row(Tensor hidden, int i) {
    List<Integer> text = new ArrayList<>();
    for (int j = 1; j <= hidden.floatAt(hidden.offset(i, 0)); j++) {
      text.add((int) hidden.floatAt(hidden.offset(i, j)));
    }
    return draft.row(text);
  }

  @Override
  public Tensor ids() {
    return Tensor.wrap(ids, ids.length);
  }

  @Override
  public void logits(Tensor hidden, Tensor logits) {
    assertThat(logits.shape()).containsExactly(hidden.size(0), ids.length);
    for (int i = 0; i < hidden.size(0); i++) {
      write(row(hidden, i), logits, i);
    }
  }

  @Override
  public void top(Tensor hidden, Tensor top, Tensor values, Tensor logSumExp) {
    for (int i = 0; i < hidden.size(0); i++) {
      float[] row = row(hidden, i).clone();
      for (int j = 0; j < top.size(1); j++) {
        int best = 0;
        for (int place = 0; place < row.length; place++) {
          best = row[place] > row[best] ? place : best;
        }
        top.setIntegerAt(top.offset(i, j), ids[best]);
        values.setFloatAt(values.offset(i, j), (float) Math.log(Math.max(row[best], 0)));
        row[best] = -1;
      }
      logSumExp.setFloatAt(logSumExp.offset(i), 0f);
    }
  }

  private static void write(float[] row, Tensor logits, int i) {
    for (int id = 0; id < row.length; id++) {
      logits.setFloatAt(logits.offset(i, id), (float) Math.log(row[id]));
    }
  }
}
