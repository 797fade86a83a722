package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Kernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The law of whole decoding rounds, drafting included, by running every sequence of uniforms there
 * is: models are such that every decision changes only at multiples of 1/cells, so that one uniform
 * a cell gives the exact law.
 */
class LosslessDecodingTest {
  private static final Kernels KERNELS = Backends.named("vector").kernels();
  private static final int IDS = 4;

  /** Plays all sequences of cell middles, however many each run takes. */
  private static final class EveryUniform implements RandomGenerator {
    private final int cells;
    private final List<Integer> digits = new ArrayList<>();
    private int taken;

    EveryUniform(int cells) {
      this.cells = cells;
    }

    @Override
    public float nextFloat() {
      if (taken == digits.size()) {
        digits.add(0);
      }
      return (digits.get(taken++) + 0.5f) / cells;
    }

    @Override
    public long nextLong() {
      throw new AssertionError("only uniforms are drawn");
    }

    double weight() {
      return Math.pow(cells, -taken);
    }

    /** Moves on to the next sequence; false after the last. */
    boolean advance() {
      while (digits.size() > taken) {
        digits.removeLast();
      }
      taken = 0;
      while (!digits.isEmpty()) {
        int last = digits.removeLast();
        if (last + 1 < cells) {
          digits.add(last + 1);
          return true;
        }
      }
      return false;
    }
  }

  /** Rows of whole quarters whose residual against each other has a total of 0, 1/4, 1/2 or 1. */
  private static final List<float[]> QUARTERS =
      List.of(
          new float[] {0.5f, 0.25f, 0.25f, 0},
          new float[] {0.25f, 0.5f, 0, 0.25f},
          new float[] {0, 0.5f, 0.25f, 0.25f},
          new float[] {0.5f, 0, 0, 0.5f},
          new float[] {0.25f, 0.25f, 0.25f, 0.25f});

  private static final List<float[]> HALVES =
      List.of(
          new float[] {0.5f, 0, 0.5f, 0}, new float[] {0, 0.5f, 0, 0.5f}, new float[] {1, 0, 0, 0});

  /** The same, after every rejection, against a draft of two ids. */
  private static final List<float[]> SIBLINGS =
      List.of(
          new float[] {0.5f, 0.25f, 0.25f, 0},
          new float[] {0.75f, 0.25f, 0, 0},
          new float[] {0.25f, 0.5f, 0, 0.25f},
          new float[] {0.25f, 0.25f, 0.25f, 0.25f});

  private static final List<float[]> DRAFT_OF_TWO = List.of(new float[] {0.5f, 0.5f, 0});

  /** Of the kept ids alone. */
  private static final List<float[]> DRAFT_QUARTERS =
      List.of(new float[] {0.5f, 0.25f, 0.25f}, new float[] {0.25f, 0.5f, 0.25f});

  private static final List<float[]> DRAFT_HALVES =
      List.of(new float[] {0.5f, 0.5f, 0}, new float[] {0.5f, 0, 0.5f});

  private static SmallModel oneOf(long seed, List<float[]> rows) {
    return new SmallModel(
        context -> rows.get(new Random(31L * context.hashCode() + seed).nextInt(rows.size())));
  }

  static Stream<Arguments> draftings() {
    Warping draft = Warping.temperature(1f);
    return Stream.of(
        Arguments.of(new Drafting.Chain(2, draft), 1, 4, QUARTERS, DRAFT_QUARTERS),
        Arguments.of(new Drafting.Chain(1, draft), 2, 4, QUARTERS, DRAFT_QUARTERS),
        Arguments.of(new Drafting.Chain(3, draft), 1, 2, HALVES, DRAFT_HALVES),
        Arguments.of(new Drafting.Tree(1, 2, 2), 2, 4, QUARTERS, DRAFT_QUARTERS),
        Arguments.of(new Drafting.Tree(2, 2, 4), 1, 4, QUARTERS, DRAFT_QUARTERS),
        Arguments.of(new Drafting.Tree(3, 3, 4), 2, 2, HALVES, DRAFT_HALVES),
        Arguments.of(new Drafting.Siblings(List.of(2), draft), 1, 4, SIBLINGS, DRAFT_OF_TWO),
        Arguments.of(new Drafting.Siblings(List.of(3), draft), 1, 4, SIBLINGS, DRAFT_OF_TWO),
        Arguments.of(new Drafting.Siblings(List.of(2, 1), draft), 1, 2, HALVES, DRAFT_HALVES),
        Arguments.of(new Drafting.Siblings(List.of(1), draft), 2, 2, HALVES, DRAFT_HALVES));
  }

