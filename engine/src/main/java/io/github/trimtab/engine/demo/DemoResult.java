package io.github.trimtab.engine.demo;

import io.github.trimtab.engine.image.Fidelity;
import io.github.trimtab.engine.image.Picture;
import io.github.trimtab.engine.var.Drawing;
import java.util.List;
import java.util.function.ToDoubleBiFunction;

/**
 * What one policy drew and what that took.
 *
 * @param peakBytes keys and values in pages at the peak, of one picture, as the pool counted them
 * @param predictedBytes the same as forecast before anything ran
 * @param newTokenBytes keys and values of the largest map of one layer, which the engine holds
 *     beside the pages while it attends to them
 * @param drawings one a picture
 * @param seconds for all pictures
 */
public record DemoResult(
    DemoPolicy policy,
    long peakBytes,
    long predictedBytes,
    long newTokenBytes,
    List<Drawing> drawings,
    double seconds) {

  /** Mean PSNR in dB against another policy's pictures; infinite where one is equal to its own. */
  public double psnr(DemoResult reference) {
    return mean(reference, (a, b) -> Fidelity.psnr(a.picture(), b.picture()));
  }

  /** Mean SSIM against another policy's pictures. */
  public double ssim(DemoResult reference) {
    return mean(reference, (a, b) -> Fidelity.ssim(a.picture(), b.picture()));
  }

  /** Mean share of the codes that another policy chose too. */
  public double equalCodes(DemoResult reference) {
    return mean(reference, Drawing::equalCodes);
  }

  /** The pictures. */
  public List<Picture> pictures() {
    return drawings.stream().map(Drawing::picture).toList();
  }

  private double mean(DemoResult reference, ToDoubleBiFunction<Drawing, Drawing> measure) {
    double sum = 0;
    for (int i = 0; i < drawings.size(); i++) {
      sum += measure.applyAsDouble(drawings.get(i), reference.drawings.get(i));
    }
    return sum / drawings.size();
  }
}
