package io.github.trimtab.internal.scalar;

import static java.util.Objects.requireNonNull;

import io.github.trimtab.internal.host.KvAccess;
import io.github.trimtab.internal.host.TokenFormat;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/** History and new tokens as one sequence, history first, read as F32. */
record KvSource(@Nullable PagedKv history, @Nullable NewTokens fresh) {
  int historyTokens(int row, int head) {
    return KvAccess.historyTokens(history, row, head);
  }

  int tokens(int row, int head) {
    return KvAccess.tokens(history, fresh, row, head);
  }

  /** Keys of a head, [tokens][head_dim]. */
  float[][] keys(int row, int head, int headDim) {
    float[][] keys = new float[tokens(row, head)][headDim];
    for (int t = 0; t < keys.length; t++) {
      readKey(row, head, t, keys[t]);
    }
    return keys;
  }

  /** Values of a head, [tokens][head_dim]. */
  float[][] values(int row, int head, int headDim) {
    float[][] values = new float[tokens(row, head)][headDim];
    for (int t = 0; t < values.length; t++) {
      readValue(row, head, t, values[t]);
    }
    return values;
  }

  void readKey(int row, int head, int token, float[] key) {
    int historyTokens = historyTokens(row, head);
    if (token < historyTokens) {
      readPaged(requireNonNull(history), row, head, token, 0, key);
    } else {
      readTensor(requireNonNull(fresh).k(), row, head, token - historyTokens, key);
    }
  }

  void readValue(int row, int head, int token, float[] value) {
    int historyTokens = historyTokens(row, head);
    if (token < historyTokens) {
      PagedKv pages = requireNonNull(history);
      readPaged(pages, row, head, token, KvAccess.keyToValue(pages), value);
    } else {
      readTensor(requireNonNull(fresh).values(), row, head, token - historyTokens, value);
    }
  }

  private static void readPaged(
      PagedKv pages, int row, int head, int token, long fromKey, float[] x) {
    TokenFormat.read(
        pages.layout().dtype(),
        pages.slab().segment(),
        KvAccess.key(pages, row, head, token) + fromKey,
        KvAccess.keyScale(pages, row, head, token) + fromKey,
        x,
        x.length);
  }

  /** Reads the vector (row, head, token) of a [rows, heads, tokens, head_dim] tensor. */
  static void readTensor(Tensor tensor, int row, int head, int token, float[] x) {
    long offset = tensor.offset(row, head, token);
    TokenFormat.read(tensor.dtype(), tensor.segment(), offset, -1, x, x.length);
  }
}
