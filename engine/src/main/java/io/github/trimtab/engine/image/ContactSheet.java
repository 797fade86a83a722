package io.github.trimtab.engine.image;

import java.util.List;

/** Pictures in rows and columns with captions, on a light ground. */
public final class ContactSheet {

  private static final int GROUND = 0xf7f6f3;
  private static final int INK = 0x2b2a28;
  private static final int FAINT = 0x76736d;
  private static final int MARGIN = 48;
  private static final int GAP = 16;
  private static final int CAPTION = 336;
  private static final int HEAD = 150;
  private static final float BOLD = 0.17f;
  private static final float LIGHT = 0.115f;
  private static final int LINE = 40;

  private ContactSheet() {}

  /**
   * A row of the sheet.
   *
   * @param name large caption
   * @param notes small captions below it
   * @param pictures one a column
   */
  public record Row(String name, List<String> notes, List<Picture> pictures) {}

  /**
   * Lays out a sheet.
   *
   * @param columns a heading each
   * @param rows at least one, all with a picture of one size for each column
   */
  public static Picture of(String title, String subtitle, List<String> columns, List<Row> rows) {
    int wide = rows.getFirst().pictures().getFirst().width();
    int high = rows.getFirst().pictures().getFirst().height();
    Picture sheet =
        new Picture(
            2 * MARGIN + CAPTION + columns.size() * (wide + GAP) - GAP,
            2 * MARGIN + HEAD + rows.size() * (high + GAP) - GAP,
            GROUND);
    write(sheet, new Lettering(30, BOLD, INK), title, MARGIN, MARGIN, sheet.width() - 2 * MARGIN);
    write(
        sheet,
        new Lettering(18, LIGHT, FAINT),
        subtitle,
        MARGIN,
        MARGIN + 52,
        sheet.width() - 2 * MARGIN);
    for (int column = 0; column < columns.size(); column++) {
      Lettering lettering = new Lettering(17, LIGHT, INK).fitting(columns.get(column), wide);
      float inset = (wide - lettering.width(columns.get(column))) / 2;
      lettering.draw(sheet, columns.get(column), left(column, wide) + inset, MARGIN + HEAD - 34);
    }
    for (int i = 0; i < rows.size(); i++) {
      int top = MARGIN + HEAD + i * (high + GAP);
      row(sheet, rows.get(i), top, wide);
    }
    return sheet;
  }

  private static int left(int column, int wide) {
    return MARGIN + CAPTION + column * (wide + GAP);
  }

  private static void row(Picture sheet, Row row, int top, int wide) {
    for (int column = 0; column < row.pictures().size(); column++) {
      sheet.paste(row.pictures().get(column), left(column, wide), top);
    }
    int room = CAPTION - GAP;
    write(sheet, new Lettering(22, BOLD, INK), row.name(), MARGIN, top + 8, room);
    for (int i = 0; i < row.notes().size(); i++) {
      int at = top + 8 + (i + 1) * LINE + 6;
      write(sheet, new Lettering(18, LIGHT, FAINT), row.notes().get(i), MARGIN, at, room);
    }
  }

  private static void write(
      Picture sheet, Lettering lettering, String text, int left, int top, int room) {
    lettering.fitting(text, room).draw(sheet, text, left, top);
  }
}
