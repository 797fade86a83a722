package io.github.trimtab.engine.completion;

import io.github.trimtab.kernel.WeightRows;

/** Who drafts. */
public enum Drafter {
  /** One block on the target's features; its head is the target's, read in place. */
  EAGLE("EAGLE"),

  /** A small model with a head of its own. */
  MODEL("draft model");

  private final String title;

  Drafter(String title) {
    this.title = title;
  }

  /** The name for people. */
  public String title() {
    return title;
  }

  /** The rows of the full head. */
  public WeightRows head(TextModels models) {
    return this == EAGLE ? models.target().head() : models.draft().head();
  }

  /**
   * The cost ratio c: weights that a draft pass reads, divided by those of a target pass.
   *
   * @param rows of the head that are kept
   */
  public double cost(TextModels models, int rows) {
    WeightRows head = head(models);
    long full = (long) head.rows() * head.columns();
    long body = this == EAGLE ? models.eagle().weights() : models.draft().weights() - full;
    return (double) (body + (long) rows * head.columns()) / models.target().weights();
  }

  /** Bytes of kept rows, their scales included: what the head of a draft pass reads. */
  public long headBytes(TextModels models, int rows) {
    WeightRows head = head(models);
    return head.bytes() / head.rows() * rows;
  }
}
