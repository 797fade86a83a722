package io.github.trimtab.engine.var;

import java.util.List;

/**
 * Runs the transformer scale by scale, in memory that is reused from picture to picture: predict a
 * map's logits, have its codes chosen, add them to the picture so far, and let its next size be the
 * next scale's input. One thread at a time.
 *
 * <p>The chooser decides what this is: one that draws codes makes a picture, one that returns given
 * codes measures the model on them (teacher forcing).
 */
public interface Rollout extends AutoCloseable {

  /** On the host, with guidance: each scale has a row with the class, then one without. */
  static Rollout guided(VarModel model) {
    return new HostRollout(model, true);
  }

  /** On the host, without guidance: one row, with the class. */
  static Rollout plain(VarModel model) {
    return new HostRollout(model, false);
  }

  /** Rows of a rollout's batch, and so of its cache. */
  static int rows(boolean guided) {
    return guided ? 2 : 1;
  }

  /**
   * Runs all scales.
   *
   * @param label class, 0-based
   * @param attention its cache has {@link #rows} rows
   * @return the codes of each scale's map
   */
  List<int[]> run(int label, CodeChooser chooser, Attention attention);

  /** What the last run's codes add up to, for the decoder. */
  float[] sum();

  @Override
  void close();
}
