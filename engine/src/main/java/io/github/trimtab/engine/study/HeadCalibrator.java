package io.github.trimtab.engine.study;

import io.github.trimtab.engine.math.Parallel;
import io.github.trimtab.engine.var.CodeChooser;
import io.github.trimtab.engine.var.Noise;
import io.github.trimtab.engine.var.Rollout;
import io.github.trimtab.engine.var.Sampler;
import io.github.trimtab.engine.var.VarConfig;
import io.github.trimtab.engine.var.VarModel;
import io.github.trimtab.kernel.Kernels;
import io.github.trimtab.memory.DType;
import io.github.trimtab.scalekv.CapacityTable;
import io.github.trimtab.scalekv.HeadSearch;
import io.github.trimtab.scalekv.OutputCorrection;
import io.github.trimtab.scalekv.Schedule;
import java.util.Arrays;

/**
 * Searches budgets of single heads ({@link HeadSearch}), making up for the mean of what they
 * forget, and measures what then corrects their outputs, on pictures that the model draws with
 * guidance. What counts is the divergence from the full cache, of the row with the class and of
 * what guidance makes of both.
 *
 * @param maps pictures of a round; each round has its own
 * @param seed of their noise
 * @param pass is run after each pass over a picture
 */
record HeadCalibrator(VarModel model, Kernels kernels, int maps, long seed, Runnable pass) {
  /** No head gets less than this part of the mean budget. */
  private static final int FLOOR = 20;

  /** Of the divergence without guidance, and with it: pictures are drawn with it. */
  private static final double[] WEIGHTS = {0.4, 0.6};

  private static final int ROWS = Rollout.rows(true);

  /** A picture's maps and what the full cache predicts on them, without guidance and with it. */
  private record Picture(TokenMaps given, FullPredictions plain, FullPredictions guided) {}

  /** Passes of a round. */
  static int passes(VarConfig config, int maps) {
    return maps * (5 + config.transformer().depth() * config.transformer().heads());
  }

  private VarConfig config() {
    return model.config();
  }

  private Schedule schedule() {
    return config().schedule();
  }

  private Sampler guidance() {
    return new Sampler(config(), new Noise(seed, 0));
  }

  /**
   * Better budgets; the result does not depend on how many passes run at once.
   *
   * @param tokens a layer and head on average
   * @param round from 0
   */
  CapacityTable improve(CapacityTable table, int tokens, int round) {
    HeadSearch search = new HeadSearch(schedule(), tokens, Math.ceilDiv(tokens, FLOOR));
    int heads = table.layers() * table.heads();
    Picture[] pictures = new Picture[maps];
    Parallel.forItems(maps, map -> pictures[map] = draw(round * maps + map));
    TokenMaps[] given = Arrays.stream(pictures).map(Picture::given).toArray(TokenMaps[]::new);
    OutputCorrection means = errors(given, table).means();
    OutputCorrection grownMeans = errors(given, search.grown(table)).means();
    double[][][][] divergences = new double[maps][heads + 1][][];
    Parallel.forItems(
        maps * (heads + 1),
        item -> {
          int head = item / maps;
          Run run =
              head == heads
                  ? run(table).with(means)
                  : run(search.grown(table, head)).with(means.with(head, grownMeans));
          divergences[item % maps][head] = divergence(pictures[item % maps], run);
        });
    return search.next(table, saved(divergences));
  }

  /** Of each scale's mean divergence, the part that each picture saved when a head had more. */
  private double[][][] saved(double[][][][] divergences) {
    int heads = divergences[0].length - 1;
    int scales = schedule().scales();
    double[][][] saved = new double[maps][heads][scales];
    for (int kind = 0; kind < WEIGHTS.length; kind++) {
      for (int scale = 0; scale < scales; scale++) {
        double all = 0;
        for (double[][][] picture : divergences) {
          all += picture[heads][kind][scale];
        }
        double weight = all <= 0 ? 0 : WEIGHTS[kind] * maps / all;
        for (int map = 0; map < maps; map++) {
          double[][][] picture = divergences[map];
          for (int head = 0; head < heads; head++) {
            saved[map][head][scale] +=
                weight * (picture[heads][kind][scale] - picture[head][kind][scale]);
          }
        }
      }
    }
    return saved;
  }

