package io.github.trimtab.kv;

import io.github.trimtab.kernel.Append;
import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
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
 * in place, lists that forget are written into fresh pages of a spare table and then change places
 * with the old ones, and the others stay as they are.
 *
 * <p>Operations take lists as rows of their own: the rows of a batch where a list holds all heads,
 * and the heads of one row where a list holds one, so that heads may hold unequally many tokens.
 */
final class LayerChange {
  private static final int NOT_REWRITTEN = -1;

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
    Arrays.fill(rewritten, NOT_REWRITTEN);
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
   * Carries it out; where anything fails, table and pool are as they were.
   *
   * @param work is given the operations, in their order
   */
  void run(Kernels kernels, PagePool pool, Consumer<Runnable> work) {
    AppendPages growth = grow(pool, work);
    boolean done = false;
    try {
      spare.fill(rewritten, pool);
      int together = lists == 1 ? held.length : lists;
      for (int first = 0; first < held.length; first += together) {
        append(kernels, work, first, together);
        rewrite(kernels, work, first, first + together);
      }
      done = true;
    } finally {
      growth.finish(done);
      for (int list = 0; list < held.length; list++) {
        if (done && rewritten[list] != NOT_REWRITTEN) {
          table.exchange(list, spare);
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
      Append append = new Append(part(fresh, first, count, lengths), table.part(first, count));
      work.accept(() -> kernels.append(append));
    }
  }

  /** Rewrites lists from {@code first} to {@code end}, neighbours of one kind in one operation. */
  private void rewrite(Kernels kernels, Consumer<Runnable> work, int first, int end) {
    for (int from = first; from < end; ) {
      int to = from + 1;
      if (rewritten[from] != NOT_REWRITTEN) {
        while (to < end && rewritten[to] != NOT_REWRITTEN && alike(from, to)) {
          to++;
        }
        rewriteTogether(kernels, work, from, to - from);
      }
      from = to;
    }
  }

  private boolean alike(int list, int other) {
    return retention(list) instanceof Retention.Scored a
        ? retention(other) instanceof Retention.Scored b && a.scoring().equals(b.scoring())
        : retention(other) instanceof Retention.Placed;
  }

  private void rewriteTogether(Kernels kernels, Consumer<Runnable> work, int first, int count) {
    PagedKv history = table.part(first, count);
    PagedKv target = spare.part(first, count);
    int[] more = Arrays.copyOfRange(added, first, first + count);
    int[] kept = Arrays.copyOfRange(rewritten, first, first + count);
    int heads = target.heads();
    if (q != null && retention(first) instanceof Retention.Scored) {
      List<Retention.Scored> scored = new ArrayList<>(count);
      int most = 0;
      for (int list = first; list < first + count; list++) {
        scored.add((Retention.Scored) retention(list));
        most = Math.max(most, held[list] + added[list]);
      }
      int[] old = Arrays.copyOfRange(held, first, first + count);
      EvictionScratch.Scored inputs = scratch.scored(scored, old, more, kept);
      Score score =
          new Score(
              part(q, first, count),
              inputs.queryRows(),
              history,
              tokens(first, inputs.lengths()),
              inputs.window(),
              scored.getFirst().scoring(),
              scratch.scores(count, heads, most));
      Tensor indices = scratch.indices(count, heads, EvictionScratch.most(kept));
      Evict evict = new Evict(score, inputs.capacity(), indices, target);
      work.accept(() -> kernels.evict(evict));
    } else {
      EvictionScratch.Placed inputs = scratch.placed(more, kept, heads, placed(first, kept, heads));
      NewTokens tokens = tokens(first, inputs.lengths());
      Compact compact = new Compact(history, tokens, inputs.indices(), target);
      work.accept(() -> kernels.compact(compact));
    }
  }

  /** The tokens that lists from {@code first} on keep, -1 behind them. */
  private int[] placed(int first, int[] kept, int heads) {
    int most = EvictionScratch.most(kept);
    int[] indices = new int[kept.length * heads * most];
    Arrays.fill(indices, -1);
    for (int i = 0; i < kept.length; i++) {
      int list = first + i;
      Retention.Placed placed = (Retention.Placed) retention(list);
      for (int head = 0; head < heads; head++) {
        int[] tokens = placed.tokens(list / lists, list % lists + head, held[list], added[list]);
        System.arraycopy(tokens, 0, indices, (i * heads + head) * most, tokens.length);
      }
    }
    return indices;
  }

  private Retention retention(int list) {
    return retentions.get(list / lists);
  }

  /** New tokens of lists as rows of their own, if there are any. */
  private @Nullable NewTokens tokens(int first, Tensor lengths) {
    return fresh == null ? null : part(fresh, first, (int) lengths.size(0), lengths);
  }

  private NewTokens part(NewTokens all, int first, int count, @Nullable Tensor lengths) {
    return new NewTokens(part(all.k(), first, count), part(all.values(), first, count), lengths);
  }

  /** A tensor [R,heads,M,D] with lists as rows, without a copy. */
  private Tensor part(Tensor tensor, int first, int count) {
    if (lists == 1) {
      return tensor.narrow(0, first, count);
    }
    long group = tensor.size(1) / lists;
    return Tensor.strided(
        tensor.dtype(),
        tensor.buffer(),
        tensor.offset(first / lists, first % lists * group),
        new long[] {count, group, tensor.size(2), tensor.size(3)},
        new long[] {
          group * tensor.stride(1), tensor.stride(1), tensor.stride(2), tensor.stride(3)
        });
  }

  private static void require(boolean holds, String name, Object value, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(name + ": " + value + ", expected " + expected);
    }
  }
}
