package io.github.trimtab.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.trimtab.Backends;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The oracle against the definitions written down once more, in whole units of 2^-12 probability
 * and 2^-10 uniform, where nothing rounds on either side; siblings, which are renormalised, in
 * binary64.
 */
class VerifyReferenceTest {
  private static final int SEEDS = 300;
  private static final Kernels SCALAR = Backends.named("scalar").kernels();

  private static VerifyOperands operands(int seed) {
    return new VerifyOperands(seed, VerifyOperands.Rows.DYADIC);
  }

  private static long[] units(Tensor tensor, int row, int i) {
    long[] units = new long[(int) tensor.size(2)];
    for (int id = 0; id < units.length; id++) {
      units[id] = (long) (tensor.floatAt(tensor.offset(row, i, id)) * VerifyOperands.UNITS);
    }
    return units;
  }

  private static long uniform(Tensor uniforms, long offset) {
    return (long) (uniforms.floatAt(offset) * 1024);
  }

  /** The first id whose cumulated mass exceeds u of the total. */
  private static int draw(long[] masses, long u) {
    long total = 0;
    for (long mass : masses) {
      total += mass;
    }
    long reached = 0;
    for (int id = 0; id < masses.length; id++) {
      reached += masses[id];
      if (reached * 1024 > u * total) {
        return id;
      }
    }
    throw new AssertionError("no mass");
  }

  private static void assertEmitted(Verify op, int row, List<Integer> expected) {
    List<Integer> emitted = new ArrayList<>();
    for (int i = 0; i < op.emitted().size(1); i++) {
      emitted.add(VerifyOperands.at(op.emitted(), row, i));
    }
    List<Integer> padded = new ArrayList<>(expected);
    while (padded.size() < emitted.size()) {
      padded.add(-1);
    }
    assertThat(emitted).isEqualTo(padded);
    assertThat(VerifyOperands.at(op.accepted(), row)).isEqualTo(expected.size() - 1);
  }

