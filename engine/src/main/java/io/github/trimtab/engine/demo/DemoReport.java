package io.github.trimtab.engine.demo;

import io.github.trimtab.engine.image.ContactSheet;
import io.github.trimtab.engine.image.Picture;
import io.github.trimtab.engine.image.Png;
import io.github.trimtab.engine.var.Drawing;
import io.github.trimtab.io.WholeFile;
import io.github.trimtab.scalekv.OutputCorrection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The demonstration's results for people: a table, a contact sheet, single pictures. */
public final class DemoReport {

  private static final double MEBI = 1 << 20;

  private static final String ROW = "%-20s %13s %11s %9s %16s %8s %6s %13s %8s%n";

  private final List<String> names;
  private final List<Line> lines = new ArrayList<>();

  /** A policy's results beside those of the first one; the numbers are texts, "-" for the first. */
  private record Line(DemoResult result, double share, String psnr, String ssim, String equal) {}

  /**
   * Compares results.
   *
   * @param names the class of each picture
   * @param results the first one is what the others are compared with
   */
  public DemoReport(List<String> names, List<DemoResult> results) {
    this.names = List.copyOf(names);
    DemoResult full = results.getFirst();
    lines.add(new Line(full, 1, "-", "-", "-"));
    for (DemoResult result : results.subList(1, results.size())) {
      lines.add(
          new Line(
              result,
              (double) result.peakBytes() / full.peakBytes(),
              decimal("%.2f", result.psnr(full)),
              decimal("%.3f", result.ssim(full)),
              decimal("%.1f %%", 100 * result.equalCodes(full))));
    }
  }

  /** The table, a line a policy, and what corrections hold besides. */
  public String table() {
    StringBuilder table = new StringBuilder();
    table.append(
        ROW.formatted(
            "policy",
            "peak KV bytes",
            "predicted",
            "of full",
            "new-token bytes",
            "PSNR dB",
            "SSIM",
            "equal tokens",
            "seconds"));
    for (Line line : lines) {
      table.append(
          ROW.formatted(
              line.result.policy().title(),
              line.result.peakBytes(),
              line.result.predictedBytes(),
              decimal("%.1f %%", 100 * line.share),
              line.result.newTokenBytes(),
              line.psnr,
              line.ssim,
              line.equal,
              decimal("%.1f", line.result.seconds())));
    }
    for (Line line : lines) {
      OutputCorrection correction = line.result.policy().correction();
      if (correction != null) {
        table.append(
            "%s also holds %d bytes of the model's constants, once for all pictures.%n"
                .formatted(line.result.policy().title(), correction.byteSize()));
      }
    }
    return table.toString();
  }

  /** The contact sheet: a row a policy, a column a picture. */
  public Picture sheet() {
    List<ContactSheet.Row> rows = new ArrayList<>();
    for (Line line : lines) {
      List<String> notes = new ArrayList<>();
      notes.add(decimal("KV %.2f MiB", line.result.peakBytes() / MEBI));
      if (!rows.isEmpty()) {
        notes.add(decimal("%.1f %% of the full cache", 100 * line.share));
        notes.add("PSNR " + line.psnr + " dB");
        notes.add("SSIM " + line.ssim);
      }
      OutputCorrection correction = line.result.policy().correction();
      if (correction != null) {
        notes.add(decimal("corrections %.2f MiB", correction.byteSize() / MEBI));
      }
      rows.add(new ContactSheet.Row(line.result.policy().title(), notes, line.result.pictures()));
    }
    return ContactSheet.of(
        "The same pictures, drawn with less memory",
        "One model, the same noise in every row. KV: the peak of keys and values in pages for one"
            + " picture, while a layer is being cut. Corrections are held once for all pictures."
            + " PSNR, SSIM: against the first row.",
        names,
        rows);
  }

  /**
   * Writes {@code demo.png}, {@code demo.txt} with the table, and a folder a policy with the single
   * pictures and {@code tokens.txt}: a line a picture with the codes of all maps.
   *
   * @return the contact sheet's file
   */
  public Path write(Path folder) throws IOException {
    for (Line line : lines) {
      DemoResult result = line.result;
      Path single = Files.createDirectories(folder.resolve(result.policy().id()));
      for (int i = 0; i < names.size(); i++) {
        String name = names.get(i).replaceAll("[^A-Za-z0-9]+", "-");
        Png.write(result.pictures().get(i), single.resolve("%02d-%s.png".formatted(i + 1, name)));
      }
      WholeFile.write(
          single.resolve("tokens.txt"),
          result.drawings().stream()
              .map(drawing -> tokens(drawing) + "\n")
              .collect(Collectors.joining()));
    }
    WholeFile.write(folder.resolve("demo.txt"), table());
    Path file = folder.resolve("demo.png");
    Png.write(sheet(), file);
    return file;
  }

  private static String tokens(Drawing drawing) {
    return drawing.codes().stream()
        .flatMapToInt(Arrays::stream)
        .mapToObj(Integer::toString)
        .collect(Collectors.joining(" "));
  }

  private static String decimal(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
