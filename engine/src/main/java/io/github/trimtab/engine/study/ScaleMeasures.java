package io.github.trimtab.engine.study;

/** What a cache costs on one picture's given maps, the mean over the tokens of each scale. */
final class ScaleMeasures {

  private final double[] loss;
  private final double[] divergence;
  private final double[] agreement;

  /** Nothing measured yet. */
  ScaleMeasures(int scales) {
    loss = new double[scales];
    divergence = new double[scales];
    agreement = new double[scales];
  }

  void set(int scale, double newLoss, double newDivergence, double newAgreement) {
    loss[scale] = newLoss;
    divergence[scale] = newDivergence;
    agreement[scale] = newAgreement;
  }

  /** Rise of the cross-entropy of the given codes over the full cache's, nats a token. */
  double[] loss() {
    return loss;
  }

  /** KL(full cache || this cache) of the predicted distributions, nats a token. */
  double[] divergence() {
    return divergence;
  }

  /** Share of tokens whose likeliest code is the full cache's. */
  double[] agreement() {
    return agreement;
  }
}
