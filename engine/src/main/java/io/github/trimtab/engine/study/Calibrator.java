package io.github.trimtab.engine.study;

import io.github.trimtab.engine.math.Parallel;
import io.github.trimtab.engine.var.Attention;
import io.github.trimtab.engine.var.Rollout;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.kernel.NewTokens;
import io.github.trimtab.kernel.Selectivity;
import io.github.trimtab.kv.EvictionPolicy;
import io.github.trimtab.memory.Buffer;
import io.github.trimtab.memory.DType;
import io.github.trimtab.memory.Tensor;
import io.github.trimtab.scalekv.Budgets;
import io.github.trimtab.scalekv.CapacityTable;
import io.github.trimtab.scalekv.HeadMass;
import io.github.trimtab.scalekv.Schedule;
import io.github.trimtab.scalekv.SensitivityKv;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;

/**
 * Measures a model on maps that it draws itself: the selectivity index of every layer, and what it
 * costs when one layer alone forgets.
 *
 * @param maps how many
 * @param seed of their noise
 * @param tops each K' of the selectivity index, the one to use first
 * @param tokens to which one layer's history is cut, rising
 */
public record Calibrator(
    VarModel model,
    Kernels kernels,
    int maps,
    long seed,
    List<Integer> tops,
    List<Integer> tokens) {

  /** The model scales its unit queries itself. */
  private static final float SCALE = 1;

  /** Copies the lists. */
  public Calibrator {
    tops = List.copyOf(tops);
    tokens = List.copyOf(tokens);
  }

  /** Passes over the maps, for a progress bar. */
  public int passes() {
    return maps * (1 + layers() * (1 + heads()) * tokens.size());
  }

  private int layers() {
    return model.config().transformer().depth();
  }

  private int heads() {
    return model.config().transformer().heads();
  }

  private int scales() {
    return model.config().schedule().scales();
  }

  /**
   * Measures, several maps at once; the result does not depend on how many.
   *
   * @param progress is told the passes done
   */
  public CalibrationFile run(IntConsumer progress) {
    AtomicInteger passes = new AtomicInteger();
    Runnable pass = () -> progress.accept(passes.incrementAndGet());
    MapResult[] results = new MapResult[maps];
    Parallel.forItems(maps, map -> results[map] = measure(map, pass));
    MapResult mean = new MapResult();
    for (MapResult result : results) {
      mean.add(result);
    }
    return new CalibrationFile(
        maps, seed, tops, mean.selectivity, tokens, mean.layerRise, mean.headRise, mean.headMass);
  }

  /** Of one map, or the mean of all. */
  private final class MapResult {
    final double[][][] selectivity = new double[tops.size()][layers()][scales()];
    final double[][][] layerRise = new double[tokens.size()][layers()][scales()];
    final double[][][] headRise = new double[tokens.size()][layers() * heads()][scales()];
    final double[][][] headMass = new double[layers()][heads()][scales()];

    void add(MapResult other) {
      add(selectivity, other.selectivity);
      add(layerRise, other.layerRise);
      add(headRise, other.headRise);
      add(headMass, other.headMass);
    }

    private void add(double[][][] means, double[][][] terms) {
      for (int i = 0; i < means.length; i++) {
        for (int j = 0; j < means[i].length; j++) {
          for (int scale = 0; scale < scales(); scale++) {
            means[i][j][scale] += terms[i][j][scale] / maps;
          }
        }
      }
    }
  }

  private MapResult measure(int map, Runnable pass) {
    VarConfig config = model.config();
    int label = DrawnMaps.calibrationLabel(config.classes(), map);
    TokenMaps given = DrawnMaps.draw(model, kernels, label, seed, map);
    FullPredictions full = new FullPredictions(config.schedule(), config.codebookSize(), given);
    MapResult result = new MapResult();
    try (Rollout rollout = Rollout.plain(model)) {
      HeadMass.Recorder recorder =
          new HeadMass.Recorder(config.schedule(), layers(), heads(), SCALE);
      Run recording =
          new Run("full", "full", config.schedule().totalTokens(), DType.F16, false, _ -> recorder);
      try (PolicyCache cache = cache(recording);
          Buffer index = Buffer.allocate(3 * Float.BYTES)) {
        rollout.run(label, full.recorder(), observing(cache, index, result.selectivity));
        copy(recorder.mass(), result.headMass);
        pass.run();
      }
      for (int cut = 0; cut < tokens.size(); cut++) {
        for (int layer = 0; layer < layers(); layer++) {
          Run one = cutting(layer, 0, 1, tokens.get(cut));
          result.layerRise[cut][layer] = divergence(given, full, rollout, one);
          pass.run();
          for (int head = 0; head < heads(); head++) {
            one = cutting(layer, head, heads(), tokens.get(cut));
            result.headRise[cut][layer * heads() + head] = divergence(given, full, rollout, one);
            pass.run();
          }
        }
      }
    }
    return result;
  }

  private static void copy(HeadMass mass, double[][][] target) {
    for (int layer = 0; layer < mass.layers(); layer++) {
      for (int head = 0; head < mass.heads(); head++) {
        for (int scale = 0; scale < mass.scales(); scale++) {
          target[layer][head][scale] = mass.of(layer, head, scale);
        }
      }
    }
  }

  private double[] divergence(TokenMaps given, FullPredictions full, Rollout rollout, Run run) {
    ScaleMeasures measures = new ScaleMeasures(scales());
    try (PolicyCache cache = cache(run)) {
      rollout.run(given.label(), full.comparer(measures), cache);
    }
    return measures.divergence();
  }

  private PolicyCache cache(Run run) {
    return new PolicyCache(model.config(), kernels, run, 1);
  }

  /** The full cache's attention, whose selectivity is measured on the way. */
  private Attention observing(PolicyCache cache, Buffer buffer, double[][][] selectivity) {
    Tensor index = Tensor.of(DType.F32, buffer, 3);
    return (layer, scale, q, k, v, out) -> {
      NewTokens fresh = new NewTokens(k, v);
      for (int i = 0; i < tops.size(); i++) {
        kernels.selectivity(
            new Selectivity(q, null, cache.history(layer), fresh, tops.get(i), SCALE, index));
        selectivity[i][layer][scale] = index.floatAt(index.offset(2));
      }
      cache.attend(layer, scale, q, k, v, out);
    };
  }

  /**
   * One layer, or one head of it, keeps a few tokens, chosen by all queries; all others keep
   * everything.
   *
   * @param heads of a layer that have budgets of their own
   */
  private Run cutting(int layer, int head, int heads, int few) {
    Schedule schedule = model.config().schedule();
    Map<Integer, int[][]> rows = new TreeMap<>();
    for (int scale = 1; scale < schedule.scales(); scale++) {
      if (schedule.history(scale) > few) {
        int[][] row = new int[layers()][heads];
        for (int[] capacities : row) {
          Arrays.fill(capacities, Budgets.UNLIMITED);
        }
        row[layer][head] = few;
        rows.put(scale + 1, row);
      }
    }
    EvictionPolicy policy =
        SensitivityKv.policy(schedule, new CapacityTable(layers(), heads, rows), SCALE);
    return new Run("cut", "cut", few, DType.F16, heads > 1, _ -> policy);
  }
}
