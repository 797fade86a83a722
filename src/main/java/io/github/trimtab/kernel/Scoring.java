package io.github.trimtab.kernel;

/**
 * How cached tokens are scored by the window's queries.
 *
 * @param mode raw logits or softmax weights, summed over the queries
 * @param scale multiplies q.k, usually 1/sqrt(headDim)
 * @param mask {@link Mask#NONE}, or {@link Mask#CAUSAL} in softmax mode: the queries are then the
 *     last positions
 * @param pooling smoothing along the cached tokens
 * @param poolWidth odd width of the pooling window, 1 or more; unused without pooling
 */
public record Scoring(Mode mode, float scale, Mask mask, Pooling pooling, int poolWidth) {
  /** What is summed over the queries. */
  public enum Mode {
    /** Logits: scale * q.k, as the released ScaleKV code scores. */
    RAW,
    /** Softmax weights over all keys, as the ScaleKV paper states (section 3, Eq. 5). */
    SOFTMAX
  }

  /** Smoothing of scores along the token axis, stride 1. */
  public enum Pooling {
    /** None. */
    NONE,
    /**
     * The largest score of the neighbourhood: NaN ranks below -inf, -0 below +0; window tokens and
     * places outside count as -inf.
     */
    MAX,
    /**
     * The sum of the neighbourhood in rising order over its width; window tokens and places outside
     * count as 0.
     */
    AVG
  }

  /** Checks each component. */
  public Scoring {
    if (!Float.isFinite(scale)) {
      throw new IllegalArgumentException("scale: " + scale + ", expected a finite number");
    }
    if (mask == Mask.TREE || (mask == Mask.CAUSAL && mode == Mode.RAW)) {
      throw new IllegalArgumentException(
          "mask: " + mask + " in mode " + mode + ", expected NONE, or CAUSAL with SOFTMAX");
    }
    if (poolWidth < 1 || poolWidth % 2 == 0) {
      throw new IllegalArgumentException(
          "poolWidth: " + poolWidth + ", expected an odd number of 1 or more");
    }
  }

  /** The released ScaleKV code's scores: summed raw logits, max pooling of width 5. */
  public static Scoring official(float scale) {
    return new Scoring(Mode.RAW, scale, Mask.NONE, Pooling.MAX, 5);
  }

  /** The ScaleKV paper's scores: summed softmax weights, average pooling of width 5. */
  public static Scoring paper(float scale) {
    return new Scoring(Mode.SOFTMAX, scale, Mask.NONE, Pooling.AVG, 5);
  }
}
