package io.github.trimtab.engine.draftstudy;

import io.github.trimtab.engine.completion.Drafter;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** A study's curves as PNG files, a point a size of the kept vocabulary. Needs no display. */
public final class StudyPlots {

  /** Chosen to differ for colour-blind eyes too (Okabe and Ito 2008). */
  private static final List<Color> COLOURS =
      List.of(new Color(0x000000), new Color(0xE69F00), new Color(0x0072B2), new Color(0x009E73));

  private static final int WIDTH = 800;
  private static final int HEIGHT = 500;

  private StudyPlots() {}

  /**
   * Draws MBSU and tokens a second against the rows kept, for each drafter that was measured at two
   * sizes or more.
   *
   * @return the files
   */
  public static List<Path> write(List<Summary> summaries, Path folder) throws IOException {
    List<Path> files = new ArrayList<>();
    for (Drafter drafter : Drafter.values()) {
      List<Summary> sizes =
          summaries.stream()
              .filter(
                  summary -> summary.cell().drafter() == drafter && isOfSizes(summary, summaries))
              .sorted(Comparator.comparingInt(summary -> summary.cell().rows()))
              .toList();
      if (sizes.stream().map(summary -> summary.cell().rows()).distinct().count() > 1) {
        String name = drafter.name().toLowerCase(Locale.ROOT);
        files.add(
            draw(
                drafter.title() + ": memory-bound speed-up at the models' own weights",
                "MBSU",
                sizes,
                summary -> new Ratio(summary.mbsu(), summary.mbsu() * relativeError(summary)),
                folder.resolve("mbsu-" + name + ".png")));
        files.add(
            draw(
                drafter.title() + ": measured speed",
                "tokens a second",
                sizes,
                Summary::speed,
                folder.resolve("speed-" + name + ".png")));
      }
    }
    return files;
  }

  /** Whether a cell differs from the first drafter's cell in nothing but size and temperature. */
  private static boolean isOfSizes(Summary summary, List<Summary> all) {
    Cell cell = summary.cell();
    Cell first =
        all.stream()
            .map(Summary::cell)
            .filter(other -> other.drafter() != null)
            .findFirst()
            .orElse(cell);
    return cell.domain().equals(first.domain())
        && cell.gamma() == first.gamma()
        && cell.tail() == 0
        && cell.choice() == Cell.Choice.FIXED
        && (cell.list().isEmpty() || cell.list().equals("target-" + first.domain()));
  }

  private static double relativeError(Summary summary) {
    return summary.tau().error() / summary.tau().value();
  }

  private static Path draw(
      String title, String axis, List<Summary> sizes, Function<Summary, Ratio> measure, Path file)
      throws IOException {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("rows of the draft head (logarithmic)")
            .yAxisTitle(axis)
            .theme(Styler.ChartTheme.XChart)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    chart.getStyler().setXAxisLogarithmic(true);
    int place = 0;
    for (float temperature :
        sizes.stream().map(summary -> summary.cell().temperature()).distinct().toList()) {
      List<Summary> line =
          sizes.stream().filter(summary -> summary.cell().temperature() == temperature).toList();
      List<Ratio> values = line.stream().map(measure).toList();
      XYSeries series =
          chart.addSeries(
              "T = " + temperature,
              doubles(line, summary -> summary.cell().rows()),
              doubles(values, Ratio::value),
              doubles(values, Ratio::error));
      Color colour = COLOURS.get(place++ % COLOURS.size());
      series.setLineColor(colour);
      series.setMarkerColor(colour);
      series.setMarker(SeriesMarkers.CIRCLE);
      series.setLineStyle(new BasicStroke(2));
    }
    return Files.write(file, BitmapEncoder.getBitmapBytes(chart, BitmapEncoder.BitmapFormat.PNG));
  }

  private static <T> double[] doubles(List<T> items, ToDoubleFunction<T> value) {
    return items.stream().mapToDouble(value).toArray();
  }
}
