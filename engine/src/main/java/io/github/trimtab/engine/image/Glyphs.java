package io.github.trimtab.engine.image;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Letters as strokes of a round pen.
 *
 * <p>A glyph is some strokes with spaces between. A stroke is points with a step between each two.
 * A point is x and y, one base-36 digit each: capitals stand between y = 0 and y = c (12), small
 * letters begin at 4, descenders end at g (16). A step is {@code l}, a line, or a quarter of an
 * ellipse that leaves its first point horizontally ({@code h}) or vertically ({@code v}).
 */
final class Glyphs {

  /** Height of a capital in glyph units. */
  static final int CAPITAL = 12;

  /** Depth of a descender below the line that capitals stand on. */
  static final int DESCENDER = 4;

  private static final int ARC_LINES = 8;

  private static final String[] TABLE = {
    "a 88v4ch08v44h88 84l8c",
    "b 00l0c 08v44h88v4ch08",
    "c 86v54h08v5ch8a",
    "d 80l8c 88v44h08v4ch88",
    "e 08l88v44h08v5ch8a",
    "f 70h34l3c 04l64",
    "g 88v44h08v4ch88 84l8cv4gh0e",
    "h 00l0c 08v44h88l8c",
    "i 04l0c 00l00",
    "j 34l3dv0g 30l30",
    "k 00l0c 74l09 37l7c",
    "l 00l0c",
    "m 04l0c 08v34h68l6c 68v94hc8lcc",
    "n 04l0c 08v44h88l8c",
    "o 44h08v4ch88v44",
    "p 04l0g 08v44h88v4ch08",
    "q 84l8g 88v44h08v4ch88",
    "r 04l0c 08v44l54",
    "s 76v44h06v48h7av3ch0a",
    "t 30l39v6c 04l64",
    "u 04l08v4ch88 84l8c",
    "v 04l4cl84",
    "w 04l3cl64l9clc4",
    "x 04l8c 84l0c",
    "y 04l4c 84l2g",
    "z 04l74l0cl7c",
    "A 0cl50lac 28l88",
    "B 00l0cl5ch89v56l06 00l50h83v56",
    "C 93v50h06v5ch99",
    "D 00l0cl4ch96v40l00",
    "E 70l00l0cl7c 06l66",
    "F 70l00l0c 06l66",
    "G 93v50h06v5cha8l68",
    "H 00l0c 80l8c 06l86",
    "I 00l0c",
    "J 60l68v3ch09",
    "K 00l0c 80l07 35l8c",
    "L 00l0cl7c",
    "M 0cl00l59la0lac",
    "N 0cl00l8cl80",
    "O 50h06v5cha6v50",
    "P 00l0c 00l50h83v56l06",
    "Q 50h06v5cha6v50 79lbd",
    "R 00l0c 00l50h83v56l06 46l8c",
    "S 83v40h03v46h89v4ch09",
    "T 00l80 40l4c",
    "U 00l08v4ch88l80",
    "V 00l5cla0",
    "W 00l3cl72lbcle0",
    "X 00l8c 80l0c",
    "Y 00l46l80 46l4c",
    "Z 00l80l0cl8c",
    "0 40h06v4ch86v40",
    "1 03l40l4c",
    "2 04v40h84l0cl8c",
    "3 02v40h83v46h89v4ch0a",
    "4 6cl60l09l89",
    "5 70l10l06l46h89v4ch0a",
    "6 70h08v4ch88v44h08",
    "7 00l80l3c",
    "8 40h13v46h73v40 46h09v4ch89v46",
    "9 1ch84v40h04v48h84",
    ". 0cl0c",
    ", 1bl0e",
    ": 05l05 0cl0c",
    "- 07l57",
    "+ 08l88 44l4c",
    "= 06l86 0al8a",
    "/ 60l0e",
    "( 30h07v3e",
    ") 00h37v0e",
    "' 00l03",
    "% 20h02v24h42v20 90l1c 88h6av8chaav88",
  };

  /** What stands for a character that the table lacks: a box. */
  private static final Glyph UNKNOWN = parse("00l80l8cl0cl00");

  private static final Map<Character, Glyph> GLYPHS = new HashMap<>();

  static {
    GLYPHS.put(' ', new Glyph(3, List.of()));
    for (String entry : TABLE) {
      GLYPHS.put(entry.charAt(0), parse(entry.substring(2)));
    }
  }

  private Glyphs() {}

  /** A straight piece of a stroke. */
  record Segment(float x1, float y1, float x2, float y2) {}

  /** A letter: how wide it is, pen excluded, and its strokes cut into straight pieces. */
  record Glyph(float width, List<Segment> segments) {}

  static Glyph of(char letter) {
    return GLYPHS.getOrDefault(letter, UNKNOWN);
  }

  private static Glyph parse(String strokes) {
    List<Segment> segments = new ArrayList<>();
    float width = 0;
    for (String stroke : strokes.split(" ", -1)) {
      for (int i = 0; i + 4 < stroke.length(); i += 3) {
        int x1 = Character.digit(stroke.charAt(i), 36);
        int y1 = Character.digit(stroke.charAt(i + 1), 36);
        int x2 = Character.digit(stroke.charAt(i + 3), 36);
        int y2 = Character.digit(stroke.charAt(i + 4), 36);
        add(segments, x1, y1, stroke.charAt(i + 2), x2, y2);
        width = Math.max(width, Math.max(x1, x2));
      }
    }
    return new Glyph(width, List.copyOf(segments));
  }

  private static void add(List<Segment> segments, int x1, int y1, char step, int x2, int y2) {
    int pieces = step == 'l' ? 1 : ARC_LINES;
    float fromX = x1;
    float fromY = y1;
    for (int i = 1; i <= pieces; i++) {
      double angle = Math.PI / 2 * i / pieces;
      double along = Math.sin(angle);
      double across = 1 - Math.cos(angle);
      float toX = (float) (x1 + (x2 - x1) * (step == 'v' ? across : along));
      float toY = (float) (y1 + (y2 - y1) * (step == 'h' ? across : along));
      segments.add(new Segment(fromX, fromY, toX, toY));
      fromX = toX;
      fromY = toY;
    }
  }
}
