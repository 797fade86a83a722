package io.github.trimtab.engine.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class FidelityTest {

  private static Picture noise(long seed, int range) {
    Picture picture = new Picture(24, 20, 0x808080);
    SplittableRandom random = new SplittableRandom(seed);
    for (int y = 0; y < 20; y++) {
      for (int x = 0; x < 24; x++) {
        picture.set(x, y, 0x808080 + 0x010101 * random.nextInt(range));
      }
    }
    return picture;
  }

  @Test
  void equalPicturesAreInfinitelyCloseAndFullySimilar() {
    assertEquals(Double.POSITIVE_INFINITY, Fidelity.psnr(noise(1, 50), noise(1, 50)));
    assertEquals(1, Fidelity.ssim(noise(1, 50), noise(1, 50)), 1e-12);
  }

  @Test
  void psnrOfAConstantDifference() {
    Picture a = new Picture(4, 3, 0x102030);
    Picture b = new Picture(4, 3, 0x152535);
    assertEquals(20 * Math.log10(255 / 5.0), Fidelity.psnr(a, b), 1e-9);
  }

  /** Flat pictures have no variance: what is left is the luminance term. */
  @Test
  void ssimOfFlatPictures() {
    double c1 = 2.55 * 2.55;
    double expected = (2 * 100 * 150 + c1) / (100 * 100 + 150 * 150 + c1);
    assertEquals(
        expected,
        Fidelity.ssim(new Picture(11, 11, 0x646464), new Picture(11, 11, 0x969696)),
        1e-9);
  }

  @Test
  void ssimFallsWithNoise() {
    Picture clean = noise(1, 100);
    double little = Fidelity.ssim(clean, shifted(clean, 8));
    double much = Fidelity.ssim(clean, shifted(clean, 60));
    assertTrue(much < little && little < 1, little + ", " + much);
  }

  private static Picture shifted(Picture picture, int range) {
    Picture result = new Picture(picture.width(), picture.height(), 0);
    SplittableRandom random = new SplittableRandom(9);
    for (int y = 0; y < picture.height(); y++) {
      for (int x = 0; x < picture.width(); x++) {
        int grey = Math.min(255, picture.channel(x, y, 0) + random.nextInt(range));
        result.set(x, y, 0x010101 * grey);
      }
    }
    return result;
  }

  @Test
  void sizesMustAgree() {
    Picture a = new Picture(12, 12, 0);
    Picture b = new Picture(12, 13, 0);
    assertThrows(IllegalArgumentException.class, () -> Fidelity.psnr(a, b));
    assertThrows(IllegalArgumentException.class, () -> Fidelity.ssim(a, b));
  }
}
