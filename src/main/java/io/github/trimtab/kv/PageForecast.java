package io.github.trimtab.kv;

import io.github.trimtab.memory.PageLayout;

/**
 * What a {@link KvCache} will hold under a policy, exactly and before anything runs: sizes a pool.
 *
 * <p>Holds for an empty cache whose rows share no pages and walk all layers step by step together.
 * Rows at steps of their own, or with shared pages, need at most what each would alone. The peak
 * counts the kept lists of all layers and, while a layer forgets, its old lists too.
 *
 * @param peakPages most pages in use at once
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
        for (int list = 0; list < lists; list++) {
          int before = layout.pagesFor(held[layer][list]);
          int kept =
              LayerChange.kept(
                  "retention of layer " + layer + ", step " + step,
                  retention,
                  heads,
                  lists,
                  list,
                  held[layer][list],
                  fresh);
          int after = layout.pagesFor(kept);
          boolean inPlace =
              retention instanceof Retention.History
                  || kept == Math.addExact(held[layer][list], fresh);
          change += after - before;
          needed += inPlace ? after - before : after;
          held[layer][list] = kept;
          longest = Math.max(longest, kept);
        }
        peak = Math.max(peak, Math.addExact(used, Math.multiplyExact(rows, needed)));
        used += Math.multiplyExact(rows, change);
      }
    }
    return new PageForecast(
        peak, used, longest, Math.multiplyExact(layout.pageBytes(), (long) peak));
  }
}
