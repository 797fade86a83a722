package io.github.trimtab.kv;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.memory.Memory;
import io.github.trimtab.memory.PagePool;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a step does to the lists of a layer, all of it or nothing: lists that keep everything grow
 * in place, lists that forget are written into pages of a spare table and then change places with
 * the old ones, and the others stay as they are.
 *
 * <p>Operations take lists as rows of their own: the rows of a batch where a list holds all heads,
 * and the heads of one row where a list holds one, so that heads may hold unequally many tokens.
 */
final class LayerChange {
  private final BlockTable table;
  private final BlockTable spare;
  private final EvictionScratch scratch;
  private final Memory memory;
  private final List<? extends Retention> retentions;
  private final @Nullable Tensor q;
  private final @Nullable NewTokens fresh;
  private final int lists;
  private final int[] held;
  private final int[] added;
  // What lists hold before those that are rewritten change places.
  private final int[] grown;
  private final int[] rewritten;

  /**
   * Decides what happens to each list.
   *
   * @param spare an empty table of the same shape
   * @param newTokens of each row
   * @param retentions one for each row
   */
  LayerChange(
      BlockTable table,
      BlockTable spare,
      EvictionScratch scratch,
      Memory memory,
      @Nullable Tensor q,
      @Nullable NewTokens fresh,
      int[] newTokens,
      List<? extends Retention> retentions) {
    this.table = table;
    this.spare = spare;
    this.scratch = scratch;
    this.retentions = retentions;
    this.q = q;
    this.fresh = fresh;
    this.memory = memory;
    this.lists = table.lists();
    this.held = table.lengths();
    this.added = new int[held.length];
    Arrays.setAll(added, list -> newTokens[list / lists]);
    this.grown = held.clone();
    this.rewritten = new int[held.length];
    Arrays.fill(rewritten, RewritePages.NONE);
    for (int list = 0; list < held.length; list++) {
      decide(list);
    }
  }

  private void decide(int list) {
    int row = list / lists;
    Retention retention = retentions.get(row);
    int all = Math.addExact(held[list], added[list]);
    int kept =
        kept(
            "retention of row " + row,
            retention,
            table.heads(),
            lists,
            list % lists,
            held[list],
            added[list]);
    require(
        kept <= table.maxTokens(),
        "tokens of row " + row,
        kept,
        "at most " + table.maxTokens() + ", for which the cache was made");
    if (retention instanceof Retention.Scored scored) {
      checkPositions(scored, row, held[list], added[list]);
    } else if (retention instanceof Retention.Chosen chosen) {
      int heads = lists == 1 ? table.heads() : 1;
      for (int head = 0; head < heads; head++) {
        chosen.checkPositions(row, list % lists + head, held[list], added[list]);
      }
    }
    if (kept == all) {
      grown[list] = all;
    } else if (!(retention instanceof Retention.History)) {
      require(
          !(retention instanceof Retention.Counted),
          "retention of row " + row,
          retention,
          "one that says which tokens stay");
      rewritten[list] = kept;
    }
  }

  /**
   * Tokens that a list keeps; heads that share it must keep equally many.
   *
   * @param list of the row's {@code lists}: one for all heads, or one a head
   */
  static int kept(
      String name, Retention retention, int heads, int lists, int list, int held, int fresh) {
    require(
        retention.heads() == 0 || retention.heads() == heads,
        name,
        retention,
        "as many heads as the cache, " + heads);
    int kept = retention.kept(list, held, fresh);
    for (int head = 1; lists == 1 && head < retention.heads(); head++) {
      require(
          retention.kept(head, held, fresh) == kept,
          name,
          retention,
          "equally many tokens of all heads, since a page holds all of them");
    }
    return kept;
  }

  private void checkPositions(Retention.Scored scored, int row, int history, int more) {
    if (q == null) {
      throw new IllegalArgumentException("q: null, expected queries, since tokens are scored");
    }
    for (int i = 0; i < scored.queries(); i++) {
      int query = scored.queryRow(i);
      require(
          query >= 0 && query < q.size(2),
          "queryRows of row " + row,
          query,
          "0.." + (q.size(2) - 1));
    }
    for (int i = 0; i < scored.windowTokens(); i++) {
      int token = scored.windowToken(i);
      require(
          token >= -history && token < more,
          "window of row " + row,
          token,
          -history + ".." + (more - 1));
    }
  }

  /**
   * Carries it out; where anything fails, table and pool are as they were, but for an operation of
   * the backend that fails when old pages have been written to: then the lists that were to be
   * rewritten are empty.
   *
   * @param work is given the operations, in their order
   * @return what decides, besides shapes, which operations these are
   */
  List<Integer> run(Kernels kernels, PagePool pool, Consumer<Runnable> work) {
    AppendPages growth = grow(pool, work);
    List<Integer> form = new ArrayList<>(growth.copies());
    Rewriting rewriting = null;
    boolean done = false;
    try {
      RewritePages pages = RewritePages.of(table, rewritten, pool);
      spare.fill(rewritten, pages, pool);
      pages.addForm(form);
      rewriting =
          new Rewriting(table, spare, scratch, q, fresh, held, added, rewritten, pages, retentions);
      int together = lists == 1 ? held.length : lists;
      for (int first = 0; first < held.length; first += together) {
        append(kernels, work, first, together);
        rewriting.run(kernels, work, first, first + together);
      }
      done = true;
      return form;
    } finally {
      growth.finish(done);
      for (int list = 0; list < held.length; list++) {
        if (rewritten[list] == RewritePages.NONE) {
          continue;
        }
        if (done) {
          table.exchange(list, spare);
        } else if (rewriting != null && rewriting.overwrote()) {
          table.release(list, pool);
        }
      }
      spare.releaseAll(pool);
    }
  }

  /** Takes the pages that lists grow into. */
  AppendPages grow(PagePool pool, Consumer<Runnable> work) {
    pool.useOn(memory);
    return AppendPages.acquire(table, grown, pool, memory, work);
  }

  /** Enqueues the appends of all lists. */
  void append(Kernels kernels) {
    int together = lists == 1 ? held.length : lists;
    for (int first = 0; first < held.length; first += together) {
      append(kernels, Runnable::run, first, together);
    }
  }

  private void append(Kernels kernels, Consumer<Runnable> work, int first, int count) {
    int[] more = new int[count];
    Arrays.setAll(more, i -> grown[first + i] - held[first + i]);
    if (fresh != null && Arrays.stream(more).anyMatch(tokens -> tokens > 0)) {
      boolean whole = Arrays.stream(more).allMatch(tokens -> tokens == fresh.capacity());
      Tensor lengths = whole ? null : scratch.lengths(more);
      Append append =
          new Append(ListRows.of(fresh, lists, first, count, lengths), table.part(first, count));
      work.accept(() -> kernels.append(append));
    }
  }
}
