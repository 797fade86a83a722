package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.Verify;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The decisions of a verification, a batch row at a time, over a backend's arithmetic. What it
 * reads has passed {@link VerifyChecks}.
 */
public final class VerifyWalk {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final int TARGET = 0;
  private static final int DRAFT = 1;

  private final VerifyArithmetic arithmetic;

  /** A walk over a backend's arithmetic. */
  public VerifyWalk(VerifyArithmetic arithmetic) {
    this.arithmetic = arithmetic;
  }

  /**
   * Decides one batch row and writes its results.
   *
   * @param places where among the kept ids each drafted token is, [B x drafted]; read where drafts
   *     were sampled
   */
  public void row(Verify op, int row, int[] places) {
    switch (op) {
      case Verify.Chain chain -> chain(chain, row, places);
      case Verify.Greedy greedy -> greedy(greedy, row);
      case Verify.Tree tree -> tree(tree, row);
      case Verify.MultiRound siblings -> multiRound(siblings, row, places);
    }
  }

  private void chain(Verify.Chain op, int row, int[] places) {
    int drafted = op.drafted();
    int accepted = 0;
    while (accepted < drafted && accepts(op, row, accepted, places)) {
      emit(op, row, accepted, KvAccess.at(op.tokens(), row, accepted));
      accepted++;
    }
    float[] masses = masses(op, op.target().offset(row, accepted));
    if (accepted < drafted) {
      int kept = (int) op.ids().size(0);
      float[] draft = arithmetic.room(DRAFT, kept);
      copy(op.draft(), op.draft().offset(row, accepted), kept, draft);
      subtract(op, masses, draft);
      if (arithmetic.sum(masses, op.vocabulary()) == 0) {
        masses = masses(op, op.target().offset(row, accepted));
      }
    }
    emit(op, row, accepted, arithmetic.draw(masses, op.vocabulary(), at(op.sampleU(), row)));
    end(op, row, accepted + 1, accepted);
  }

  private static boolean accepts(Verify.Chain op, int row, int i, int[] places) {
    float p = at(op.target(), op.target().offset(row, i, KvAccess.at(op.tokens(), row, i)));
    float q = at(op.draft(), op.draft().offset(row, i, places[row * op.drafted() + i]));
    return accepts(op, row, i, p, q);
  }

  /** Whether u q &lt; p; the product of two floats is exact in binary64. */
  private static boolean accepts(Verify.Sampled op, int row, int i, float p, float q) {
    float u = at(op.acceptU(), op.acceptU().offset(row, i));
    return (double) u * q < p;
  }

  /** {@code masses = max(masses - draft, 0)} at the kept ids. */
  private static void subtract(Verify.Sampled op, float[] masses, float[] draft) {
    int kept = (int) op.ids().size(0);
    for (int j = 0; j < kept; j++) {
      int id = KvAccess.at(op.ids(), j);
      masses[id] = Math.max(masses[id] - draft[j], 0f);
    }
  }

  private void greedy(Verify.Greedy op, int row) {
    int accepted = 0;
    while (true) {
      int highest =
          arithmetic.highest(masses(op, op.target().offset(row, accepted)), op.vocabulary());
      emit(op, row, accepted, highest);
      if (accepted == op.drafted() || KvAccess.at(op.tokens(), row, accepted) != highest) {
        end(op, row, accepted + 1, accepted);
        return;
      }
      accepted++;
    }
  }

  private void tree(Verify.Tree op, int row) {
    int accepted = 0;
    int node = -1;
    while (true) {
      float[] masses = masses(op, op.target().offset(row, node + 1));
      float u = at(op.sampleU(), op.sampleU().offset(row, node + 1));
      int drawn = arithmetic.draw(masses, op.vocabulary(), u);
      emit(op, row, accepted, drawn);
      int child = child(op, row, node, drawn);
      if (child < 0) {
        end(op, row, accepted + 1, accepted);
        return;
      }
      node = child;
      accepted++;
    }
  }

  private static int child(Verify.Tree op, int row, int node, int token) {
    for (int i = node + 1; i < op.drafted(); i++) {
      if (KvAccess.at(op.parents(), row, i) == node && KvAccess.at(op.tokens(), row, i) == token) {
        return i;
      }
    }
    return -1;
  }

  private void multiRound(Verify.MultiRound op, int row, int[] places) {
    int vocabulary = op.vocabulary();
    int kept = (int) op.ids().size(0);
    float[] target = masses(op, op.target().offset(row));
    float[] rest = arithmetic.room(DRAFT + 1, vocabulary);
    float[] draft = arithmetic.room(DRAFT, kept);
    copy(op.draft(), op.draft().offset(row), kept, draft);
    for (int i = 0; i < op.drafted(); i++) {
      int token = KvAccess.at(op.tokens(), row, i);
      int place = places[row * op.drafted() + i];
      if (accepts(op, row, i, target[token], draft[place])) {
        emit(op, row, 0, token);
        end(op, row, 1, i);
        return;
      }
      System.arraycopy(target, 0, rest, 0, vocabulary);
      subtract(op, rest, draft);
      float left = arithmetic.sum(rest, vocabulary);
      if (left > 0) {
        arithmetic.divide(rest, vocabulary, left);
        float[] swapped = target;
        target = rest;
        rest = swapped;
      }
      draft[place] = 0;
      left = arithmetic.sum(draft, kept);
      if (left == 0) {
        break;
      }
      arithmetic.divide(draft, kept, left);
    }
    emit(op, row, 0, arithmetic.draw(target, vocabulary, at(op.sampleU(), row)));
    end(op, row, 1, -1);
  }

  private float[] masses(Verify op, long offset) {
    float[] masses = arithmetic.room(TARGET, op.vocabulary());
    copy(op.target(), offset, op.vocabulary(), masses);
    return masses;
  }

  private static void copy(Tensor from, long offset, int n, float[] to) {
    MemorySegment.copy(from.segment(), FLOAT, offset, to, 0, n);
  }

  private static float at(Tensor tensor, int i) {
    return at(tensor, tensor.offset(i));
  }

  private static float at(Tensor tensor, long offset) {
    return tensor.segment().get(FLOAT, offset);
  }

  private static void emit(Verify op, int row, int place, int token) {
    op.emitted().setIntegerAt(op.emitted().offset(row, place), token);
  }

  private static void end(Verify op, int row, int places, int accepted) {
    for (int place = places; place < op.emitted().size(1); place++) {
      emit(op, row, place, -1);
    }
    op.accepted().setIntegerAt(op.accepted().offset(row), accepted);
  }
}
