package io.github.trimtab.engine.study;

import io.github.trimtab.engine.report.Curves;
import io.github.trimtab.io.WholeFile;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;

/** A study's curves as PNG files. Needs no display. */
public final class Plots {

  private static final int WIDTH = 900;
  private static final int HEIGHT = 600;

  private Plots() {}

  /** What is written around a plot. */
  record Frame(String title, String axis) {}

  /** A line: name, and the run of each budget that was measured. */
  private record Line(String name, List<RunResult> runs) {}

  /**
   * Draws a measure against the budget, a line a policy.
   *
   * @param policies to draw, in the legend's order
   */
  static Path againstBudget(
      Frame frame,
      StudyResults results,
      String set,
      String measure,
      List<String> policies,
      Path file)
      throws IOException {
    Curves curves =
        new Curves(frame.title, "tokens kept, % of the full history", frame.axis).logarithmic();
    for (Line line : lines(results, set, measure, policies)) {
      double[] percent =
          line.runs.stream().mapToDouble(r -> 100.0 * r.tokens() / results.history()).toArray();
      List<Statistic> values = line.runs.stream().map(run -> run.statistic(measure)).toList();
      add(curves, line.name, percent, values);
    }
    return curves.write(file);
  }

  private static List<Line> lines(
      StudyResults results, String set, String measure, List<String> policies) {
    List<Line> lines = new ArrayList<>();
    for (String policy : policies) {
      List<RunResult> runs =
          results.runs().stream()
              .filter(run -> run.set().equals(set) && run.policy().equals(policy))
              .filter(run -> run.pages().equals(StudyRuns.PAGES) && run.has(measure))
              .toList();
      if (!runs.isEmpty()) {
        lines.add(new Line(policy, runs));
      }
    }
    return lines;
  }

  /** Draws a measure against the scale, a line a run. */
  static Path againstScale(
      Frame frame, StudyResults results, String set, String measure, List<String> runs, Path file)
      throws IOException {
    Curves curves = new Curves(frame.title, "scale (1: the first map)", frame.axis);
    for (String id : runs) {
      Optional<RunResult> run = results.run(set, id);
      List<Statistic> scales = run.map(r -> r.scales().get(measure)).orElse(List.of());
      if (run.isPresent() && !scales.isEmpty()) {
        double[] numbers = new double[scales.size()];
        Arrays.setAll(numbers, i -> i + 1);
        add(curves, run.get().policy(), numbers, scales);
      }
    }
    return curves.write(file);
  }

  private static void add(Curves curves, String name, double[] x, List<Statistic> values) {
    double[] means = values.stream().mapToDouble(Statistic::mean).toArray();
    double[] errors = values.stream().mapToDouble(Statistic::error).toArray();
    curves.add(name, x, means, errors);
  }

  /**
   * Draws a table of layers and scales as a heat map.
   *
   * @param values [layer][scale]
   */
  public static void heatMap(String title, double[][] values, Path file) throws IOException {
    HeatMapChart chart =
        new HeatMapChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("scale")
            .yAxisTitle("layer")
            .build();
    List<Integer> scales = new ArrayList<>();
    List<Integer> layers = new ArrayList<>();
    List<Number[]> cells = new ArrayList<>();
    for (int layer = 0; layer < values.length; layer++) {
      layers.add(layer);
      for (int scale = 0; scale < values[layer].length; scale++) {
        if (layer == 0) {
          scales.add(scale + 1);
        }
        cells.add(new Number[] {scale, layer, values[layer][scale]});
      }
    }
    chart.addSeries("values", scales, layers, cells);
    chart.getStyler().setShowValue(true);
    chart.getStyler().setHeatMapValueDecimalPattern("0.000");
    chart.getStyler().setRangeColors(new Color[] {Color.WHITE, new Color(0x0072B2)});
    WholeFile.write(file, BitmapEncoder.getBitmapBytes(chart, BitmapEncoder.BitmapFormat.PNG));
  }
}
