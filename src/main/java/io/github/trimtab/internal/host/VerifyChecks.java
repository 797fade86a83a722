package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;

/**
 * Checks of everything that a verification calls untrusted, before anything is written: all rows of
 * probabilities, whether or not the verification comes to read them, ids, tokens, parents and
 * uniforms.
 */
public final class VerifyChecks {
  /** How far from 1 a row's sum may lie. */
  private static final double TOLERANCE = 1e-3;

  /** Of each id of the vocabulary: its place among the kept ids plus 1, and 0 between two calls. */
  private static final ThreadLocal<int[]> PLACES = ThreadLocal.withInitial(() -> new int[0]);

  private final Verify op;
  private final HostChecks checks;
  private final VerifyArithmetic arithmetic;

  private VerifyChecks(Verify op, VerifyArithmetic arithmetic) {
    this.op = op;
    this.checks = HostChecks.of(op, "Verify");
    this.arithmetic = arithmetic;
  }

  /**
   * Checks a verification.
   *
   * @param places result, [B x drafted]: where among the kept ids each drafted token is, where
   *     drafts were sampled
   */
  public static void check(Verify op, VerifyArithmetic arithmetic, int[] places) {
    new VerifyChecks(op, arithmetic).all(places);
  }

  private void all(int[] places) {
    checks.open(op.target(), "target");
    checks.open(op.tokens(), "tokens");
    checks.open(op.emitted(), "emitted");
    checks.open(op.accepted(), "accepted");
    tokens();
    switch (op) {
      case Verify.Chain chain -> sampled(chain, chain.sampleU(), places);
      case Verify.MultiRound siblings -> {
        sampled(siblings, siblings.sampleU(), places);
        siblingsDiffer(places);
      }
      case Verify.Tree tree -> {
        checks.open(tree.parents(), "parents");
        checks.open(tree.sampleU(), "sampleU");
        uniforms("sampleU", tree.sampleU());
        parents(tree);
      }
      case Verify.Greedy _ -> {}
    }
    rows("target", op.target());
  }

  private void sampled(Verify.Sampled sampled, Tensor sampleU, int[] places) {
    checks.open(sampled.draft(), "draft");
    checks.open(sampled.ids(), "ids");
    checks.open(sampled.acceptU(), "acceptU");
    checks.open(sampleU, "sampleU");
    uniforms("acceptU", sampled.acceptU());
    uniforms("sampleU", sampleU);
    rows("draft", sampled.draft());
    kept(sampled, places);
  }

  private void tokens() {
    for (int row = 0; row < op.rows(); row++) {
      for (int i = 0; i < op.drafted(); i++) {
        int token = KvAccess.at(op.tokens(), row, i);
        checks.inRange("tokens", row, i, token, 0, op.vocabulary() - 1L);
      }
    }
  }

  /** Checks the kept ids and finds the place of every drafted token among them. */
  private void kept(Verify.Sampled sampled, int[] places) {
    int[] placeOf = PLACES.get();
    if (placeOf.length < op.vocabulary()) {
      placeOf = new int[op.vocabulary()];
      PLACES.set(placeOf);
    }
    int marked = 0;
    try {
      for (; marked < sampled.ids().size(0); marked++) {
        int id = KvAccess.at(sampled.ids(), marked);
        checks.inRange("ids", marked, id, 0, op.vocabulary() - 1L);
        if (placeOf[id] != 0) {
          throw checks.bad("ids", marked, id, "ids that all differ");
        }
        placeOf[id] = marked + 1;
      }
      for (int row = 0; row < op.rows(); row++) {
        for (int i = 0; i < op.drafted(); i++) {
          int token = KvAccess.at(op.tokens(), row, i);
          int place = placeOf[token] - 1;
          if (place < 0) {
            throw checks.bad("tokens", row, i, token, "one of the kept ids");
          }
          if (!(probability(sampled, row, i, place) > 0)) {
            throw checks.bad("tokens", row, i, token, "a token of draft probability above 0");
          }
          places[row * op.drafted() + i] = place;
        }
      }
    } finally {
      while (marked > 0) {
        placeOf[KvAccess.at(sampled.ids(), --marked)] = 0;
      }
    }
  }

  private static float probability(Verify.Sampled sampled, int row, int i, int place) {
    Tensor draft = sampled.draft();
    long offset = draft.rank() == 3 ? draft.offset(row, i, place) : draft.offset(row, place);
    return draft.floatAt(offset);
  }

  /** Siblings that differ in id differ in place, and the other way round. */
  private void siblingsDiffer(int[] places) {
    int drafted = op.drafted();
    for (int row = 0; row < op.rows(); row++) {
      int start = row * drafted;
      for (int i = 1; i < drafted; i++) {
        for (int j = 0; j < i; j++) {
          if (places[start + i] == places[start + j]) {
            throw checks.bad(
                "tokens", row, i, KvAccess.at(op.tokens(), row, i), "siblings that differ");
          }
        }
      }
    }
  }

  private void parents(Verify.Tree tree) {
    for (int row = 0; row < op.rows(); row++) {
      for (int i = 0; i < op.drafted(); i++) {
        int parent = KvAccess.at(tree.parents(), row, i);
        checks.inRange("parents", row, i, parent, -1, i - 1L);
        for (int j = 0; j < i; j++) {
          int token = KvAccess.at(tree.tokens(), row, i);
          if (KvAccess.at(tree.parents(), row, j) == parent
              && KvAccess.at(tree.tokens(), row, j) == token) {
            throw checks.bad("tokens", row, i, token, "siblings that differ");
          }
        }
      }
    }
  }

  private void uniforms(String name, Tensor uniforms) {
    long columns = uniforms.rank() == 1 ? 1 : uniforms.size(1);
    for (int i = 0; i < uniforms.size(0); i++) {
      for (int j = 0; j < columns; j++) {
        boolean single = uniforms.rank() == 1;
        float u = uniforms.floatAt(single ? uniforms.offset(i) : uniforms.offset(i, j));
        if (!(u >= 0 && u < 1)) {
          String expected = "a number in [0, 1)";
          throw single ? checks.bad(name, i, u, expected) : checks.bad(name, i, j, u, expected);
        }
      }
    }
  }

  private void rows(String name, Tensor tensor) {
    boolean flat = tensor.rank() == 2;
    int n = (int) tensor.size(tensor.rank() - 1);
    long columns = flat ? 1 : tensor.size(1);
    for (int i = 0; i < tensor.size(0); i++) {
      for (int j = 0; j < columns; j++) {
        long offset = flat ? tensor.offset(i) : tensor.offset(i, j);
        float total = arithmetic.total(tensor, offset, n);
        if (!(Math.abs(total - 1.0) <= TOLERANCE)) {
          throw noDistribution(name + "[" + (flat ? i : i + ", " + j), tensor, offset, n, total);
        }
      }
    }
  }

  private IllegalArgumentException noDistribution(
      String place, Tensor tensor, long offset, int n, float total) {
    for (int id = 0; id < n; id++) {
      float value = tensor.floatAt(offset + (long) id * Float.BYTES);
      if (!(value >= 0)) {
        return checks.bad(place + ", " + id + "]", value, "a probability, 0 or more");
      }
    }
    return checks.bad(place + "]: sum", total, "1, to within " + TOLERANCE);
  }
}
