package io.github.trimtab.scalekv;

/** Whose queries judge what a layer holds, and which tokens stay whatever their score. */
public interface Observation {
  /** Positions in a row-major map of the queries that score, rising. */
  int[] queries(int height, int width);

  /** Positions in a row-major map of the tokens that stay, rising and all different. */
  int[] kept(int height, int width);

  /** All queries of the map score, and no token is safe. */
  static Observation allQueries() {
    return new Observation() {
      @Override
      public int[] queries(int height, int width) {
        return last(Integer.MAX_VALUE).queries(height, width);
      }

      @Override
      public int[] kept(int height, int width) {
        return new int[0];
      }
    };
  }

  /**
   * The map's last tokens score and stay (SnapKV, arXiv 2404.14469, whose prompt is here the map).
   *
   * @param tokens of the window, 1 or more; a smaller map gives all that it has
   */
  static Observation last(int tokens) {
    if (tokens < 1) {
      throw new IllegalArgumentException("tokens: " + tokens + ", expected 1 or more");
    }
    return new Observation() {
      @Override
      public int[] queries(int height, int width) {
        int all = Math.multiplyExact(height, width);
        int[] last = new int[Math.min(tokens, all)];
        for (int i = 0; i < last.length; i++) {
          last[i] = all - last.length + i;
        }
        return last;
      }

      @Override
      public int[] kept(int height, int width) {
        return queries(height, width);
      }
    };
  }
}
