package io.github.trimtab.engine.var;

import java.util.List;

/**
 * Draws pictures with a model, one after the other, in memory that is reused from picture to
 * picture. One thread at a time.
 */
public final class Painter implements AutoCloseable {

  private final VarModel model;
  private final Rollout rollout;
  private final DecoderBuffers buffers;

  /** Takes memory for one picture, on the host. */
  public Painter(VarModel model) {
    this(model, Rollout.guided(model));
  }

  /**
   * Takes memory for one picture.
   *
   * @param rollout of the model, with guidance; closed with the painter
   */
  public Painter(VarModel model, Rollout rollout) {
    this.model = model;
    this.rollout = rollout;
    buffers = model.decoder().buffers();
  }

  /**
   * Draws a picture with guidance.
   *
   * @param label class, 0-based
   * @param attention its cache has the two rows of guidance
   */
  public Drawing draw(int label, CodeChooser chooser, Attention attention) {
    List<int[]> codes = rollout.run(label, chooser, attention);
    return new Drawing(codes, model.decoder().decode(rollout.sum(), buffers));
  }

  @Override
  public void close() {
    rollout.close();
    buffers.close();
  }
}
