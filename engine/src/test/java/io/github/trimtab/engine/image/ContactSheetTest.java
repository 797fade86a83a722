package io.github.trimtab.engine.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ContactSheetTest {

  @Test
  void everyPictureIsOnTheSheetWhole() {
    List<Picture> first = List.of(new Picture(64, 64, 0xff0000), new Picture(64, 64, 0x00ff00));
    List<Picture> second = List.of(new Picture(64, 64, 0x0000ff), new Picture(64, 64, 0x00ffff));
    Picture sheet =
        ContactSheet.of(
            "Title",
            "subtitle",
            List.of("one", "two"),
            List.of(
                new ContactSheet.Row("first", List.of("a note"), first),
                new ContactSheet.Row("second", List.of(), second)));
    for (int colour : new int[] {0xff0000, 0x00ff00, 0x0000ff, 0x00ffff}) {
      assertEquals(64 * 64, count(sheet, colour), "pixels of " + Integer.toHexString(colour));
    }
  }

  private static int count(Picture picture, int colour) {
    int count = 0;
    for (int y = 0; y < picture.height(); y++) {
      for (int x = 0; x < picture.width(); x++) {
        int rgb =
            picture.channel(x, y, 0) << 16
                | picture.channel(x, y, 1) << 8
                | picture.channel(x, y, 2);
        count += rgb == colour ? 1 : 0;
      }
    }
    return count;
  }

  @Test
  void letteringFillsItsWidthAndFits() {
    Lettering large = new Lettering(24, 0.15f, 0);
    assertEquals(
        200, large.fitting("a long line of words", 200).width("a long line of words"), 0.01);
    Picture picture = new Picture(120, 40, 0xffffff);
    large.draw(picture, "HH", 10, 8);
    int right = 0;
    int left = 120;
    for (int x = 0; x < 120; x++) {
      if (picture.channel(x, 20, 0) < 128) {
        left = Math.min(left, x);
        right = x + 1;
      }
    }
    assertEquals(10, left, 1.5);
    assertEquals(10 + large.width("HH"), right, 1.5);
    assertTrue(picture.channel(left + 1, 8, 0) < 200, "capitals begin at the top");
  }
}
