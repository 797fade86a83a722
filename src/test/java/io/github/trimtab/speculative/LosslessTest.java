package io.github.trimtab.speculative;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.trimtab.Backends;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The exact law of what verification emits, by enumeration of all drafts and of all cells of the
 * uniforms, is the target's: for every method, whatever is kept. The same enumeration finds the
 * rules that circulate and are not lossless.
 */
class LosslessTest {
  private static final int IDS = 4;
  private static final int GAMMA = 2;
  private static final double EXACT = 1e-12;

  /** The law is as exact as the binary32 rows that it is made of where these do not sum to 1. */
  private static final double ROUNDED = 1e-6;

  private static final List<Integer> NO_CONTEXT = List.of();

  /** Emits tokens for drafts, from rows p [g+1][V] and q [g][k]. */
  private interface ChainRule {
    List<Integer> emit(float[][] p, float[][] q, int[] ids, int[] drafted, float[] uniforms);
  }

  private static ChainRule operation(String backend) {
    Kernels kernels = Backends.named(backend).kernels();
    return (p, q, ids, drafted, u) -> {
      int gamma = drafted.length;
      int[] emitted = new int[gamma + 1];
      int[] accepted = new int[1];
      kernels.verify(
          new Verify.Chain(
              Tensor.wrap(flat(p), 1, gamma + 1, p[0].length),
              Tensor.wrap(flat(q), 1, gamma, ids.length),
              Tensor.wrap(ids, ids.length),
              Tensor.wrap(drafted, 1, gamma),
              Tensor.wrap(Arrays.copyOf(u, gamma), 1, gamma),
              Tensor.wrap(new float[] {u[gamma]}, 1),
              Tensor.wrap(emitted, 1, gamma + 1),
              Tensor.wrap(accepted, 1)));
      return list(emitted, accepted[0] + 1);
    };
  }

  private static float[] flat(float[][] rows) {
    float[] flat = new float[rows.length * rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(rows[i], 0, flat, i * rows[0].length, rows[0].length);
    }
    return flat;
  }

  private static List<Integer> list(int[] tokens, int count) {
    return Arrays.stream(tokens, 0, count).boxed().toList();
  }

  /** Random whole sixteenths that sum to 1, zeros among them. */
  private static float[] sixteenths(Random random, int n) {
    float[] row = new float[n];
    int places = 1 + random.nextInt(n);
    int[] chosen = random.ints(places, 0, n).toArray();
    for (int i = 0; i < 16; i++) {
      row[chosen[random.nextInt(places)]] += 1 / 16f;
    }
    return row;
  }

  private static SmallModel random(long seed, int n) {
    Random random = new Random(seed);
    return new SmallModel(context -> sixteenths(random, n));
  }

  /** The law of the first tokens, those that a rule does not emit written by the target. */
  private static Map<List<Integer>, Double> law(
      ChainRule rule, SmallModel target, SmallModel draft, int[] ids) {
    Map<List<Integer>, Double> law = new HashMap<>();
    draftThen(rule, target, draft, ids, List.of(), 1, law);
    return law;
  }

  private static void draftThen(
      ChainRule rule,
      SmallModel target,
      SmallModel draft,
      int[] ids,
      List<Integer> drafted,
      double weight,
      Map<List<Integer>, Double> law) {
    if (drafted.size() == GAMMA) {
      verify(rule, target, draft, ids, drafted, weight, law);
      return;
    }
    float[] q = draft.row(drafted);
    double sum = 0;
    for (float mass : q) {
      sum += mass;
    }
    for (int j = 0; j < ids.length; j++) {
      if (q[j] > 0) {
        List<Integer> longer = new ArrayList<>(drafted);
        longer.add(ids[j]);
        draftThen(rule, target, draft, ids, longer, weight * q[j] / sum, law);
      }
    }
  }

  private static void verify(
      ChainRule rule,
      SmallModel target,
      SmallModel draft,
      int[] ids,
      List<Integer> drafted,
      double weight,
      Map<List<Integer>, Double> law) {
    float[][] p = new float[GAMMA + 1][];
    float[][] q = new float[GAMMA][];
    int[] tokens = drafted.stream().mapToInt(i -> i).toArray();
    Cells cells = new Cells();
    DoubleStream.Builder draws = DoubleStream.builder();
    for (int i = 0; i <= GAMMA; i++) {
      p[i] = target.row(drafted.subList(0, i));
      Arrays.stream(Cells.shares(doubles(p[i]))).forEach(draws);
      if (i < GAMMA) {
        q[i] = draft.row(drafted.subList(0, i));
        double[] dense = dense(q[i], ids);
        cells.axis((double) p[i][tokens[i]] / dense[tokens[i]], p[i][tokens[i]]);
        Arrays.stream(Cells.shares(residual(doubles(p[i]), dense))).forEach(draws);
        Arrays.stream(Cells.shares(residual(onKept(p[i], ids), dense))).forEach(draws);
      }
    }
    cells.axis(draws.build().toArray());
    cells.integrate(
        u -> rule.emit(p, q, ids, tokens, u),
        (emitted, volume) -> target.extend(law, NO_CONTEXT, emitted, GAMMA + 1, weight * volume));
  }

  private static double[] doubles(float[] row) {
    double[] wide = new double[row.length];
    Arrays.setAll(wide, i -> row[i]);
    return wide;
  }

  private static double[] dense(float[] q, int[] ids) {
    double[] dense = new double[IDS];
    for (int j = 0; j < ids.length; j++) {
      dense[ids[j]] = q[j];
    }
    return dense;
  }

