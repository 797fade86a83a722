package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.Tensor;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Where tokens lie, and how many there are. Offsets are bytes from the start of a slab's or
 * tensor's segment; the indices read here have passed {@link HostChecks}.
 */
public final class KvAccess {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  private KvAccess() {}

  /** Element (i) of an I32 tensor. */
  public static int at(Tensor tensor, int i) {
    return tensor.segment().get(INT, tensor.offset(i));
  }

  /** Element (i, j) of an I32 tensor. */
  public static int at(Tensor tensor, int i, int j) {
    return tensor.segment().get(INT, tensor.offset(i, j));
  }

  /** Element (i, j, k) of an I32 tensor. */
  public static int at(Tensor tensor, int i, int j, int k) {
    return tensor.segment().get(INT, tensor.offset(i, j, k));
  }

  /** Tokens in pages of a row's key/value head; 0 without pages. */
  public static int historyTokens(@Nullable PagedKv history, int row, int head) {
    return history == null ? 0 : at(history.lengths(), row, history.list(head));
  }

  /** Valid new tokens of a row; 0 without new tokens. */
  public static int newTokens(@Nullable NewTokens fresh, int row) {
    if (fresh == null) {
      return 0;
    }
    Tensor lengths = fresh.lengths();
    return lengths == null ? fresh.capacity() : at(lengths, row);
  }

  /** Tokens of history and new tokens of a row's key/value head. */
  public static int tokens(
      @Nullable PagedKv history, @Nullable NewTokens fresh, int row, int head) {
    return historyTokens(history, row, head) + newTokens(fresh, row);
  }

  /** Valid scores of a row's key/value head. */
  public static int tokens(Select op, int row, int head) {
    Tensor lengths = op.lengths();
    if (lengths == null) {
      return (int) op.scores().size(2);
    }
    return lengths.rank() == 1 ? at(lengths, row) : at(lengths, row, head);
  }

  /** Offset of the {@code index}-th page of a list. */
  public static long page(PagedKv pages, int row, int list, int index) {
    return at(pages.table(), row, list, index) * pages.layout().pageBytes();
  }

  /** Offset of a token's key codes. */
  public static long key(PagedKv pages, int row, int head, int token) {
    PageLayout layout = pages.layout();
    return page(pages, row, pages.list(head), token / layout.tokens())
        + layout.keys(pages.headInPage(head))
        + token % layout.tokens() * layout.tokenBytes();
  }

  /** Offset of the scale of a token's key; meaningful for quantised pages only. */
  public static long keyScale(PagedKv pages, int row, int head, int token) {
    PageLayout layout = pages.layout();
    return page(pages, row, pages.list(head), token / layout.tokens())
        + layout.keys(pages.headInPage(head))
        + layout.scalesAfterCodes()
        + token % layout.tokens() * 2L;
  }

  /** Distance from a key's codes or scale to the value's in the same page. */
  public static long keyToValue(PagedKv pages) {
    return pages.layout().values(0) - pages.layout().keys(0);
  }

  /** Valid queries of a row: all without lengths. */
  public static int queries(Tensor q, @Nullable Tensor queryLengths, int row) {
    return queryLengths == null ? (int) q.size(2) : at(queryLengths, row);
  }

  /** The query that is the {@code w}-th of a row's window, -1 for none. */
  public static int query(Score op, int row, int w) {
    Tensor rows = op.queryRows();
    return rows == null ? w : at(rows, row, w);
  }

  /** Queries of a row's window, without the absent ones. */
  public static int presentQueries(Score op, int row) {
    int present = 0;
    for (int w = 0; w < op.queries(); w++) {
      present += query(op, row, w) >= 0 ? 1 : 0;
    }
    return present;
  }

  /** Positions of a row of an [R,P] tensor, without absent ones (-1); 0 without a tensor. */
  public static int presentPositions(@Nullable Tensor positions, int row) {
    int present = 0;
    for (int p = 0; positions != null && p < positions.size(1); p++) {
      present += at(positions, row, p) >= 0 ? 1 : 0;
    }
    return present;
  }
}
