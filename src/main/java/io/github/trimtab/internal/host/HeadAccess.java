package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.HeadRows;
import io.github.trimtab.memory.Tensor;

/** What the places of a head are; the ids read here have passed {@link HeadChecks}. */
public final class HeadAccess {
  private HeadAccess() {}

  /** Places that take part. */
  public static int count(HeadRows rows) {
    Tensor count = rows.count();
    return count == null ? rows.capacity() : KvAccess.at(count, 0);
  }

  /** The row of the matrix at a place. */
  public static int row(HeadRows rows, int place) {
    return rows.packed() ? place : id(rows, place);
  }

  /** The vocabulary id at a place. */
  public static int id(HeadRows rows, int place) {
    Tensor ids = rows.ids();
    return ids == null ? place : KvAccess.at(ids, place);
  }
}
