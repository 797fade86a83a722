package io.github.trimtab.engine.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CurvesTest {

  /** The rows between the axis and its title, in a picture 600 high. */
  private static final int LABELS_TOP = 563;

  private static final int LABELS_BOTTOM = 574;

  @TempDir Path folder;

  /** Shares of a history and rows of a head, as the studies draw them. */
  @ParameterizedTest
  @CsvSource({"4, 20", "1, 20", "0.97, 20.3", "32, 32768", "4096, 16384"})
  void valuesAreNamedUnderALogarithmicAxis(double first, double last) throws Exception {
    Curves curves = new Curves("title", "x", "y").logarithmic();
    curves.add("line", new double[] {first, last}, new double[] {1, 2}, new double[] {0.1, 0.1});

    BufferedImage picture = ImageIO.read(curves.write(folder.resolve("a.png")).toFile());

    assertThat(labels(picture)).isGreaterThanOrEqualTo(2);
  }

  /** Runs of columns with ink, of which a label's own characters make one. */
  private static int labels(BufferedImage picture) {
    int labels = 0;
    int blank = 20;
    for (int x = 0; x < picture.getWidth(); x++) {
      boolean ink = false;
      for (int y = LABELS_TOP; y < LABELS_BOTTOM; y++) {
        ink |= (picture.getRGB(x, y) & 0xff) < 100;
      }
      if (ink && blank >= 8) {
        labels++;
      }
      blank = ink ? 0 : blank + 1;
    }
    return labels;
  }
}
