package io.github.trimtab.benchmarks;

import io.github.trimtab.benchmarks.Figure.Group;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The studies' curves as PNG files, both axes logarithmic. Needs no display. */
final class StudyPlots {
  private static final List<Group> DRAWN = List.of(Group.TOKENS, Group.ROWS, Group.DRAFT);
  private static final int WIDTH = 900;
  private static final int HEIGHT = 600;

  /** Chosen to differ for colour-blind eyes too (Okabe and Ito 2008). */
  private static final List<Color> COLOURS =
      List.of(
          new Color(0x0072B2),
          new Color(0xE69F00),
          new Color(0x009E73),
          new Color(0xCC79A7),
          new Color(0x000000));

  /** Drawn through, dashed, dotted. */
  private static final List<float[]> DASHES =
      List.of(new float[] {1, 0}, new float[] {9, 4}, new float[] {2, 4});

  private static final List<Marker> MARKERS =
      List.of(SeriesMarkers.CIRCLE, SeriesMarkers.DIAMOND, SeriesMarkers.TRIANGLE_UP);

  private static final double LOG_2 = Math.log(2);
  private static final int KILO = 1024;

  private StudyPlots() {}

  static boolean isDrawn(Results results, Group group) {
    return DRAWN.contains(group) && !StudyTables.lines(results, group).isEmpty();
  }

  static String file(Results results, Group group) {
    return "study-"
        + results.machine().slug()
        + "-"
        + group.name().toLowerCase(Locale.ROOT)
        + ".png";
  }

  static void write(Results results, Path folder) throws IOException {
    for (Group group : DRAWN) {
      if (isDrawn(results, group)) {
        byte[] png =
            BitmapEncoder.getBitmapBytes(chart(results, group), BitmapEncoder.BitmapFormat.PNG);
        Files.write(folder.resolve(file(results, group)), png);
      }
    }
  }

  private static XYChart chart(Results results, Group group) {
    Map<String, List<Figure>> lines = StudyTables.lines(results, group);
    String title =
        "Time against "
            + StudyTables.against(group)
            + (group == Group.DRAFT ? " (points without a line: all rows)" : "");
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(lines.size() > 1 ? title : title + ": " + lines.keySet().iterator().next())
            .xAxisTitle(StudyTables.against(group) + ", k = 1024")
            .yAxisTitle("ms")
            .theme(Styler.ChartTheme.XChart)
            .build();
    XYStyler styler = chart.getStyler();
    styler.setLegendPosition(Styler.LegendPosition.OutsideE);
    styler.setLegendVisible(lines.size() > 1);
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setYAxisLogarithmic(true);
    // Sizes are powers of two, which the library's own logarithmic axis would not mark.
    styler.setxAxisTickLabelsFormattingFunction(StudyPlots::size);
    // Of heads a colour is a drafter, and dash and marker are its rows' format.
    int formats = group == Group.DRAFT ? DASHES.size() : 1;
    int drawn = 0;
    for (var line : lines.entrySet()) {
      // All rows are read one after the other, not gathered: points of their own.
      Predicate<Figure> alone = figure -> group == Group.DRAFT && DraftStudy.isWhole(figure);
      List<Figure> joined = line.getValue().stream().filter(alone.negate()).toList();
      List<Figure> points = line.getValue().stream().filter(alone).toList();
      int format = drawn % formats;
      Color colour = COLOURS.get(drawn / formats % COLOURS.size());
      add(chart, line.getKey(), joined, colour, format);
      if (!points.isEmpty()) {
        add(chart, line.getKey() + ", all rows", points, colour, format).setShowInLegend(false);
      }
      drawn++;
    }
    return chart;
  }

  private static XYSeries add(
      XYChart chart, String name, List<Figure> line, Color colour, int format) {
    XYSeries series =
        chart.addSeries(
            name,
            line.stream().mapToDouble(figure -> Math.log(SizeStudy.size(figure)) / LOG_2).toArray(),
            line.stream().mapToDouble(figure -> figure.value().median()).toArray());
    series.setLineColor(colour);
    series.setMarkerColor(colour);
    series.setMarker(MARKERS.get(format));
    series.setLineStyle(stroke(DASHES.get(format)));
    return series;
  }

  private static BasicStroke stroke(float[] dash) {
    return new BasicStroke(2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, dash, 0);
  }

  /** A power of two as its number. */
  private static String size(double power) {
    if (power != Math.rint(power)) {
      return "";
    }
    long size = 1L << (int) power;
    return size < KILO ? Long.toString(size) : size / KILO + "k";
  }
}
