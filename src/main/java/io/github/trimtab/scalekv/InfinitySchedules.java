package io.github.trimtab.scalekv;

import java.util.List;

/**
 * The maps of Infinity's pictures that are not square, by height to width, at the size "1M": a
 * token stands for 16 x 16 pixels. {@link Schedule#transposed} gives those that are wider than
 * high, and its smaller sizes are the first maps of these: 7 for "0.06M", 10 for "0.25M", 12 for
 * "0.60M" ({@link Schedule#first}). The square one is {@link Schedule#INFINITY_1M}.
 */
public final class InfinitySchedules {
  /** 5 to 4: 1120 x 896 pixels. */
  public static final Schedule FIVE_TO_FOUR =
      Schedule.ofGrids(
          new int[] {1, 2, 3, 5, 10, 15, 20, 25, 30, 35, 45, 55, 70},
          new int[] {1, 2, 3, 4, 8, 12, 16, 20, 24, 28, 36, 44, 56});

  /** 4 to 3: 1152 x 864 pixels. */
  public static final Schedule FOUR_TO_THREE =
      Schedule.ofGrids(
          new int[] {1, 2, 4, 8, 12, 16, 20, 24, 28, 36, 48, 60, 72},
          new int[] {1, 2, 3, 6, 9, 12, 15, 18, 21, 27, 36, 45, 54});

  /** 3 to 2: 1248 x 832 pixels. */
  public static final Schedule THREE_TO_TWO =
      Schedule.ofGrids(
          new int[] {1, 2, 3, 6, 9, 15, 21, 27, 33, 39, 48, 63, 78},
          new int[] {1, 2, 2, 4, 6, 10, 14, 18, 22, 26, 32, 42, 52});

  /** 7 to 4: 1344 x 768 pixels. */
  public static final Schedule SEVEN_TO_FOUR =
      Schedule.ofGrids(
          new int[] {1, 2, 3, 7, 11, 14, 21, 28, 35, 42, 56, 70, 84},
          new int[] {1, 2, 3, 4, 6, 8, 12, 16, 20, 24, 32, 40, 48});

  /** 2 to 1: 1440 x 720 pixels. */
  public static final Schedule TWO_TO_ONE =
      Schedule.ofGrids(
          new int[] {1, 2, 4, 6, 10, 16, 22, 30, 38, 46, 60, 74, 90},
          new int[] {1, 2, 2, 3, 5, 8, 11, 15, 19, 23, 30, 37, 45});

  /** 5 to 2: 1600 x 640 pixels. */
  public static final Schedule FIVE_TO_TWO =
      Schedule.ofGrids(
          new int[] {1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 65, 80, 100},
          new int[] {1, 2, 2, 4, 6, 8, 10, 12, 16, 20, 26, 32, 40});

  /** 3 to 1: 1776 x 592 pixels. */
  public static final Schedule THREE_TO_ONE =
      Schedule.ofGrids(
          new int[] {1, 2, 6, 9, 15, 21, 27, 36, 45, 54, 72, 90, 111},
          new int[] {1, 2, 2, 3, 5, 7, 9, 12, 15, 18, 24, 30, 37});

  private InfinitySchedules() {}

  /** All that are higher than wide, the squarest first. */
  public static List<Schedule> all() {
    return List.of(
        FIVE_TO_FOUR,
        FOUR_TO_THREE,
        THREE_TO_TWO,
        SEVEN_TO_FOUR,
        TWO_TO_ONE,
        FIVE_TO_TWO,
        THREE_TO_ONE);
  }
}