  @ParameterizedTest
  @MethodSource("draftings")
  void everyMethod(
      Drafting drafting, int rounds, int cells, List<float[]> target, List<float[]> draft) {
    for (int seed = 0; seed < 3; seed++) {
      SmallModel targetModel = oneOf(seed, target);
      SmallModel draftModel = oneOf(seed + 7, draft);
      int length = rounds * (drafting.depth() + 1);
      Map<List<Integer>, Double> law = new HashMap<>();
      EveryUniform uniforms = new EveryUniform(cells);
      do {
        SmallPair pair = new SmallPair(targetModel, draftModel, IDS, new int[] {3, 0, 2}, 1, 2);
        List<Integer> text = decode(pair, drafting, Warping.temperature(1f), uniforms, rounds);
        targetModel.extend(law, List.of(1, 2), text, length, uniforms.weight());
      } while (uniforms.advance());
      assertThat(SmallModel.distance(law, targetModel.law(List.of(1, 2), length)))
          .as("%s, seed %d", drafting, seed)
          .isLessThan(1e-12);
    }
  }

  private static List<Integer> decode(
      SmallPair pair, Drafting drafting, Warping warping, RandomGenerator uniforms, int rounds) {
    SpeculativeDecoder decoder =
        SpeculativeDecoder.of(
            KERNELS,
            pair,
            pair,
            DraftHeads.always(pair),
            drafting,
            warping,
            uniforms,
            new int[] {1, 2});
    int[] emitted = new int[decoder.most()];
    List<Integer> text = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      int count = decoder.next(emitted);
      text.addAll(Arrays.stream(emitted, 0, count).boxed().toList());
    }
    return text;
  }

  /** With a greedy target every method writes the target's greedy text, penalty and all. */
  @ParameterizedTest
  @MethodSource("draftings")
  void greedyTextIsThatOfPlainDecoding(
      Drafting drafting, int rounds, int cells, List<float[]> rows, List<float[]> draftRows) {
    Warping greedy = new Warping(0f, 0, 1f, 1.3f);
    for (int seed = 0; seed < 5; seed++) {
      Random random = new Random(seed);
      SmallModel target = gaussian(new Random(seed), 9);
      SmallModel draft = gaussian(random, 5);
      int[] ids = {8, 1, 2, 5, 0};
      SmallPair plain = new SmallPair(target, draft, 9, ids, 1, 2);
      SpeculativeDecoder decoder =
          SpeculativeDecoder.plain(KERNELS, plain, greedy, random, new int[] {1, 2});
      int[] emitted = new int[1];
      List<Integer> expected = new ArrayList<>();
      for (int i = 0; i < 60; i++) {
        assertThat(decoder.next(emitted)).isEqualTo(1);
        expected.add(emitted[0]);
      }
      List<Integer> text =
          decode(new SmallPair(target, draft, 9, ids, 1, 2), drafting, greedy, random, 15);
      assertThat(text).hasSizeGreaterThanOrEqualTo(15).isEqualTo(expected.subList(0, text.size()));
    }
  }

  private static SmallModel gaussian(Random random, int n) {
    Warper softmax = new Warper(Warping.temperature(1f));
    return new SmallModel(context -> {
      float[] row = new float[n];
      for (int id = 0; id < n; id++) {
        row[id] = (float) random.nextGaussian();
      }
      softmax.apply(row, 0, n, new BitSet());
      return row;
    });
  }
}
