package io.github.trimtab.scalekv;

import io.github.trimtab.kernel.Scoring;

/** The two ways in which ScaleKV scores tokens. */
public enum ScoringMode {
  /**
   * As the released code: raw logits summed, max pooling of width 5. The query is scored as given;
   * the released code gives the projection without bias, norm or rotation.
   */
  OFFICIAL,
  /** As the paper, Eq. 5: softmax weights summed, average pooling of width 5, the model's query. */
  PAPER;

  /**
   * The kernel's options.
   *
   * @param scale multiplies q.k, usually 1/sqrt(headDim) or the model's own factor
   */
  public Scoring scoring(float scale) {
    return this == OFFICIAL ? Scoring.official(scale) : Scoring.paper(scale);
  }
}
