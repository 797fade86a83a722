package io.github.trimtab.kernel;

import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Random verifications, in buffers that end where the last element does. */
final class VerifyOperands {
  /** What rows of probabilities look like. */
  enum Rows {
    /** Multiples of 2^-12 that sum to 1, and uniforms of 10 bits: no sum or product rounds. */
    DYADIC,
    /** Any numbers, some 0, whose sum is 1 up to rounding. */
    ROUNDED,
    /** Nearly all mass on one id, the rest tiny or subnormal. */
    PEAKED
  }

  static final int UNITS = 1 << 12;

  final Random random;
  final Rows rows;
  private final Operands operands;

  VerifyOperands(long seed, Rows rows) {
    this.random = new Random(seed);
    this.rows = rows;
    this.operands = new Operands(random, seed % 2 == 0, Operands.Values.NORMAL);
  }

  /** A chain of which the drafted tokens have a positive draft probability. */
  Verify.Chain chain(int batch, int drafted, int vocabulary, int kept) {
    Tensor ids = ids(vocabulary, kept);
    Tensor draft = probabilities(batch, drafted, kept);
    Tensor tokens = operands.result(DType.I32, batch, drafted);
    for (int row = 0; row < batch; row++) {
      for (int i = 0; i < drafted; i++) {
        tokens.setIntegerAt(tokens.offset(row, i), at(ids, positive(draft, row, i)));
      }
    }
    return new Verify.Chain(
        close(probabilities(batch, drafted + 1, vocabulary), draft, ids),
        draft,
        ids,
        tokens,
        uniforms(batch, drafted),
        uniforms(batch),
        operands.result(DType.I32, batch, drafted + 1),
        operands.result(DType.I32, batch));
  }

  /** Draws the target's rows near the draft's every other time, so that drafts are accepted. */
  private Tensor close(Tensor target, Tensor draft, Tensor ids) {
    for (int row = 0; row < draft.size(0); row++) {
      for (int i = 0; i < draft.size(1); i++) {
        if (random.nextBoolean()) {
          for (int id = 0; id < target.size(2); id++) {
            target.setFloatAt(target.offset(row, i, id), 0f);
          }
          for (int j = 0; j < ids.size(0); j++) {
            target.setFloatAt(
                target.offset(row, i, at(ids, j)), draft.floatAt(draft.offset(row, i, j)));
          }
        }
      }
    }
    return target;
  }

  Verify.Greedy greedy(int batch, int drafted, int vocabulary) {
    Tensor target = probabilities(batch, drafted + 1, vocabulary);
    Tensor tokens = operands.result(DType.I32, batch, drafted);
    for (int row = 0; row < batch; row++) {
      for (int i = 0; i < drafted; i++) {
        int token = random.nextInt(vocabulary);
        if (random.nextInt(4) > 0) {
          for (int id = vocabulary - 1; id >= 0; id--) {
            float p = target.floatAt(target.offset(row, i, id));
            token = p >= target.floatAt(target.offset(row, i, token)) ? id : token;
          }
        }
        tokens.setIntegerAt(tokens.offset(row, i), token);
      }
    }
    return new Verify.Greedy(
        target,
        tokens,
        operands.result(DType.I32, batch, drafted + 1),
        operands.result(DType.I32, batch));
  }

  /** A tree of which siblings are likely tokens and differ. */
  Verify.Tree tree(int batch, int nodes, int vocabulary) {
    Tensor target = probabilities(batch, nodes + 1, vocabulary);
    int[][] parents = new int[batch][nodes];
    int[][] tokens = new int[batch][nodes];
    for (int row = 0; row < batch; row++) {
      for (int i = 0; i < nodes; i++) {
        do {
          parents[row][i] = random.nextInt(i + 1) - 1;
          tokens[row][i] =
              random.nextBoolean()
                  ? positive(target, row, parents[row][i] + 1)
                  : random.nextInt(vocabulary);
        } while (repeats(parents[row], tokens[row], i));
      }
    }
    return new Verify.Tree(
        target,
        operands.ints(parents),
        operands.ints(tokens),
        uniforms(batch, nodes + 1),
        operands.result(DType.I32, batch, nodes + 1),
        operands.result(DType.I32, batch));
  }

  private static boolean repeats(int[] parents, int[] tokens, int i) {
    for (int j = 0; j < i; j++) {
      if (parents[j] == parents[i] && tokens[j] == tokens[i]) {
        return true;
      }
    }
    return false;
  }

