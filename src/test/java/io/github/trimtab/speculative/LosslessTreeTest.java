package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The exact law of what trees and siblings emit is the target's. */
class LosslessTreeTest {
  private static final int IDS = 4;
  private static final double EXACT = 1e-12;

  private static float[] sixteenths(Random random, int n) {
    float[] row = new float[n];
    int places = 1 + random.nextInt(n);
    int[] chosen = random.ints(places, 0, n).toArray();
    for (int i = 0; i < 16; i++) {
      row[chosen[random.nextInt(places)]] += 1 / 16f;
    }
    return row;
  }

  private static double[] doubles(float[] row) {
    double[] wide = new double[row.length];
    Arrays.setAll(wide, i -> row[i]);
    return wide;
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void tree(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    int[] parents = {-1, -1, 1};
    for (int seed = 0; seed < 12; seed++) {
      Random random = new Random(seed);
      SmallModel target = new SmallModel(context -> sixteenths(random, IDS));
      int[] tokens = {random.nextInt(2), 2 + random.nextInt(2), random.nextInt(IDS)};
      float[] rows = new float[4 * IDS];
      Cells cells = new Cells();
      List<List<Integer>> contexts =
          List.of(List.of(), List.of(tokens[0]), List.of(tokens[1]), List.of(tokens[1], tokens[2]));
      for (int i = 0; i < 4; i++) {
        float[] row = target.row(contexts.get(i));
        System.arraycopy(row, 0, rows, i * IDS, IDS);
        cells.axis(Cells.shares(doubles(row)));
      }
      Map<List<Integer>, Double> law = new HashMap<>();
      cells.integrate(
          u -> {
            int[] emitted = new int[4];
            int[] accepted = new int[1];
            kernels.verify(
                new Verify.Tree(
                    Tensor.wrap(rows, 1, 4, IDS),
                    Tensor.wrap(parents, 1, 3),
                    Tensor.wrap(tokens, 1, 3),
                    Tensor.wrap(u, 1, 4),
                    Tensor.wrap(emitted, 1, 4),
                    Tensor.wrap(accepted, 1)));
            return Arrays.stream(emitted, 0, accepted[0] + 1).boxed().toList();
          },
          (emitted, volume) -> target.extend(law, List.of(), emitted, 3, volume));
      assertThat(SmallModel.distance(law, target.law(List.of(), 3))).isLessThan(EXACT);
    }
  }

  /** All orders of up to three siblings, among them as many as q has ids: its support is empty. */
  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void multiRound(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      float[] p = sixteenths(random, IDS);
      float[] q = sixteenths(random, 3);
      int[] ids = seed % 2 == 0 ? new int[] {3, 1, 0} : new int[] {2, 3, 1};
      double[] law = new double[IDS];
      siblings(kernels, p, q, ids, 1 + seed % 3, new ArrayList<>(), 1, law);
      double distance = 0;
      for (int id = 0; id < IDS; id++) {
        distance += Math.abs(law[id] - p[id]) / 2;
      }
      assertThat(distance).as("seed %d", seed).isLessThan(EXACT);
    }
  }

  /** Draws siblings in every possible way, as many as asked for or as q has. */
  private static void siblings(
      Kernels kernels,
      float[] p,
      float[] q,
      int[] ids,
      int wanted,
      List<Integer> drawn,
      double weight,
      double[] law) {
    double left = 0;
    for (int j = 0; j < q.length; j++) {
      left += drawn.contains(j) ? 0 : q[j];
    }
    if (drawn.size() == wanted || left == 0) {
      verify(kernels, p, q, ids, drawn, weight, law);
      return;
    }
    for (int j = 0; j < q.length; j++) {
      if (q[j] > 0 && !drawn.contains(j)) {
        List<Integer> longer = new ArrayList<>(drawn);
        longer.add(j);
        siblings(kernels, p, q, ids, wanted, longer, weight * q[j] / left, law);
      }
    }
  }

  private static void verify(
      Kernels kernels,
      float[] p,
      float[] q,
      int[] ids,
      List<Integer> drawn,
      double weight,
      double[] law) {
    int n = drawn.size();
    int[] tokens = drawn.stream().mapToInt(j -> ids[j]).toArray();
    Cells cells = new Cells();
    DoubleStream.Builder draws = DoubleStream.builder();
    double[] target = doubles(p);
    double[] draft = new double[IDS];
    for (int j = 0; j < ids.length; j++) {
      draft[ids[j]] = q[j];
    }
    Arrays.stream(Cells.shares(target)).forEach(draws);
    for (int token : tokens) {
      cells.axis(target[token] / draft[token]);
      double[] rest = new double[IDS];
      double[] known = target;
      Arrays.setAll(rest, id -> Math.max(known[id] - draft[id], 0));
      double left = Arrays.stream(rest).sum();
      if (left > EXACT) {
        target = Arrays.stream(rest).map(x -> x / left).toArray();
      }
      Arrays.stream(Cells.shares(target)).forEach(draws);
      draft[token] = 0;
      double kept = Arrays.stream(draft).sum();
      for (int id = 0; id < IDS && kept > 0; id++) {
        draft[id] /= kept;
      }
    }
    cells.axis(draws.build().toArray());
    cells.integrate(
        u -> {
          int[] emitted = new int[1];
          kernels.verify(
              new Verify.MultiRound(
                  Tensor.wrap(p, 1, IDS),
                  Tensor.wrap(q, 1, ids.length),
                  Tensor.wrap(ids, ids.length),
                  Tensor.wrap(tokens, 1, n),
                  Tensor.wrap(Arrays.copyOf(u, n), 1, n),
                  Tensor.wrap(new float[] {u[n]}, 1),
                  Tensor.wrap(emitted, 1, 1),
                  Tensor.wrap(new int[1], 1)));
          return emitted[0];
        },
        (emitted, volume) -> law[emitted] += weight * volume);
  }
}