  /** What corrects the outputs of heads with these budgets, measured on the first pictures. */
  OutputCorrection correction(CapacityTable table, int pictures) {
    TokenMaps[] given = new TokenMaps[pictures];
    Parallel.forItems(pictures, map -> given[map] = maps(map));
    return errors(given, table).fitted();
  }

  /** Draws the maps of a picture. */
  TokenMaps maps(int map) {
    int label = DrawnMaps.calibrationLabel(config().classes(), map);
    try (Rollout rollout = Rollout.guided(model);
        PolicyCache cache = cache(Run.full(schedule()))) {
      Sampler sampler = new Sampler(config(), new Noise(seed, map));
      return new TokenMaps(label, rollout.run(label, sampler, cache));
    } finally {
      pass.run();
    }
  }

  private Picture draw(int map) {
    TokenMaps given = maps(map);
    int codes = config().codebookSize();
    FullPredictions plain = new FullPredictions(schedule(), codes, given);
    FullPredictions guided = new FullPredictions(schedule(), codes, given);
    run(given, both(plain.recorder(), guided.recorder()), Run.full(schedule()));
    return new Picture(given, plain, guided);
  }

  /** Has one chooser see the logits of the row with the class, the other those of guidance. */
  private CodeChooser both(CodeChooser plain, CodeChooser guided) {
    CodeChooser mixing = new GuidedChooser(guidance(), config().codebookSize(), guided);
    return (scale, logits, tokens) -> {
      mixing.choose(scale, logits, tokens);
      return plain.choose(scale, logits, tokens);
    };
  }

  /** Without guidance and with it, of each scale. */
  private double[][] divergence(Picture picture, Run run) {
    ScaleMeasures plain = new ScaleMeasures(schedule().scales());
    ScaleMeasures guided = new ScaleMeasures(schedule().scales());
    run(picture.given, both(picture.plain.comparer(plain), picture.guided.comparer(guided)), run);
    return new double[][] {plain.divergence(), guided.divergence()};
  }

  private void run(TokenMaps given, CodeChooser chooser, Run run) {
    try (Rollout rollout = Rollout.guided(model);
        PolicyCache cache = cache(run)) {
      rollout.run(given.label(), chooser, cache);
    }
    pass.run();
  }

  private HeadErrors errors(TokenMaps[] pictures, CapacityTable table) {
    int firstScale = table.scales().first() - 1;
    HeadErrors all = new HeadErrors(config(), firstScale);
    // Some at a time, since their moments take megabytes; added in order, however many these are.
    for (int from = 0; from < pictures.length; from += Parallel.THREADS) {
      int first = from;
      HeadErrors[] some = new HeadErrors[Math.min(Parallel.THREADS, pictures.length - from)];
      Parallel.forItems(
          some.length, item -> some[item] = errors(pictures[first + item], table, firstScale));
      Arrays.stream(some).forEach(all::add);
    }
    return all;
  }

  private HeadErrors errors(TokenMaps given, CapacityTable table, int firstScale) {
    HeadErrors errors = new HeadErrors(config(), firstScale);
    try (Rollout rollout = Rollout.guided(model);
        PolicyCache full = cache(Run.full(schedule()));
        PolicyCache forgetting = cache(run(table))) {
      rollout.run(
          given.label(),
          (scale, logits, tokens) -> given.codes().get(scale),
          errors.measuring(full, forgetting));
    }
    pass.run();
    return errors;
  }

  private Run run(CapacityTable table) {
    return new Run(
        "searched",
        "searched",
        schedule().totalTokens(),
        DType.F16,
        true,
        rows -> StudyRuns.accumulated(schedule(), table, rows));
  }

  private PolicyCache cache(Run run) {
    return new PolicyCache(config(), kernels, run, ROWS);
  }
}