  /** Siblings in random order; fewer than asked for where q has less support. */
  Verify.MultiRound multiRound(int batch, int siblings, int vocabulary, int kept) {
    Tensor ids = ids(vocabulary, kept);
    Tensor draft = probabilities(batch, kept);
    List<List<Integer>> support = new ArrayList<>();
    int least = siblings;
    for (int row = 0; row < batch; row++) {
      List<Integer> places = new ArrayList<>();
      for (int j = 0; j < kept; j++) {
        if (draft.floatAt(draft.offset(row, j)) > 0) {
          places.add(j);
        }
      }
      Collections.shuffle(places, random);
      support.add(places);
      least = Math.min(least, places.size());
    }
    Tensor tokens = operands.result(DType.I32, batch, least);
    for (int row = 0; row < batch; row++) {
      for (int i = 0; i < least; i++) {
        tokens.setIntegerAt(tokens.offset(row, i), at(ids, support.get(row).get(i)));
      }
    }
    return new Verify.MultiRound(
        probabilities(batch, vocabulary),
        draft,
        ids,
        tokens,
        uniforms(batch, least),
        uniforms(batch),
        operands.result(DType.I32, batch, 1),
        operands.result(DType.I32, batch));
  }

  private Tensor ids(int vocabulary, int kept) {
    List<Integer> all = new ArrayList<>();
    for (int id = 0; id < vocabulary; id++) {
      all.add(id);
    }
    Collections.shuffle(all, random);
    return operands.ints(all.subList(0, kept).stream().mapToInt(i -> i).toArray());
  }

  /** Rows that each sum to 1. */
  private Tensor probabilities(long... shape) {
    Tensor tensor = operands.result(DType.F32, shape);
    int n = (int) shape[shape.length - 1];
    for (long start = 0; start < tensor.elements(); start += n) {
      double[] row = row(n);
      for (int id = 0; id < n; id++) {
        tensor.setFloatAt((start + id) * Float.BYTES, (float) row[id]);
      }
    }
    return tensor;
  }

  private double[] row(int n) {
    double[] row = new double[n];
    switch (rows) {
      case DYADIC -> {
        int places = 1 + random.nextInt(Math.min(n, 40));
        int left = UNITS;
        for (int i = 0; i < places && left > 0; i++) {
          int units = i == places - 1 ? left : 1 + random.nextInt(left);
          row[random.nextInt(n)] += (double) units / UNITS;
          left -= units;
        }
        row[random.nextInt(n)] += (double) left / UNITS;
      }
      case ROUNDED -> {
        double sum = 0;
        for (int i = 0; i < n; i++) {
          row[i] = random.nextInt(3) == 0 ? 0 : Math.exp(3 * random.nextGaussian());
          sum += row[i];
        }
        int sure = random.nextInt(n);
        row[sure] += 1;
        for (int i = 0; i < n; i++) {
          row[i] /= sum + 1;
        }
      }
      case PEAKED -> {
        for (int i = 0; i < n; i++) {
          row[i] = random.nextInt(3) == 0 ? Float.MIN_VALUE * random.nextInt(9) : 1e-9 / n;
        }
        row[random.nextInt(n)] = 1;
      }
    }
    return row;
  }

  /** A place of a row with a positive probability. */
  private int positive(Tensor tensor, int row, int i) {
    int n = (int) tensor.size(2);
    int start = random.nextInt(n);
    for (int j = 0; j < n; j++) {
      int place = (start + j) % n;
      if (tensor.floatAt(tensor.offset(row, i, place)) > 0) {
        return place;
      }
    }
    throw new AssertionError("a row of zeros");
  }

  private Tensor uniforms(long... shape) {
    Tensor tensor = operands.result(DType.F32, shape);
    for (long i = 0; i < tensor.elements(); i++) {
      float u =
          switch (random.nextInt(12)) {
            case 0 -> 0f;
            case 1 -> rows == Rows.DYADIC ? 1023f / 1024 : Math.nextDown(1f);
            default -> rows == Rows.DYADIC ? random.nextInt(1024) / 1024f : random.nextFloat();
          };
      tensor.setFloatAt(i * Float.BYTES, u);
    }
    return tensor;
  }

  static int at(Tensor tensor, int i) {
    return (int) tensor.integerAt(tensor.offset(i));
  }

  static int at(Tensor tensor, int i, int j) {
    return (int) tensor.integerAt(tensor.offset(i, j));
  }

  /** The same operation with results of its own. */
  static Verify copy(Verify op) {
    Tensor emitted = Copies.of(op.emitted());
    Tensor accepted = Copies.of(op.accepted());
    return switch (op) {
      case Verify.Chain c ->
          new Verify.Chain(
              c.target(),
              c.draft(),
              c.ids(),
              c.tokens(),
              c.acceptU(),
              c.sampleU(),
              emitted,
              accepted);
      case Verify.Greedy g -> new Verify.Greedy(g.target(), g.tokens(), emitted, accepted);
      case Verify.Tree t ->
          new Verify.Tree(t.target(), t.parents(), t.tokens(), t.sampleU(), emitted, accepted);
      case Verify.MultiRound m ->
          new Verify.MultiRound(
              m.target(),
              m.draft(),
              m.ids(),
              m.tokens(),
              m.acceptU(),
              m.sampleU(),
              emitted,
              accepted);
    };
  }
}