  private static double[] residual(double[] p, double[] q) {
    double[] residual = new double[p.length];
    Arrays.setAll(residual, i -> Math.max(p[i] - q[i], 0));
    return Arrays.stream(residual).sum() > 0 ? residual : p;
  }

  /** p renormalised on the kept ids, which a lossless rule never does; p where it has none. */
  private static double[] onKept(float[] p, int[] ids) {
    double kept = 0;
    for (int id : ids) {
      kept += p[id];
    }
    double[] renormalised = new double[p.length];
    for (int id : ids) {
      renormalised[id] = p[id] / kept;
    }
    return kept > 0 ? renormalised : doubles(p);
  }

  private static int draw(double[] masses, double u) {
    double[] shares = Cells.shares(masses);
    int id = 0;
    while (shares[id] <= u) {
      id++;
    }
    return id;
  }

  private static int[] someIds(Random random, int kept) {
    List<Integer> all = new ArrayList<>(List.of(0, 1, 2, 3));
    Collections.shuffle(all, random);
    return all.subList(0, kept).stream().mapToInt(i -> i).toArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void chain(String backend) {
    for (int seed = 0; seed < 24; seed++) {
      int kept = 1 + seed % IDS;
      SmallModel target = random(seed, IDS);
      Map<List<Integer>, Double> law =
          law(operation(backend), target, random(-seed, kept), someIds(new Random(seed), kept));
      assertThat(SmallModel.distance(law, target.law(NO_CONTEXT, GAMMA + 1))).isLessThan(EXACT);
    }
  }

  /** The target says only id 3, which is not kept: it is said all the same. */
  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void theRightTokenIsNotKept(String backend) {
    SmallModel target = new SmallModel(context -> new float[] {0, 0, 0, 1});
    int[] ids = {1, 0, 2};
    Map<List<Integer>, Double> law = law(operation(backend), target, random(5, 3), ids);
    assertThat(law).hasSize(1);
    assertThat(law.get(List.of(3, 3, 3))).isCloseTo(1.0, within(EXACT));
  }

  @Test
  void wrongRulesAreFoundOut() {
    ChainRule right = rule(false, false);
    ChainRule renormalising = rule(true, false);
    ChainRule unmodified = rule(false, true);
    double worstRenormalising = 0;
    double worstUnmodified = 0;
    for (int seed = 0; seed < 24; seed++) {
      SmallModel target = random(seed, IDS);
      SmallModel draft = random(-seed, 2);
      int[] ids = someIds(new Random(seed), 2);
      Map<List<Integer>, Double> wanted = target.law(NO_CONTEXT, GAMMA + 1);
      assertThat(SmallModel.distance(law(right, target, draft, ids), wanted)).isLessThan(EXACT);
      worstRenormalising =
          Math.max(
              worstRenormalising,
              SmallModel.distance(law(renormalising, target, draft, ids), wanted));
      worstUnmodified =
          Math.max(
              worstUnmodified, SmallModel.distance(law(unmodified, target, draft, ids), wanted));
    }
    assertThat(worstRenormalising).isGreaterThan(0.1);
    assertThat(worstUnmodified).isGreaterThan(0.1);
  }

  /**
   * The rule in binary64, or one of its wrong variants.
   *
   * @param renormalise take the residual of p renormalised on the kept ids
   * @param unmodified accept with probability p(x), and draw from p itself otherwise
   */
  private static ChainRule rule(boolean renormalise, boolean unmodified) {
    return (p, q, ids, drafted, u) -> {
      List<Integer> emitted = new ArrayList<>();
      for (int i = 0; i < drafted.length; i++) {
        double[] dense = dense(q[i], ids);
        double bound = unmodified ? p[i][drafted[i]] : p[i][drafted[i]] / dense[drafted[i]];
        if (u[i] >= bound) {
          double[] masses =
              unmodified
                  ? doubles(p[i])
                  : residual(renormalise ? onKept(p[i], ids) : doubles(p[i]), dense);
          emitted.add(draw(masses, u[drafted.length]));
          return emitted;
        }
        emitted.add(drafted[i]);
      }
      emitted.add(draw(doubles(p[drafted.length]), u[drafted.length]));
      return emitted;
    };
  }

  /** Every warping of the target with another one of the draft. */
  @Test
  void warpedDistributions() {
    List<Warping> warpings =
        List.of(
            Warping.greedy(),
            Warping.temperature(0.7f),
            new Warping(1.3f, 2, 1f, 1f),
            new Warping(1f, 0, 0.6f, 1f),
            new Warping(0.8f, 3, 0.9f, 1.5f));
    for (int i = 0; i < warpings.size(); i++) {
      SmallModel target = warped(i, IDS, warpings.get(i));
      for (int j = 1; j < warpings.size(); j++) {
        int[] ids = {3, 0, 2};
        SmallModel draft = warped(10 + j, 3, warpings.get(j));
        Map<List<Integer>, Double> law = law(operation("scalar"), target, draft, ids);
        assertThat(SmallModel.distance(law, target.law(NO_CONTEXT, GAMMA + 1)))
            .as("%s with drafts of %s", warpings.get(i), warpings.get(j))
            .isLessThan(ROUNDED);
      }
    }
  }

  private static SmallModel warped(long seed, int n, Warping warping) {
    Random random = new Random(seed);
    Warper warper = new Warper(warping);
    return new SmallModel(context -> {
      float[] row = new float[n];
      for (int id = 0; id < n; id++) {
        row[id] = (float) random.nextGaussian();
      }
      BitSet seen = new BitSet();
      context.forEach(seen::set);
      warper.apply(row, 0, n, seen);
      return row;
    });
  }
}
