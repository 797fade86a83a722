package io.github.trimtab.kv;

import io.github.trimtab.memory.PageLayout;
import io.github.trimtab.memory.PagePool;
import java.util.Arrays;
import java.util.List;

/**
 * The pages into which lists of a layer are rewritten: fresh ones, and old ones whose tokens have
 * been moved by then, so that the pool holds little more than the larger of old and new lists.
 *
 * <p>A long list is written in portions. Tokens keep their order, so a token never moves to a later
 * place: behind the first portion, a portion may overwrite what lies an entire portion before its
 * own place. Lists that shrink to half or less go in waves: the first leaves pages enough for the
 * next. Pages that other lists read too are never overwritten.
 *
 * <p>Portions are operations, so they are as large as the pool's free pages allow, down to a page,
 * and at most {@value #PORTION_TOKENS} tokens.
 */
final class RewritePages {
  /** Of a list that is not rewritten. */
  static final int NONE = -1;

  private static final int PORTION_TOKENS = 1024;
  // In place of an old page: the pool gives one, since there is none or other lists read it.
  private static final int FRESH = -1;

  private final int portion;
  private final int atOnce;
  // Of each list: ids of old pages, or FRESH.
  private final int[][] pages;
  private final int[] waves;
  private int fresh;
  // Pages that the waves before this one have left, and those that it leaves.
  private final Pile left;
  private final Pile leaving;

  /**
   * Decides for one size of portions.
   *
   * @param portion pages
   * @param atOnce most pages of a list that is not written in portions
   */
  private RewritePages(PageLayout layout, int[][] old, int[] tokens, int portion, int atOnce) {
    this.portion = portion;
    this.atOnce = atOnce;
    pages = new int[tokens.length][];
    waves = new int[tokens.length];
    int most = Arrays.stream(old).mapToInt(ids -> ids.length).sum();
    left = new Pile(most);
    leaving = new Pile(most);
    int wave = 0;
    for (int list = 0; list < tokens.length; list++) {
      int wanted = layout.pagesFor(Math.max(tokens[list], 0));
      pages[list] = new int[wanted];
      Arrays.fill(pages[list], FRESH);
      if (isLong(wanted)) {
        follow(old[list], pages[list]);
      } else if (tokens[list] != NONE && old[list].length >= 2 * wanted) {
        if (left.size < wanted && left.size + leaving.size >= wanted) {
          leaving.moveTo(left);
          wave++;
        }
        if (left.size >= wanted) {
          left.take(pages[list]);
        }
        leaving.put(old[list]);
      }
      waves[list] = wave;
      fresh += (int) Arrays.stream(pages[list]).filter(page -> page == FRESH).count();
    }
  }

  /**
   * For lists that hold what a table says.
   *
   * @param tokens that each list will hold, or {@link #NONE}
   */
  static RewritePages of(BlockTable table, int[] tokens, PagePool pool) {
    int[][] old = new int[tokens.length][];
    for (int list = 0; list < tokens.length; list++) {
      old[list] = new int[tokens[list] == NONE ? 0 : table.pageCount(list)];
      for (int i = 0; i < old[list].length; i++) {
        int page = table.page(list, i);
        old[list][i] = pool.references(page) == 1 ? page : FRESH;
      }
    }
    return within(pool.free(), pool.layout(), old, tokens);
  }

  /** How many pages the pool must have, where no list shares any. */
  static int fresh(PageLayout layout, int[] oldPages, int[] tokens) {
    int[][] old = new int[tokens.length][];
    Arrays.setAll(old, list -> new int[tokens[list] == NONE ? 0 : oldPages[list]]);
    return within(0, layout, old, tokens).fresh;
  }

  /** Those of the largest portions for which the free pages do, or else of fewest pages. */
  private static RewritePages within(int free, PageLayout layout, int[][] old, int[] tokens) {
    int portion = Math.max(1, PORTION_TOKENS / layout.tokens());
    RewritePages best = new RewritePages(layout, old, tokens, portion, 2 * portion);
    while (best.fresh > free && portion > 1) {
      portion /= 2;
      RewritePages smaller = new RewritePages(layout, old, tokens, portion, portion);
      best = smaller.fresh < best.fresh ? smaller : best;
    }
    return best;
  }

  private boolean isLong(int wanted) {
    return wanted > atOnce;
  }

  private void follow(int[] old, int[] into) {
    int behind = Math.min(old.length, into.length - portion);
    if (behind > 0) {
      System.arraycopy(old, 0, into, portion, behind);
    }
  }

  /** How many pages the pool must give. */
  int fresh() {
    return fresh;
  }

  /** A page of a list: an old one to be used again, or below 0, a fresh one. */
  int page(int list, int index) {
    return pages[list][index];
  }

  /** Whether two lists may be rewritten by one operation. */
  boolean together(int list, int other) {
    return waves[list] == waves[other] && inPortions(list) == inPortions(other);
  }

  /** Whether a list is written a portion at a time. */
  boolean inPortions(int list) {
    return isLong(pages[list].length);
  }

  /** Pages of a portion. */
  int portion() {
    return portion;
  }

  /** Whether a list may take pages of lists that were rewritten before it. */
  boolean isLater(int list) {
    return waves[list] > 0;
  }

  /** Adds what decides, besides shapes, which operations rewrite the lists. */
  void addForm(List<Integer> form) {
    form.add(portion);
    Arrays.stream(waves).forEach(form::add);
  }

  private static final class Pile {
    private final int[] pages;
    private int size;

    Pile(int most) {
      pages = new int[most];
    }

    void put(int[] some) {
      for (int page : some) {
        if (page != FRESH) {
          pages[size++] = page;
        }
      }
    }

    void take(int[] some) {
      size -= some.length;
      System.arraycopy(pages, size, some, 0, some.length);
    }

    void moveTo(Pile other) {
      System.arraycopy(pages, 0, other.pages, other.size, size);
      other.size += size;
      size = 0;
    }
  }
}