  @Test
  void chain() {
    int accepted = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      VerifyOperands operands = operands(seed);
      int vocabulary = 1 + seed * 3;
      int kept = 1 + operands.random.nextInt(vocabulary);
      Verify.Chain op = operands.chain(2, seed % 5, vocabulary, kept);
      SCALAR.verify(op);
      for (int row = 0; row < op.rows(); row++) {
        List<Integer> expected = new ArrayList<>();
        long[] masses = units(op.target(), row, 0);
        for (int i = 0; i < op.drafted(); i++) {
          int token = VerifyOperands.at(op.tokens(), row, i);
          long[] q = new long[op.vocabulary()];
          long[] sparse = units(op.draft(), row, i);
          for (int j = 0; j < sparse.length; j++) {
            q[VerifyOperands.at(op.ids(), j)] = sparse[j];
          }
          if (uniform(op.acceptU(), op.acceptU().offset(row, i)) * q[token]
              < 1024 * masses[token]) {
            expected.add(token);
            masses = units(op.target(), row, i + 1);
            continue;
          }
          long[] residual = new long[masses.length];
          long left = 0;
          for (int id = 0; id < masses.length; id++) {
            residual[id] = Math.max(masses[id] - q[id], 0);
            left += residual[id];
          }
          masses = left == 0 ? masses : residual;
          break;
        }
        expected.add(draw(masses, uniform(op.sampleU(), op.sampleU().offset(row))));
        assertEmitted(op, row, expected);
        accepted += expected.size() - 1;
      }
    }
    assertThat(accepted).isGreaterThan(SEEDS);
  }

  /** Where u times a total rounds up to the total, the last id with a positive mass is drawn. */
  @Test
  void noChunkExceedsTheThreshold() {
    float[] target = new float[2 * 600];
    target[0] = Math.nextDown(1f);
    target[300] = Float.MIN_VALUE;
    target[600] = 1f;
    Tensor emitted = Tensor.wrap(new int[2], 1, 2);
    Verify.Chain op =
        new Verify.Chain(
            Tensor.wrap(target, 1, 2, 600),
            Tensor.wrap(new float[] {1f}, 1, 1, 1),
            Tensor.wrap(new int[] {0}, 1),
            Tensor.wrap(new int[] {0}, 1, 1),
            Tensor.wrap(new float[] {Math.nextDown(1f)}, 1, 1),
            Tensor.wrap(new float[] {0.75f}, 1),
            emitted,
            Tensor.wrap(new int[1], 1));
    for (String backend : TestBackends.NAMES) {
      Backends.named(backend).kernels().verify(op);
      assertEmitted(op, 0, List.of(300));
    }
  }

  @Test
  void greedy() {
    for (int seed = 0; seed < SEEDS; seed++) {
      Verify.Greedy op = operands(seed).greedy(2, seed % 5, 1 + seed);
      SCALAR.verify(op);
      for (int row = 0; row < op.rows(); row++) {
        List<Integer> expected = new ArrayList<>();
        for (int i = 0; i <= op.drafted(); i++) {
          long[] p = units(op.target(), row, i);
          int highest = 0;
          for (int id = 0; id < p.length; id++) {
            highest = p[id] > p[highest] ? id : highest;
          }
          expected.add(highest);
          if (i < op.drafted() && VerifyOperands.at(op.tokens(), row, i) != highest) {
            break;
          }
        }
        assertEmitted(op, row, expected);
      }
    }
  }

  @Test
  void tree() {
    int accepted = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      Verify.Tree op = operands(seed).tree(2, seed % 20, 20 + seed);
      SCALAR.verify(op);
      for (int row = 0; row < op.rows(); row++) {
        List<Integer> expected = new ArrayList<>();
        int node = -1;
        boolean found = true;
        while (found) {
          long u = uniform(op.sampleU(), op.sampleU().offset(row, node + 1));
          int drawn = draw(units(op.target(), row, node + 1), u);
          expected.add(drawn);
          found = false;
          for (int i = 0; i < op.drafted() && !found; i++) {
            if (VerifyOperands.at(op.parents(), row, i) == node
                && VerifyOperands.at(op.tokens(), row, i) == drawn) {
              node = i;
              found = true;
            }
          }
        }
        assertEmitted(op, row, expected);
        accepted += expected.size() - 1;
      }
    }
    assertThat(accepted).isGreaterThan(SEEDS / 4);
  }

  /** How near a decision may come to its bound before rounding could turn it. */
  private static final double MARGIN = 1e-5;

  @Test
  void multiRound() {
    int[] outcomes = new int[4];
    int close = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      VerifyOperands operands = new VerifyOperands(seed, VerifyOperands.Rows.ROUNDED);
      int kept = 1 + operands.random.nextInt(3 + seed % 50);
      Verify.MultiRound op = operands.multiRound(2, 3, 3 + seed % 50, kept);
      SCALAR.verify(op);
      for (int row = 0; row < op.rows(); row++) {
        int[] expected = siblings(op, row);
        if (expected.length == 0) {
          close++;
          continue;
        }
        assertThat(VerifyOperands.at(op.emitted(), row, 0)).isEqualTo(expected[0]);
        assertThat(VerifyOperands.at(op.accepted(), row)).isEqualTo(expected[1]);
        outcomes[expected[1] + 1]++;
      }
    }
    assertThat(close).as("of %d", 2 * SEEDS).isLessThan(SEEDS / 3);
    assertThat(outcomes).doesNotContain(0);
  }

  /** Token and sibling, or nothing where a decision is within the margin. */
  private static int[] siblings(Verify.MultiRound op, int row) {
    double[] p = new double[op.vocabulary()];
    double[] q = new double[op.vocabulary()];
    for (int id = 0; id < p.length; id++) {
      p[id] = op.target().floatAt(op.target().offset(row, id));
    }
    for (int j = 0; j < op.ids().size(0); j++) {
      q[VerifyOperands.at(op.ids(), j)] = op.draft().floatAt(op.draft().offset(row, j));
    }
    for (int i = 0; i < op.drafted(); i++) {
      int token = VerifyOperands.at(op.tokens(), row, i);
      double u = op.acceptU().floatAt(op.acceptU().offset(row, i));
      if (Math.abs(u * q[token] - p[token]) < MARGIN && (i > 0 || p[token] > 0)) {
        return new int[0];
      }
      if (u * q[token] < p[token]) {
        return new int[] {token, i};
      }
      double[] rest = new double[p.length];
      double left = 0;
      for (int id = 0; id < p.length; id++) {
        rest[id] = Math.max(p[id] - q[id], 0);
        left += rest[id];
      }
      if (left > 0 && left < MARGIN) {
        return new int[0];
      }
      double keptMass = 1 - q[token];
      q[token] = 0;
      for (int id = 0; id < p.length; id++) {
        p[id] = left > 0 ? rest[id] / left : p[id];
        q[id] = keptMass > 0 ? q[id] / keptMass : 0;
      }
    }
    double u = op.sampleU().floatAt(op.sampleU().offset(row));
    double reached = 0;
    for (int id = 0; id < p.length; id++) {
      reached += p[id];
      if (Math.abs(reached - u) < MARGIN) {
        return new int[0];
      }
      if (reached > u) {
        return new int[] {id, -1};
      }
    }
    return new int[0];
  }
}
