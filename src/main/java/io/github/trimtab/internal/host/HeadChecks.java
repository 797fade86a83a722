package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.Head;
import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.kernel.Pack;
import io.github.trimtab.kernel.Quantize;
import io.github.trimtab.kernel.WeightRows;
import io.github.trimtab.memory.Tensor;
import java.util.Arrays;

/** Checks of the ids of heads, before the first write. */
public final class HeadChecks {
  private static final int WORD = 64;

  /** A bit an id, reused from call to call. */
  private static final ThreadLocal<long[]> SEEN = ThreadLocal.withInitial(() -> new long[0]);

  private HeadChecks() {}

  /** Checks a head's count and ids. */
  public static void check(Head op) {
    HostChecks checks = HostChecks.of(op);
    checks.open(op.hidden(), "hidden");
    open(checks, op.rows().weight(), "rows.weight");
    checks.open(op.rows().ids(), "rows.ids");
    checks.open(op.rows().count(), "rows.count");
    checks.open(op.logits(), "logits");
    checks.open(op.ids(), "ids");
    checks.open(op.values(), "values");
    checks.open(op.logSumExp(), "logSumExp");
    int count = HeadAccess.count(op.rows());
    checks.inRange("rows.count", 0, count, 0, op.rows().capacity());
    Tensor ids = op.rows().ids();
    if (ids != null) {
      distinct(checks, ids, count, op.rows());
    }
  }

  /**
   * Ids that ascend all through, as a static set does, need one comparison each. A tail behind them
   * is marked bit by bit, and the ascending ones are looked up there.
   */
  private static void distinct(HostChecks checks, Tensor ids, int count, HeadRows rows) {
    long most = rows.vocabulary() - 1L;
    int ascending = 0;
    int last = -1;
    for (; ascending < count; ascending++) {
      int id = KvAccess.at(ids, ascending);
      if (id <= last) {
        break;
      }
      last = id;
    }
    if (last > most) {
      refuseFirst(checks, ids, ascending, most);
    }
    if (ascending == count) {
      return;
    }
    long[] seen = cleared(rows.vocabulary());
    for (int i = ascending; i < count; i++) {
      int id = KvAccess.at(ids, i);
      checks.inRange("rows.ids", i, id, 0, most);
      if ((seen[id / WORD] >> id & 1) != 0) {
        throw checks.bad("rows.ids", i, id, "ids that all differ");
      }
      seen[id / WORD] |= 1L << id;
    }
    for (int i = 0; i < ascending; i++) {
      int id = KvAccess.at(ids, i);
      if ((seen[id / WORD] >> id & 1) != 0) {
        throw checks.bad("rows.ids", i, id, "ids that all differ");
      }
    }
  }

  private static void refuseFirst(HostChecks checks, Tensor ids, int count, long most) {
    for (int i = 0; i < count; i++) {
      checks.inRange("rows.ids", i, KvAccess.at(ids, i), 0, most);
    }
  }

  private static long[] cleared(int bits) {
    long[] seen = SEEN.get();
    int words = Math.ceilDiv(bits, WORD);
    if (seen.length < words) {
      seen = new long[words];
      SEEN.set(seen);
    } else {
      Arrays.fill(seen, 0, words, 0);
    }
    return seen;
  }

  /** Checks that a quantisation's buffers are open. */
  public static void check(Quantize op) {
    HostChecks checks = HostChecks.of(op);
    checks.open(op.weight(), "weight");
    open(checks, op.rows(), "rows");
  }

  /** Checks the ids of rows to copy; the same id may stand twice. */
  public static void check(Pack op) {
    HostChecks checks = HostChecks.of(op);
    open(checks, op.from(), "from");
    checks.open(op.ids(), "ids");
    open(checks, op.to(), "to");
    for (int i = 0; i < op.ids().size(0); i++) {
      checks.inRange("ids", i, KvAccess.at(op.ids(), i), 0, op.from().rows() - 1L);
    }
  }

  private static void open(HostChecks checks, WeightRows rows, String name) {
    checks.open(rows.codes(), name + ".codes");
    checks.open(rows.scales(), name + ".scales");
  }
}
