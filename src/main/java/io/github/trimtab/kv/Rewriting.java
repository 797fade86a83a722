package io.github.trimtab.kv;

import io.github.trimtab.kernel.Compact;
import io.github.trimtab.kernel.Evict;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.PagedKv;
import io.github.trimtab.kernel.Score;
import io.github.trimtab.kernel.Select;
import io.github.trimtab.memory.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The operations that write what lists of a layer keep into pages of a spare table, neighbours of
 * one kind together.
 */
final class Rewriting {
  private final BlockTable table;
  private final BlockTable spare;
  private final EvictionScratch scratch;
  private final @Nullable Tensor q;
  private final @Nullable NewTokens fresh;
  private final int[] held;
  private final int[] added;
  private final int[] rewritten;
  private final RewritePages pages;
  private final List<? extends Retention> retentions;
  private boolean overwrote;

  /**
   * For lists that change as decided.
   *
   * @param spare holds the pages that {@code pages} says
   * @param held tokens of each list
   * @param added new tokens of each list
   * @param rewritten tokens that each list keeps, or {@link RewritePages#NONE}
   */
  Rewriting(
      BlockTable table,
      BlockTable spare,
      EvictionScratch scratch,
      @Nullable Tensor q,
      @Nullable NewTokens fresh,
      int[] held,
      int[] added,
      int[] rewritten,
      RewritePages pages,
      List<? extends Retention> retentions) {
    this.table = table;
    this.spare = spare;
    this.scratch = scratch;
    this.q = q;
    this.fresh = fresh;
    this.held = held;
    this.added = added;
    this.rewritten = rewritten;
    this.pages = pages;
    this.retentions = retentions;
  }

  /** Whether an operation was begun that writes into pages of the lists as they were. */
  boolean overwrote() {
    return overwrote;
  }

  /** Rewrites lists from {@code first} to {@code end}. */
  void run(Kernels kernels, Consumer<Runnable> work, int first, int end) {
    for (int from = first; from < end; ) {
      int to = from + 1;
      if (rewritten[from] != RewritePages.NONE) {
        while (to < end && rewritten[to] != RewritePages.NONE && alike(from, to)) {
          to++;
        }
        together(kernels, work, from, to - from);
      }
      from = to;
    }
  }

  private boolean alike(int list, int other) {
    return pages.together(list, other)
        && (retention(list) instanceof Retention.Scored a
            ? retention(other) instanceof Retention.Scored b && a.scoring().equals(b.scoring())
            : retention(other) instanceof Retention.Placed);
  }

  private void together(Kernels kernels, Consumer<Runnable> work, int first, int count) {
    int[] kept = Arrays.copyOfRange(rewritten, first, first + count);
    if (q != null && retention(first) instanceof Retention.Scored) {
      scored(kernels, work, q, first, kept);
    } else {
      int heads = table.heads() / table.lists();
      int[] more = Arrays.copyOfRange(added, first, first + count);
      var inputs = scratch.placed(more, kept, heads, placed(first, kept, heads));
      compact(kernels, work, first, tokens(first, inputs.lengths()), inputs.indices());
    }
  }

  private void scored(
      Kernels kernels, Consumer<Runnable> work, Tensor queries, int first, int[] kept) {
    int count = kept.length;
    PagedKv history = table.part(first, count);
    List<Retention.Scored> scored = new ArrayList<>(count);
    int[] more = Arrays.copyOfRange(added, first, first + count);
    int[] old = Arrays.copyOfRange(held, first, first + count);
    int most = 0;
    for (int i = 0; i < count; i++) {
      scored.add((Retention.Scored) retention(first + i));
      most = Math.max(most, old[i] + more[i]);
    }
    EvictionScratch.Scored inputs = scratch.scored(scored, old, more, kept);
    NewTokens tokens = tokens(first, inputs.lengths());
    Score score =
        new Score(
            ListRows.of(queries, table.lists(), first, count),
            inputs.queryRows(),
            history,
            tokens,
            inputs.window(),
            scored.getFirst().scoring(),
            scratch.scores(count, history.heads(), most));
    Tensor indices = scratch.indices(count, history.heads(), EvictionScratch.most(kept));
    if (pages.inPortions(first)) {
      Select select =
          new Select(score.scores(), inputs.all(), inputs.window(), inputs.capacity(), indices);
      work.accept(() -> kernels.score(score));
      work.accept(() -> kernels.select(select));
      compact(kernels, work, first, tokens, indices);
    } else {
      Evict evict = new Evict(score, inputs.capacity(), indices, spare.part(first, count));
      overwrote |= pages.isLater(first);
      work.accept(() -> kernels.evict(evict));
    }
  }

  /** Moves chosen tokens, all at once or a portion of each list after the other. */
  private void compact(
      Kernels kernels,
      Consumer<Runnable> work,
      int first,
      @Nullable NewTokens tokens,
      Tensor indices) {
    int count = (int) indices.size(0);
    long places = indices.size(2);
    PagedKv history = table.part(first, count);
    PagedKv target = spare.part(first, count);
    long portion =
        pages.inPortions(first) ? (long) pages.portion() * target.layout().tokens() : places;
    for (long from = 0; from == 0 || from < places; from += portion) {
      long length = Math.min(portion, places - from);
      Compact compact =
          new Compact(
              history,
              tokens,
              indices.narrow(2, from, length),
              behind(target, (int) (from / target.layout().tokens())));
      overwrote |= from > 0 || pages.isLater(first);
      work.accept(() -> kernels.compact(compact));
      if (length == places) {
        return;
      }
    }
  }

  /** Lists without their first pages. */
  private static PagedKv behind(PagedKv lists, int page) {
    Tensor table = lists.table();
    return new PagedKv(
        lists.layout(),
        lists.slab(),
        lists.pages(),
        table.narrow(2, page, table.size(2) - page),
        lists.lengths());
  }

  /** The tokens that lists from {@code first} on keep, -1 behind them. */
  private int[] placed(int first, int[] kept, int heads) {
    int lists = table.lists();
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
    return retentions.get(list / table.lists());
  }

  /** New tokens of lists as rows of their own, if there are any. */
  private @Nullable NewTokens tokens(int first, Tensor lengths) {
    return fresh == null
        ? null
        : ListRows.of(fresh, table.lists(), first, (int) lengths.size(0), lengths);
  }
}
