package io.github.trimtab.engine.study;

import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A study's curves as PNG files. Needs no display. */
public final class Plots {

  /** Chosen to differ for colour-blind eyes too (Okabe and Ito 2008). */
  private static final List<Color> COLOURS =
      List.of(
          new Color(0x000000),
          new Color(0xE69F00),
          new Color(0x56B4E9),
          new Color(0x009E73),
          new Color(0xF0E442),
          new Color(0x0072B2),
          new Color(0xD55E00),
          new Color(0xCC79A7));

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
    XYChart chart = chart(frame, "tokens kept, % of the full history (logarithmic)");
    chart.getStyler().setXAxisLogarithmic(true);
    int place = 0;
    for (Line line : lines(results, set, measure, policies)) {
      double[] percent =
          line.runs.stream().mapToDouble(r -> 100.0 * r.tokens() / results.history()).toArray();
      List<Statistic> values = line.runs.stream().map(run -> run.statistic(measure)).toList();
      add(chart, line.name, percent, values, place++);
    }
    return save(chart, file);
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
    XYChart chart = chart(frame, "scale (1: the first map)");
    int place = 0;
    for (String id : runs) {
      Optional<RunResult> run = results.run(set, id);
      List<Statistic> scales = run.map(r -> r.scales().get(measure)).orElse(List.of());
      if (run.isPresent() && !scales.isEmpty()) {
        double[] numbers = new double[scales.size()];
        Arrays.setAll(numbers, i -> i + 1);
        add(chart, run.get().policy(), numbers, scales, place++);
      }
    }
    return save(chart, file);
  }

  private static XYChart chart(Frame frame, String x) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(frame.title)
            .xAxisTitle(x)
            .yAxisTitle(frame.axis)
            .theme(Styler.ChartTheme.XChart)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setDefaultSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Line);
    return chart;
  }

  private static void add(
      XYChart chart, String name, double[] x, List<Statistic> values, int place) {
    double[] means = values.stream().mapToDouble(Statistic::mean).toArray();
    double[] errors = values.stream().mapToDouble(Statistic::error).toArray();
    XYSeries series = chart.addSeries(name, x, means, errors);
    series.setLineColor(COLOURS.get(place % COLOURS.size()));
    series.setMarkerColor(COLOURS.get(place % COLOURS.size()));
    series.setMarker(SeriesMarkers.CIRCLE);
    // Past the last colour they start again, dashed.
    float[] dash = place < COLOURS.size() ? null : new float[] {6, 4};
    series.setLineStyle(
        new BasicStroke(2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, dash, 0));
  }

  private static Path save(XYChart chart, Path file) throws IOException {
    return Files.write(file, BitmapEncoder.getBitmapBytes(chart, BitmapEncoder.BitmapFormat.PNG));
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
    Files.write(file, BitmapEncoder.getBitmapBytes(chart, BitmapEncoder.BitmapFormat.PNG));
  }
}
