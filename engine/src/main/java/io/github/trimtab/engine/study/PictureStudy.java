package io.github.trimtab.engine.study;

import io.github.trimtab.engine.image.Fidelity;
import io.github.trimtab.engine.var.CodeChooser;
import io.github.trimtab.engine.var.Drawing;
import io.github.trimtab.engine.var.Noise;
import io.github.trimtab.engine.var.Painter;
import io.github.trimtab.engine.var.Rollout;
import io.github.trimtab.engine.var.Sampler;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.scalekv.Schedule;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Free-running fidelity: pictures drawn with the same noise, against those of the full cache.
 *
 * <p>One code that flips changes all that follows, so the maps of the scales whose whole history
 * fits the budget are given to every policy as the full cache drew them: all policies of a budget
 * start to differ at the same scale.
 *
 * @param seed of the noise
 * @param unlimitedPrefix what fits where the budget is the whole history: a run that forgets
 *     nothing is compared from the same scale on as those of this budget
 */
record PictureStudy(VarModel model, Kernels kernels, long seed, int unlimitedPrefix)
    implements Study.Set {

  static final String NAME = "pictures";

  /** PSNR of equal pictures, whose own is infinite. */
  private static final double MOST_DECIBELS = 99;

  @Override
  public String set() {
    return NAME;
  }

  @Override
  public void measure(int item, Run full, List<Run> runs, Consumer<Measurement> sink) {
    int label = DrawnMaps.evaluationLabel(model.config().classes(), item);
    try (Painter painter = new Painter(model)) {
      Sampler sampler = new Sampler(model.config(), new Noise(seed, item));
      Timed reference = draw(painter, label, sampler, full);
      sink.accept(measurement(item, full, reference, Map.of()));
      for (Run run : runs) {
        CodeChooser chooser = forcing(reference.drawing.codes(), prefix(run), sampler);
        Timed drawn = draw(painter, label, chooser, run);
        sink.accept(measurement(item, run, drawn, fidelity(drawn.drawing, reference.drawing)));
      }
    }
  }

  private record Timed(Drawing drawing, long bytes, double seconds) {}

  private Timed draw(Painter painter, int label, CodeChooser chooser, Run run) {
    long start = System.nanoTime();
    try (PolicyCache cache = new PolicyCache(model.config(), kernels, run, Rollout.rows(true))) {
      Drawing drawing = painter.draw(label, chooser, cache);
      return new Timed(drawing, cache.peakBytes(), (System.nanoTime() - start) * 1e-9);
    }
  }

  /** Scales whose whole history fits a run's budget. */
  private int prefix(Run run) {
    Schedule schedule = model.config().schedule();
    boolean unlimited = run.tokens() >= schedule.history(schedule.scales() - 1);
    int fits = unlimited ? unlimitedPrefix : run.tokens();
    int scale = 0;
    while (scale < schedule.scales() && schedule.history(scale) <= fits) {
      scale++;
    }
    return scale;
  }

  private static CodeChooser forcing(List<int[]> given, int scales, CodeChooser free) {
    return (scale, logits, tokens) ->
        scale < scales ? given.get(scale) : free.choose(scale, logits, tokens);
  }

  private static Map<String, double[]> fidelity(Drawing drawn, Drawing full) {
    double psnr = Math.min(Fidelity.psnr(drawn.picture(), full.picture()), MOST_DECIBELS);
    Map<String, double[]> values = new LinkedHashMap<>();
    values.put("psnr", new double[] {psnr});
    values.put("ssim", new double[] {Fidelity.ssim(drawn.picture(), full.picture())});
    values.put("equal", new double[] {drawn.equalCodes(full)});
    return values;
  }

  private static Measurement measurement(
      int item, Run run, Timed drawn, Map<String, double[]> fidelity) {
    Map<String, double[]> values = new LinkedHashMap<>(fidelity);
    values.put("bytes", new double[] {drawn.bytes});
    values.put("seconds", new double[] {drawn.seconds});
    return new Measurement(NAME, item, run.id(), values);
  }
}
