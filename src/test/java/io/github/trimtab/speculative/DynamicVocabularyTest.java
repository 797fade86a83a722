package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DynamicVocabularyTest {
  private static List<Integer> ids(DynamicVocabulary vocabulary) {
    Tensor ids = vocabulary.ids();
    return IntStream.range(0, (int) ids.size(0))
        .mapToObj(i -> (int) ids.integerAt(ids.offset(i)))
        .toList();
  }

  /** Against a set in the order of use. */
  @Test
  void theLeastRecentlyAddedLeave() {
    for (int seed = 0; seed < 30; seed++) {
      Random random = new Random(seed);
      int[] core = random.ints(0, 40).distinct().limit(seed % 7).toArray();
      int capacity = seed % 9;
      DynamicVocabulary vocabulary = new DynamicVocabulary(40, core, 7, capacity);
      LinkedHashSet<Integer> tail = new LinkedHashSet<>();
      for (int step = 0; step < 300; step++) {
        int id = random.nextInt(40);
        vocabulary.add(id);
        if (IntStream.of(core).noneMatch(kept -> kept == id) && capacity > 0) {
          tail.remove(id);
          tail.add(id);
          if (tail.size() > capacity) {
            tail.removeFirst();
          }
        }
        if (random.nextInt(50) == 0) {
          vocabulary.clearTail();
          tail.clear();
        }
        if (random.nextInt(50) == 0) {
          core = random.ints(0, 40).distinct().limit(random.nextInt(8)).toArray();
          vocabulary.setCore(core);
          tail.clear();
        }
        List<Integer> ids = ids(vocabulary);
        assertThat(ids.subList(0, core.length)).isEqualTo(IntStream.of(core).boxed().toList());
        assertThat(ids.subList(core.length, ids.size())).hasSameElementsAs(tail);
        assertThat(ids).hasSize(core.length + tail.size()).doesNotHaveDuplicates();
        Set<Integer> kept = new TreeSet<>(ids);
        for (int any = 0; any < 40; any++) {
          assertThat(vocabulary.contains(any)).isEqualTo(kept.contains(any));
        }
      }
    }
  }

  /** Only the place of the id that leaves is written. */
  @Test
  void otherPlacesStay() {
    DynamicVocabulary vocabulary = new DynamicVocabulary(100, new int[] {50, 3}, 2, 3);
    vocabulary.addAll(new int[] {7, 8, 9, 7, 50}, 5);
    assertThat(ids(vocabulary)).containsExactly(50, 3, 7, 8, 9);
    Tensor before = vocabulary.ids();
    vocabulary.add(60);
    assertThat(ids(vocabulary)).containsExactly(50, 3, 7, 60, 9);
    assertThat(before.integerAt(before.offset(3))).isEqualTo(60);
    assertThat(vocabulary.coreSize()).isEqualTo(2);
  }

  @Test
  void badInputLeavesAllAsItWas() {
    DynamicVocabulary vocabulary = new DynamicVocabulary(10, new int[] {1, 2}, 3, 2);
    vocabulary.add(5);
    refused("id: 10", () -> vocabulary.add(10));
    refused("id: -1", () -> vocabulary.add(-1));
    refused("core: id 4 twice", () -> vocabulary.setCore(new int[] {4, 4}));
    refused("core: 10", () -> vocabulary.setCore(new int[] {4, 10}));
    refused("core: 4 ids", () -> vocabulary.setCore(new int[] {4, 5, 6, 7}));
    assertThat(ids(vocabulary)).containsExactly(1, 2, 5);
    refused("tail: -1", () -> new DynamicVocabulary(10, new int[0], 0, -1));
  }

  private static void refused(String message, Runnable making) {
    assertThatIllegalArgumentException()
        .isThrownBy(making::run)
        .withMessageContaining(message)
        .withMessageContaining(", expected ");
  }

  /** A tail that follows a target of few words soon covers all that it says. */
  @Test
  void followsATarget() {
    int vocabulary = 50;
    SmallModel target =
        new SmallModel(context -> {
          float[] row = new float[vocabulary];
          row[(context.size() * 7) % 35] = 0.75f;
          row[(context.size() * 7) % 35 + 7] = 0.25f;
          return row;
        });
    DynamicVocabulary following = new DynamicVocabulary(vocabulary, new int[] {49}, 1, 12);
    SmallPair pair = new SmallPair(target, target, vocabulary, new int[0], 0);
    FollowedTarget followed = new FollowedTarget(pair, following, 2);
    SpeculativeDecoder decoder =
        SpeculativeDecoder.plain(
            Backends.named("scalar").kernels(),
            followed,
            Warping.temperature(1f),
            new Random(1),
            new int[] {0});
    int[] emitted = new int[1];
    List<Integer> text = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      int _ = decoder.next(emitted);
      text.add(emitted[0]);
    }
    assertThat(ids(following)).first().isEqualTo(49);
    assertThat(ids(following)).containsAll(text);
  }
}
