package io.github.trimtab.benchmarks;

import io.github.trimtab.benchmarks.Figure.Group;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;

/** The studies' curves as PNG files, both axes logarithmic. Needs no display. */
final class StudyPlots {
  private static final List<Group> DRAWN = List.of(Group.TOKENS, Group.ROWS, Group.DRAFT);
  private static final int WIDTH = 900;
  private static final int HEIGHT = 600;

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
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title("time against " + StudyTables.against(group))
            .xAxisTitle(StudyTables.against(group))
            .yAxisTitle("ms")
            .theme(Styler.ChartTheme.XChart)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setXAxisLogarithmic(true);
    chart.getStyler().setYAxisLogarithmic(true);
    StudyTables.lines(results, group)
        .forEach((name, line) ->
            chart.addSeries(
                name,
                line.stream().mapToDouble(SizeStudy::size).toArray(),
                line.stream().mapToDouble(figure -> figure.value().median()).toArray()));
    return chart;
  }
}
