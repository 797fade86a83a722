package io.github.trimtab.engine.report;

import io.github.trimtab.io.WholeFile;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Path;
import java.text.NumberFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Lines with error bars, drawn into a PNG file. Needs no display. */
public final class Curves {

  /** Chosen to differ for colour-blind eyes too (Okabe and Ito 2008), the palest left out. */
  private static final List<Color> COLOURS =
      List.of(
          new Color(0x000000),
          new Color(0xE69F00),
          new Color(0x56B4E9),
          new Color(0x009E73),
          new Color(0x0072B2),
          new Color(0xD55E00),
          new Color(0xCC79A7));

  private static final List<Marker> MARKERS =
      List.of(SeriesMarkers.CIRCLE, SeriesMarkers.DIAMOND, SeriesMarkers.TRIANGLE_UP);

  private static final int WIDTH = 900;
  private static final int HEIGHT = 600;

  private final XYChart chart;
  private int lines;
  private boolean logarithmic;

  /** A picture without lines yet. */
  public Curves(String title, String x, String y) {
    chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(x)
            .yAxisTitle(y)
            .theme(Styler.ChartTheme.XChart)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
  }

  /** Makes the x axis logarithmic and says so; before lines are added. */
  public Curves logarithmic() {
    // The chart's own logarithmic axis names powers of ten alone.
    logarithmic = true;
    chart.setCustomXAxisTickLabelsFormatter(Curves::label);
    chart.getStyler().setXAxisTickMarkSpacingHint(WIDTH / 16);
    chart.setXAxisTitle(chart.getXAxisTitle() + " (logarithmic)");
    return this;
  }

  /** Three digits elsewhere: of labels that are alike, as blanks are, the chart draws none. */
  private static String label(double exponent) {
    double value = Math.pow(2, exponent);
    boolean whole = exponent == Math.rint(exponent);
    return NumberFormat.getInstance(Locale.ROOT)
        .format(whole ? value : new BigDecimal(value).round(new MathContext(3)));
  }

  /**
   * Adds a line.
   *
   * @param name in the legend
   * @param errors of the y, up and down
   */
  public void add(String name, double[] x, double[] y, double[] errors) {
    double[] places =
        logarithmic ? Arrays.stream(x).map(v -> Math.log(v) / Math.log(2)).toArray() : x;
    XYSeries series = chart.addSeries(name, places, y, errors);
    Color colour = COLOURS.get(lines % COLOURS.size());
    series.setLineColor(colour);
    series.setMarkerColor(colour);
    // Past the last colour they start again: dashed, then dotted.
    series.setMarker(MARKERS.get(Math.min(lines / COLOURS.size(), MARKERS.size() - 1)));
    float[] dash =
        switch (lines / COLOURS.size()) {
          case 0 -> null;
          case 1 -> new float[] {8, 4};
          default -> new float[] {2, 4};
        };
    series.setLineStyle(
        new BasicStroke(2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, dash, 0));
    lines++;
  }

  /** Writes the file and returns it. */
  public Path write(Path file) throws IOException {
    WholeFile.write(file, BitmapEncoder.getBitmapBytes(chart, BitmapEncoder.BitmapFormat.PNG));
    return file;
  }
}
