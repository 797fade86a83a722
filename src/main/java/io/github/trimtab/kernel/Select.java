package io.github.trimtab.kernel;

import static io.github.trimtab.internal.Arguments.require;

import io.github.trimtab.memory.Place;
import io.github.trimtab.memory.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Chooses, for each key/value head, the window and the highest-scored other tokens up to a
 * capacity. Canonical.
 *
 * <p>Three promises: membership (the window, then the highest scores), ties (equal scores: the
 * lower index; -0 ties with +0; NaN ranks below -inf), and order (indices ascend, -1 behind them).
 * A row with no more tokens than its capacity keeps them all.
 *
 * <p>Untrusted at run time: lengths in [0, N], window positions in [0, row's tokens) or -1 and all
 * different, capacities at least the row's window and at most C.
 *
 * @param scores [R,G,N], F32
 * @param lengths valid scores of each row [R] or of each head [R,G], I32, or null: all N
 * @param window tokens that stay whatever their score, [R,P] I32, -1 for none; or null
 * @param capacity tokens that stay, window included, [R,L] I32 with L = 1 or G
 * @param indices result [R,G,C], I32
 */
public record Select(
    Tensor scores,
    @Nullable Tensor lengths,
    @Nullable Tensor window,
    Tensor capacity,
    Tensor indices)
    implements Operation {
  /** Checks everything that does not depend on the buffers' contents. */
  public Select {
    require(scores.rank() == 3, "scores", scores, "3 dimensions [rows, heads, tokens]");
    Place place = scores.place();
    Check.result("scores", scores, place);
    long rows = scores.size(0);
    require(
        rows <= Integer.MAX_VALUE
            && scores.size(1) <= Integer.MAX_VALUE
            && scores.size(2) <= Integer.MAX_VALUE,
        "scores",
        scores,
        "sizes below 2^31");
    if (lengths != null) {
      Check.indices("lengths", lengths, place);
      require(
          lengths.rank() == 1
              ? lengths.size(0) == rows
              : lengths.rank() == 2 && lengths.size(0) == rows && lengths.size(1) == scores.size(1),
          "lengths",
          lengths,
          "shape [" + rows + "] or [" + rows + ", " + scores.size(1) + "]");
    }
    if (window != null) {
      Check.indices("window", window, place);
      require(
          window.rank() == 2 && window.size(0) == rows,
          "window",
          window,
          "shape [" + rows + ", any]");
      require(window.size(1) <= Integer.MAX_VALUE, "window", window, "fewer than 2^31 positions");
    }
    capacity(capacity, rows, scores.size(1), place);
    indices(indices, rows, scores.size(1), place);
    Check.written("indices", indices, scores, lengths, window, capacity);
  }

  static void capacity(Tensor capacity, long rows, long heads, Place place) {
    Check.indices("capacity", capacity, place);
    require(
        capacity.rank() == 2
            && capacity.size(0) == rows
            && (capacity.size(1) == 1 || capacity.size(1) == heads),
        "capacity",
        capacity,
        "shape [" + rows + ", 1] or [" + rows + ", " + heads + "]");
  }

  static void indices(Tensor indices, long rows, long heads, Place place) {
    Check.indices("indices", indices, place);
    require(
        indices.rank() == 3
            && indices.size(0) == rows
            && indices.size(1) == heads
            && indices.size(2) <= Integer.MAX_VALUE,
        "indices",
        indices,
        "shape [" + rows + ", " + heads + ", any]");
    Check.lastDimensionContiguous("indices", indices);
  }

  @Override
  public Place place() {
    return scores.place();
  }
}
