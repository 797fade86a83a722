package io.github.trimtab.engine.var;

import io.github.trimtab.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/** A rollout by the host's arithmetic. */
final class HostRollout implements Rollout {

  private final VarModel model;
  private final boolean guided;
  private final Workspace work;
  private float[] sum = {};

  HostRollout(VarModel model, boolean guided) {
    this.model = model;
    this.guided = guided;
    work = new Workspace(model.config(), Rollout.rows(guided), Buffer::allocate);
  }

  @Override
  public List<int[]> run(int label, CodeChooser chooser, Attention attention) {
    VarConfig config = model.config();
    config.requireClass(label);
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
      codes.add(chooser.choose(scale, work.logits().segment(), config.schedule().tokens(scale)));
      model.tokenizer().add(scale, codes.getLast(), sum);
    }
    return codes;
  }

  @Override
  public float[] sum() {
    return sum;
  }

  @Override
  public void close() {
    work.close();
  }
}
