package io.github.trimtab.engine.study;

import io.github.trimtab.engine.var.Rollout;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.kernel.Kernels;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;

/**
 * Teacher-forced fidelity: given maps, how far a cache's predictions are from the full cache's.
 *
 * @param set name of the maps
 * @param maps gives the maps of an item
 */
record MapStudy(VarModel model, Kernels kernels, String set, IntFunction<TokenMaps> maps)
    implements Study.Set {

  @Override
  public void measure(int item, Run full, List<Run> runs, Consumer<Measurement> sink) {
    TokenMaps given = maps.apply(item);
    VarConfig config = model.config();
    FullPredictions reference =
        new FullPredictions(config.schedule(), config.codebookSize(), given);
    try (Rollout rollout = Rollout.plain(model)) {
      try (PolicyCache cache = cache(full)) {
        rollout.run(given.label(), reference.recorder(), cache);
        sink.accept(new Measurement(set, item, full.id(), Map.of("loss", reference.loss())));
      }
      for (Run run : runs) {
        ScaleMeasures measures = new ScaleMeasures(config.schedule().scales());
        try (PolicyCache cache = cache(run)) {
          rollout.run(given.label(), reference.comparer(measures), cache);
          Map<String, double[]> values = new LinkedHashMap<>();
          values.put("loss", measures.loss());
          values.put("kl", measures.divergence());
          values.put("top1", measures.agreement());
          values.put("bytes", new double[] {cache.peakBytes()});
          sink.accept(new Measurement(set, item, run.id(), values));
        }
      }
    }
  }

  private PolicyCache cache(Run run) {
    return new PolicyCache(model.config(), kernels, run, 1);
  }
}
