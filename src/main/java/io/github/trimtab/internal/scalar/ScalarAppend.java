package io.github.trimtab.internal.scalar;

import io.github.trimtab.internal.host.AppendChecks;
import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;

/** Writes new tokens behind those in pages. */
final class ScalarAppend {
  private ScalarAppend() {}

  static void run(Append op) {
    AppendChecks.check(op);
    NewTokens fresh = op.fresh();
    PagedKv target = op.target();
    float[] key = new float[fresh.headDim()];
    float[] value = new float[fresh.headDim()];
    for (int row = 0; row < target.rows(); row++) {
      int count = KvAccess.newTokens(fresh, row);
      for (int head = 0; head < target.heads(); head++) {
        int length = KvAccess.historyTokens(target, row, head);
        for (int t = 0; t < count; t++) {
          KvSource.readTensor(fresh.k(), row, head, t, key);
          KvSource.readTensor(fresh.values(), row, head, t, value);
          write(target, row, head, length + t, key, value);
        }
      }
      for (int list = 0; list < target.lists(); list++) {
        long place = target.lengths().offset(row, list);
        target.lengths().setIntegerAt(place, target.lengths().integerAt(place) + count);
      }
    }
  }

  /** Writes one token of one head in the pages' format. */
  static void write(PagedKv target, int row, int head, int token, float[] key, float[] value) {
    var dtype = target.layout().dtype();
    var slab = target.slab().segment();
    long codes = KvAccess.key(target, row, head, token);
    long scale = KvAccess.keyScale(target, row, head, token);
    long toValue = KvAccess.keyToValue(target);
    TokenFormat.write(dtype, key, key.length, slab, codes, scale);
    TokenFormat.write(dtype, value, value.length, slab, codes + toValue, scale + toValue);
  }
}
