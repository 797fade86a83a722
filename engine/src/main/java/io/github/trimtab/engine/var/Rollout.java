package io.github.trimtab.engine.var;

import java.util.ArrayList;
import java.util.List;

/**
 * Runs the transformer scale by scale, in memory that is reused from picture to picture: predict a
 * map's logits, have its codes chosen, add them to the picture so far, and let its next size be the
 * next scale's input. One thread at a time.
 *
 * <p>The chooser decides what this is: one that draws codes makes a picture, one that returns given
 * codes measures the model on them (teacher forcing).
 */
public final class Rollout implements AutoCloseable {

  private final VarModel model;
  private final boolean guided;
  private final Workspace work;
  private float[] sum = {};

  private Rollout(VarModel model, boolean guided) {
    this.model = model;
    this.guided = guided;
    work = new Workspace(model.config(), rows(guided));
  }

  /** With guidance: each scale has a row with the class, then one without. */
  public static Rollout guided(VarModel model) {
    return new Rollout(model, true);
  }

  /** Without guidance: one row, with the class. */
  public static Rollout plain(VarModel model) {
    return new Rollout(model, false);
  }

  /** Rows of a rollout's batch, and so of its cache. */
  public static int rows(boolean guided) {
    return guided ? 2 : 1;
  }

  /**
   * Runs all scales.
   *
   * @param label class, 0-based
   * @param attention its cache has {@link #rows} rows
   * @return the codes of each scale's map
   */
  public List<int[]> run(int label, CodeChooser chooser, Attention attention) {
    VarConfig config = model.config();
    if (label < 0 || label >= config.classes()) {
      throw new IllegalArgumentException(
          "class: " + label + ", expected 0 to " + (config.classes() - 1));
    }
    Transformer transformer = model.transformer();
    Transformer.Condition condition =
        guided ? transformer.condition(label, config.classes()) : transformer.condition(label);
    sum = model.tokenizer().blank();
    List<int[]> codes = new ArrayList<>();
    transformer.begin(condition, work);
    for (int scale = 0; scale < config.schedule().scales(); scale++) {
      if (scale > 0) {
        transformer.embed(scale, model.tokenizer().resize(sum, scale), work);
      }
      transformer.predict(scale, condition, attention, work);
      codes.add(chooser.choose(scale, work.logits(), config.schedule().tokens(scale)));
      model.tokenizer().add(scale, codes.getLast(), sum);
    }
    return codes;
  }

  /** What the last run's codes add up to, for the decoder. */
  float[] sum() {
    return sum;
  }

  @Override
  public void close() {
    work.close();
  }
}
