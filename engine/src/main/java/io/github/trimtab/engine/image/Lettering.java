package io.github.trimtab.engine.image;

/**
 * Text on pictures, smooth at any size.
 *
 * @param height of a capital in pixels
 * @param pen width of a stroke as a share of the height
 * @param colour {@code 0xRRGGBB}
 */
public record Lettering(float height, float pen, int colour) {

  private static final float GAP = 4.2f;

  /** Width of a text in pixels. */
  public float width(String text) {
    float units = 0;
    for (int i = 0; i < text.length(); i++) {
      units += Glyphs.of(text.charAt(i)).width() + GAP;
    }
    return Math.max(0, units - GAP) * unit() + pen * height;
  }

  /** The same lettering, made smaller if {@code text} would be wider than {@code pixels}. */
  public Lettering fitting(String text, float pixels) {
    float width = width(text);
    return width <= pixels ? this : new Lettering(height * pixels / width, pen, colour);
  }

  /**
   * Draws one line of text.
   *
   * @param left where its first letter begins
   * @param top upper edge of the capitals
   */
  public void draw(Picture picture, String text, float left, float top) {
    float at = left + pen * height / 2;
    for (int i = 0; i < text.length(); i++) {
      Glyphs.Glyph glyph = Glyphs.of(text.charAt(i));
      draw(picture, glyph, at, top);
      at += (glyph.width() + GAP) * unit();
    }
  }

  private float unit() {
    return height / Glyphs.CAPITAL;
  }

  /** A pixel is as dark as the pen's disc, moved along the strokes, comes near its centre. */
  private void draw(Picture picture, Glyphs.Glyph glyph, float left, float top) {
    float radius = pen * height / 2;
    int reach = (int) Math.ceil(radius + 1);
    int bottom = (int) Math.ceil(top + (Glyphs.CAPITAL + Glyphs.DESCENDER) * unit()) + reach;
    int right = (int) Math.ceil(left + glyph.width() * unit()) + reach;
    for (int y = Math.max(0, (int) top - reach); y < Math.min(bottom, picture.height()); y++) {
      for (int x = Math.max(0, (int) left - reach); x < Math.min(right, picture.width()); x++) {
        float nearest = Float.MAX_VALUE;
        for (Glyphs.Segment segment : glyph.segments()) {
          float distance = distance(segment, (x + 0.5f - left) / unit(), (y + 0.5f - top) / unit());
          nearest = Math.min(nearest, distance);
        }
        blend(picture, x, y, Math.clamp(radius + 0.5f - nearest * unit(), 0f, 1f));
      }
    }
  }

  private static float distance(Glyphs.Segment segment, float x, float y) {
    float dx = segment.x2() - segment.x1();
    float dy = segment.y2() - segment.y1();
    float length = dx * dx + dy * dy;
    float along = (x - segment.x1()) * dx + (y - segment.y1()) * dy;
    float t = length == 0 ? 0 : Math.clamp(along / length, 0f, 1f);
    return (float) Math.hypot(x - segment.x1() - t * dx, y - segment.y1() - t * dy);
  }

  private void blend(Picture picture, int x, int y, float share) {
    if (share > 0) {
      int mixed = 0;
      for (int channel = 0; channel < 3; channel++) {
        int ours = colour >> (16 - 8 * channel) & 0xff;
        int theirs = picture.channel(x, y, channel);
        mixed = mixed << 8 | Math.round(theirs + (ours - theirs) * share);
      }
      picture.set(x, y, mixed);
    }
  }
}
