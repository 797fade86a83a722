package io.github.trimtab.internal.host;

import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Operation;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.memory.Tensor;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * What checks of untrusted input are made of, and those of scores: the contents of index buffers,
 * and that buffers are open and on the host. A CPU backend calls the operation's check first and
 * may then follow every index.
 *
 * <p>Errors name the operation, the argument, the place in it, the value and what was expected.
 */
public final class HostChecks {
  /** Reused from call to call: an operation that is repeated allocates nothing. */
  private static final ThreadLocal<HostChecks> CHECKS = ThreadLocal.withInitial(HostChecks::new);

  private final BitSet marks = new BitSet();
  private String operation = "";

  /** Stands before names: "score." while an eviction's score is checked. */
  String prefix = "";

  private HostChecks() {}

  /** The running thread's checks, from now on of {@code op}, whose buffers are on the host. */
  static HostChecks of(Operation op) {
    return of(op, op.getClass().getSimpleName());
  }

  /** The same, for an operation that goes by another name than its class. */
  static HostChecks of(Operation op, String name) {
    if (!op.place().isHost()) {
      throw new IllegalArgumentException(
          name + ": buffers on " + op.place() + ", expected host memory on this backend");
    }
    HostChecks checks = CHECKS.get();
    checks.operation = name;
    checks.prefix = "";
    return checks;
  }

  /** Checks a score's lengths, pages, window and queries. */
  public static void check(Score op) {
    of(op).score(op);
  }

  void score(Score op) {
    open(op.q(), "q");
    open(op.queryRows(), "queryRows");
    open(op.window(), "window");
    open(op.scores(), "scores");
    sources(op.history(), op.fresh());
    Tensor queryRows = op.queryRows();
    for (int row = 0; row < op.rows(); row++) {
      int tokens = Integer.MAX_VALUE;
      for (int head = 0; head < op.heads(); head++) {
        long total = totalTokens(op.history(), op.fresh(), row, head);
        if (total > op.scores().size(2)) {
          throw bad(
              "history.lengths",
              row,
              head,
              total,
              "with the new tokens at most the " + op.scores().size(2) + " that scores holds");
        }
        tokens = (int) Math.min(tokens, total);
      }
      positions("window", op.window(), row, tokens);
      for (int w = 0; queryRows != null && w < queryRows.size(1); w++) {
        inRange("queryRows", row, w, KvAccess.at(queryRows, row, w), -1, op.q().size(2) - 1);
      }
    }
  }

  void sources(@Nullable PagedKv history, @Nullable NewTokens fresh) {
    if (history != null) {
      open(history, "history");
      for (int row = 0; row < history.rows(); row++) {
        for (int list = 0; list < history.lists(); list++) {
          int length = KvAccess.at(history.lengths(), row, list);
          inRange("history.lengths", row, list, length, 0, history.capacity());
          int end = history.layout().pagesFor(length);
          for (int i = 0; i < end; i++) {
            int page = KvAccess.at(history.table(), row, list, i);
            inRange("history.table", row, list, i, page, 0, history.pages() - 1L);
          }
        }
      }
    }
    if (fresh != null) {
      open(fresh, "fresh");
      newTokens(fresh);
    }
  }

  void newTokens(NewTokens fresh) {
    Tensor lengths = fresh.lengths();
    for (int row = 0; lengths != null && row < fresh.rows(); row++) {
      inRange("fresh.lengths", row, KvAccess.at(lengths, row), 0, fresh.capacity());
    }
  }

  static long totalTokens(@Nullable PagedKv history, @Nullable NewTokens fresh, int row, int head) {
    return (long) KvAccess.historyTokens(history, row, head) + KvAccess.newTokens(fresh, row);
  }

  /** Positions of one row: -1 or in [0, tokens), and none twice. */
  void positions(String name, @Nullable Tensor positions, int row, int tokens) {
    if (positions == null) {
      return;
    }
    BitSet seen = marks();
    for (int p = 0; p < positions.size(1); p++) {
      int position = KvAccess.at(positions, row, p);
      inRange(name, row, p, position, -1, tokens - 1L);
      if (position >= 0) {
        if (seen.get(position)) {
          throw bad(name, row, p, position, "positions that all differ");
        }
        seen.set(position);
      }
    }
  }

  void survivors(PagedKv target, int row, int list, int kept, BitSet taken) {
    if (kept > target.capacity()) {
      throw bad("target.table", row, list, target.capacity(), "pages for " + kept + " tokens");
    }
    writtenPages("target.table", target, row, list, 0, target.layout().pagesFor(kept), taken);
  }

  /**
   * Checks pages {@code [first, end)} of a list, which nothing else may use, and marks them as
   * taken.
   */
  void writtenPages(
      String name, PagedKv target, int row, int list, int first, int end, BitSet taken) {
    for (int i = first; i < end; i++) {
      int page = KvAccess.at(target.table(), row, list, i);
      inRange(name, row, list, i, page, 0, target.pages() - 1L);
      if (taken.get(page)) {
        throw bad(
            name + "[" + row + ", " + list + ", " + i + "]",
            page,
            "a page that this operation neither reads nor writes elsewhere");
      }
      taken.set(page);
    }
  }

  BitSet marks() {
    marks.clear();
    return marks;
  }

  void inRange(String name, int i, long value, long low, long high) {
    if (value < low || value > high) {
      throw outside(name + "[" + i + "]", value, low, high);
    }
  }

  void inRange(String name, int i, int j, long value, long low, long high) {
    if (value < low || value > high) {
      throw outside(name + "[" + i + ", " + j + "]", value, low, high);
    }
  }

  void inRange(String name, int i, int j, int k, long value, long low, long high) {
    if (value < low || value > high) {
      throw outside(name + "[" + i + ", " + j + ", " + k + "]", value, low, high);
    }
  }

  private IllegalArgumentException outside(String place, long value, long low, long high) {
    String expected =
        high < low
            ? "nothing, since none is in range"
            : low == high ? "" + low : low + " to " + high;
    return bad(place, value, expected);
  }

  IllegalArgumentException bad(String name, int i, Object value, String expected) {
    return bad(name + "[" + i + "]", value, expected);
  }

  IllegalArgumentException bad(String name, int i, int j, Object value, String expected) {
    return bad(name + "[" + i + ", " + j + "]", value, expected);
  }

  IllegalArgumentException bad(String place, Object value, String expected) {
    return new IllegalArgumentException(
        operation + ": " + prefix + place + ": " + value + ", expected " + expected);
  }

  void open(PagedKv pages, String name) {
    open(pages.slab().isOpen(), name, ".slab");
    open(pages.table(), name, ".table");
    open(pages.lengths(), name, ".lengths");
  }

  void open(NewTokens fresh, String name) {
    open(fresh.k(), name, ".k");
    open(fresh.v(), name, ".v");
    open(fresh.lengths(), name, ".lengths");
  }

  void open(@Nullable Tensor tensor, String name) {
    open(tensor, name, "");
  }

  private void open(@Nullable Tensor tensor, String name, String part) {
    open(tensor == null || tensor.buffer().isOpen(), name, part);
  }

  /** Takes names in parts: they are put together where something is wrong only. */
  private void open(boolean open, String name, String part) {
    if (!open) {
      throw new IllegalStateException(operation + ": " + prefix + name + part + " is closed");
    }
  }
}
