package io.github.trimtab.engine.image;

/** How alike two pictures of one size are. */
public final class Fidelity {

  private static final int RADIUS = 5;
  private static final double SIGMA = 1.5;
  private static final double C1 = Math.pow(0.01 * 255, 2);
  private static final double C2 = Math.pow(0.03 * 255, 2);

  private Fidelity() {}

  /**
   * Peak signal-to-noise ratio in dB over all three channels; infinite for equal pictures.
   *
   * @throws IllegalArgumentException if the sizes differ
   */
  public static double psnr(Picture a, Picture b) {
    requireSameSize(a, b);
    double sum = 0;
    for (int y = 0; y < a.height(); y++) {
      for (int x = 0; x < a.width(); x++) {
        for (int c = 0; c < 3; c++) {
          sum += Math.pow(a.channel(x, y, c) - b.channel(x, y, c), 2);
        }
      }
    }
    return 10 * Math.log10(255.0 * 255 / (sum / (3.0 * a.width() * a.height())));
  }

  /**
   * Structural similarity (Wang et al. 2004) of the luma (BT.601): 11 x 11 Gaussian window of sigma
   * 1.5, the mean over all places where the window lies inside.
   *
   * @throws IllegalArgumentException if the sizes differ or are below 11 x 11
   */
  public static double ssim(Picture a, Picture b) {
    requireSameSize(a, b);
    int width = a.width();
    int height = a.height();
    if (Math.min(width, height) <= 2 * RADIUS) {
      throw new IllegalArgumentException(
          "size: " + width + " x " + height + ", expected at least 11 x 11 pixels");
    }
    double[] x = luma(a);
    double[] y = luma(b);
    double[] meanX = blur(x, width, height);
    double[] meanY = blur(y, width, height);
    double[] squareX = blur(product(x, x), width, height);
    double[] squareY = blur(product(y, y), width, height);
    double[] cross = blur(product(x, y), width, height);
    double sum = 0;
    for (int i = 0; i < meanX.length; i++) {
      double varianceX = squareX[i] - meanX[i] * meanX[i];
      double varianceY = squareY[i] - meanY[i] * meanY[i];
      double covariance = cross[i] - meanX[i] * meanY[i];
      sum +=
          (2 * meanX[i] * meanY[i] + C1)
              * (2 * covariance + C2)
              / ((meanX[i] * meanX[i] + meanY[i] * meanY[i] + C1) * (varianceX + varianceY + C2));
    }
    return sum / meanX.length;
  }

  private static void requireSameSize(Picture a, Picture b) {
    if (a.width() != b.width() || a.height() != b.height()) {
      throw new IllegalArgumentException(
          "size: %d x %d, expected that of the other picture, %d x %d"
              .formatted(b.width(), b.height(), a.width(), a.height()));
    }
  }

  private static double[] luma(Picture picture) {
    double[] luma = new double[picture.width() * picture.height()];
    for (int i = 0; i < luma.length; i++) {
      int x = i % picture.width();
      int y = i / picture.width();
      luma[i] =
          0.299 * picture.channel(x, y, 0)
              + 0.587 * picture.channel(x, y, 1)
              + 0.114 * picture.channel(x, y, 2);
    }
    return luma;
  }

  private static double[] product(double[] a, double[] b) {
    double[] result = new double[a.length];
    for (int i = 0; i < a.length; i++) {
      result[i] = a[i] * b[i];
    }
    return result;
  }

  /** Gaussian means over all windows inside: [height - 10, width - 10]. */
  private static double[] blur(double[] map, int width, int height) {
    double[] kernel = new double[2 * RADIUS + 1];
    double total = 0;
    for (int i = 0; i < kernel.length; i++) {
      kernel[i] = Math.exp(-(i - RADIUS) * (i - RADIUS) / (2 * SIGMA * SIGMA));
      total += kernel[i];
    }
    int inner = width - 2 * RADIUS;
    double[] across = new double[inner * height];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < inner; x++) {
        for (int i = 0; i < kernel.length; i++) {
          across[y * inner + x] += kernel[i] / total * map[y * width + x + i];
        }
      }
    }
    double[] result = new double[inner * (height - 2 * RADIUS)];
    for (int y = 0; y < height - 2 * RADIUS; y++) {
      for (int x = 0; x < inner; x++) {
        for (int i = 0; i < kernel.length; i++) {
          result[y * inner + x] += kernel[i] / total * across[(y + i) * inner + x];
        }
      }
    }
    return result;
  }
}
