package io.github.trimtab.engine.var;

import java.util.ArrayList;
import java.util.List;

/**
 * Draws pictures with a model, one after the other, in memory that is reused from picture to
 * picture. One thread at a time.
 */
public final class Painter implements AutoCloseable {

  private final VarModel model;
  private final Workspace work;
  private final DecoderBuffers buffers;

  /** Takes memory for one picture. */
  public Painter(VarModel model) {
    this.model = model;
    work = new Workspace(model.config());
    buffers = model.decoder().buffers();
  }

  /**
   * Draws a picture scale by scale: predict a map's logits, choose its codes, add them to the
   * picture so far, and let its next size be the next scale's input.
   *
   * @param label class, 0-based
   */
  public Drawing draw(int label, CodeChooser chooser, Attention attention) {
    VarConfig config = model.config();
    Transformer transformer = model.transformer();
    Transformer.Condition condition = transformer.condition(label);
    float[] sum = model.tokenizer().blank();
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
    return new Drawing(codes, model.decoder().decode(sum, buffers));
  }

  @Override
  public void close() {
    work.close();
    buffers.close();
  }
}
