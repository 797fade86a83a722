package io.github.trimtab.kernel;

import io.github.trimtab.memory.Place;

/**
 * Writes new tokens behind the tokens that pages already hold, and adds them to the lists' lengths.
 *
 * <p>Values are rounded to the pages' format. FP8 and INT8 pages get one BF16 scale per token and
 * head: max|x| / 448 or / 127 rounded to BF16, codes x / scale rounded to nearest even and
 * saturating, and scale 0 for a token of zeros. Infinities saturate too; a NaN makes the whole
 * token of that head NaN.
 *
 * <p>Untrusted at run time: {@code fresh.lengths} in [0, M], {@code target.lengths} such that the
 * tokens fit the table, page ids in [0, pages), pages written to by one list only.
 *
 * @param fresh tokens to write, with values
 * @param target pages written; its lengths are read as the place to write at and then advanced
 */
public record Append(NewTokens fresh, PagedKv target) implements Operation {
  /** Checks that both sides agree. */
  public Append {
    Check.alike("fresh", fresh, "target", target);
    Check.written("target", target, fresh);
  }

  @Override
  public Place place() {
    return target.place();
  }
}
