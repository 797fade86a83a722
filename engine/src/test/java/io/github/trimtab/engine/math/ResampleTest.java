package io.github.trimtab.engine.math;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ResampleTest {

  /** [1, 2; 3, 5] to 4 x 4, with the cubic's values worked out by hand. */
  @Test
  void bicubicAgreesWithTheCubic() {
    float[] actual = Resample.bicubic(new float[] {1, 2, 3, 5}, 2, 1, 4);
    double far = -0.10546875; // the cubic at 1.25
    double near = 0.87890625; // at 0.25
    // Target 0 lies at -0.25: taps -2..1 clamp to 0, 0, 0, 1; target 1 at 0.25: 0, 0, 1, 1.
    double a0 = 1 - far;
    double a1 = far + near;
    double[] first = {a0, a1, 1 - a1, 1 - a0};
    for (int y = 0; y < 4; y++) {
      for (int x = 0; x < 4; x++) {
        double top = first[x] * 1 + (1 - first[x]) * 2;
        double bottom = first[x] * 3 + (1 - first[x]) * 5;
        assertEquals(
            first[y] * top + (1 - first[y]) * bottom, actual[y * 4 + x], 1e-6, y + "," + x);
      }
    }
  }

  @Test
  void bicubicToTheSameSizeIsTheMapItself() {
    float[] map = TestData.random(5 * 5 * 3, 1);
    assertArrayEquals(map, Resample.bicubic(map, 5, 3, 5), 1e-6f);
  }

  @Test
  void areaIsTheMeanOverCoveringWindows() {
    int side = 32;
    int target = 9;
    float[] map = TestData.random(side * side * 2, 1);
    float[] actual = Resample.area(map, side, 2, target);
    for (int y = 0; y < target; y++) {
      for (int x = 0; x < target; x++) {
        for (int c = 0; c < 2; c++) {
          double sum = 0;
          int count = 0;
          for (int sy = y * side / target; sy < Math.ceilDiv((y + 1) * side, target); sy++) {
            for (int sx = x * side / target; sx < Math.ceilDiv((x + 1) * side, target); sx++) {
              sum += map[(sy * side + sx) * 2 + c];
              count++;
            }
          }
          assertEquals(sum / count, actual[(y * target + x) * 2 + c], 1e-6, y + "," + x);
        }
      }
    }
  }
}
