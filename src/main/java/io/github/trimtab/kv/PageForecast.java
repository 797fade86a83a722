package io.github.trimtab.kv;

import io.github.trimtab.memory.PageLayout;

/**
 * What a {@link KvCache} will hold under a policy, exactly and before anything runs: sizes a pool.
 *
 * <p>Holds for an empty cache whose rows share no pages and walk all layers step by step. The peak
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
    require(layers >= 1, "layers", layers, "1 or more");
    require(rows >= 1, "rows", rows, "1 or more");
    require(
        heads >= 1 && (heads == layout.heads() || layout.heads() == 1),
        "heads",
        heads,
        layout.heads() == 1 ? "1 or more" : layout.heads() + " as a page holds");
    int lists = Math.multiplyExact(rows, layout.heads() == heads ? 1 : heads);
    int[] held = new int[layers];
    int used = 0;
    int peak = 0;
    int longest = 1;
    for (int step = 0; step < newTokens.length; step++) {
      for (int layer = 0; layer < layers; layer++) {
        int fresh = newTokens[step];
        require(fresh >= 0, "new tokens of step " + step, fresh, "0 or more");
        Retention retention = policy.after(layer, step, fresh);
        int before = Math.multiplyExact(lists, layout.pagesFor(held[layer]));
        int kept = retention.kept(0, held[layer], fresh);
        int after = Math.multiplyExact(lists, layout.pagesFor(kept));
        boolean inPlace =
            retention instanceof Retention.History || kept == Math.addExact(held[layer], fresh);
        peak = Math.max(peak, Math.addExact(used, inPlace ? after - before : after));
        used += after - before;
        held[layer] = kept;
        longest = Math.max(longest, kept);
      }
    }
    return new PageForecast(
        peak, used, longest, Math.multiplyExact(layout.pageBytes(), (long) peak));
  }

  private static void require(boolean holds, String name, Object value, String expected) {
    if (!holds) {
      throw new IllegalArgumentException(name + ": " + value + ", expected " + expected);
    }
  }
}
