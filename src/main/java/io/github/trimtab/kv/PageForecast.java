package io.github.trimtab.kv;

import io.github.trimtab.memory.PageLayout;
import java.util.Arrays;

/**
 * What a {@link KvCache} will hold under a policy, exactly and before anything runs: sizes a pool.
 *
 * <p>Holds for an empty cache whose rows share no pages and walk all layers step by step together.
 * Rows at steps of their own need at most what each would alone, and rows with shared pages those
 * pages besides. The peak counts the kept lists of all layers and, while a layer forgets, of its
 * old lists what is not yet written over.
 *
 * <p>In a pool of just so many pages, layers that forget while it is full do so in small portions,
 * each an operation; as many pages more as a layer's lists hold spare those. Such a pool holds more
 * at its peak.
 *
 * @param peakPages most pages in use at once, in a pool that has no more
 * @param lastPages pages in use after the last step
 * @param maxTokens most tokens of a list between two steps, at least 1
 * @param peakBytes bytes of {@code peakPages}
 */
public record PageForecast(int peakPages, int lastPages, int maxTokens, long peakBytes) {
  /**
   * Walks a policy through steps.
   *
   * @param layout of the pool's pages
   * @param layers of the cache
   * @param rows of the cache
   * @param heads key/value heads of the cache
   * @param newTokens of each step
   * @throws ArithmeticException if the pages exceed 2^31
   */
  public static PageForecast of(
      EvictionPolicy policy, PageLayout layout, int layers, int rows, int heads, int... newTokens) {
    int lists = LayerTables.lists(layout, layers, rows, heads);
    int[][] held = new int[layers][lists];
    int used = 0;
    int peak = 0;
    int longest = 1;
    for (int step = 0; step < newTokens.length; step++) {
      for (int layer = 0; layer < layers; layer++) {
        int fresh = newTokens[step];
        if (fresh < 0) {
          throw new IllegalArgumentException(
              "new tokens of step " + step + ": " + fresh + ", expected 0 or more");
        }
        Retention retention = policy.after(layer, step, fresh);
        int change = 0;
        int needed = 0;
        int[] before = new int[rows * lists];
        int[] rewritten = new int[rows * lists];
        Arrays.fill(rewritten, RewritePages.NONE);
        for (int list = 0; list < lists; list++) {
          int kept =
              LayerChange.kept(
                  "retention of layer " + layer + ", step " + step,
                  retention,
                  heads,
                  lists,
                  list,
                  held[layer][list],
                  fresh);
          boolean inPlace =
              retention instanceof Retention.History
                  || kept == Math.addExact(held[layer][list], fresh);
          int old = layout.pagesFor(held[layer][list]);
          int growth = layout.pagesFor(kept) - old;
          change += growth;
          needed += inPlace ? Math.multiplyExact(rows, growth) : 0;
          for (int row = 0; row < rows; row++) {
            before[row * lists + list] = old;
            rewritten[row * lists + list] = inPlace ? RewritePages.NONE : kept;
          }
          held[layer][list] = kept;
          longest = Math.max(longest, kept);
        }
        needed = Math.addExact(needed, RewritePages.fresh(layout, before, rewritten));
        peak = Math.max(peak, Math.addExact(used, needed));
        used += Math.multiplyExact(rows, change);
      }
    }
    return new PageForecast(
        peak, used, longest, Math.multiplyExact(layout.pageBytes(), (long) peak));
  }
}
